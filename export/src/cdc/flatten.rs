//! Decoded records to changes, a batch at a time.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};

use super::change::{Op, Refused};
use super::convert::convert;
use super::error::CdcError;
use super::keys::encode_key;
use super::logical::{Conversion, Unit};
use super::pick::pick;
use super::plan::{ChangePlan, Moments, Place, RowColumn, Shape};

/// Records as the decoder gave them.
#[derive(Debug, Clone, Copy)]
pub struct Decoded<'a> {
    /// How many.
    pub rows: usize,
    /// The columns of the value's fields.
    pub value: &'a [ArrayRef],
    /// Which records have a value; `None` where all have. The others are tombstones.
    pub has_value: Option<&'a NullBuffer>,
    /// The columns of the key's fields; a record without a key has null in all of them.
    pub key: Option<&'a [ArrayRef]>,
}

/// Changes in the order of their records.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The columns of [`ChangePlan::fields`].
    pub columns: Vec<ArrayRef>,
    /// For each change, the record it comes from.
    pub from: Vec<usize>,
    /// What each did.
    pub ops: Vec<Op>,
    /// For current-state tables: the keys that changes have left behind, and whose change it was.
    pub left_keys: Option<LeftKeys>,
    /// For current-state tables: the first change and the column of [`ChangePlan::fields`] whose value was not given.
    pub unavailable: Option<(usize, usize)>,
    /// Records that are no change one could apply.
    pub refused: Vec<Refused>,
    /// Records without a value that only follow a delete; they are in no table.
    pub tombstones: usize,
}

/// Keys that rows had before a change gave them another one.
#[derive(Debug, Clone)]
pub struct LeftKeys {
    /// The key's columns, a row for each change.
    pub columns: Vec<ArrayRef>,
    /// Whether the change has left a key behind.
    pub left: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    After,
    Before,
    Key,
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Made {
    row: usize,
    op: Op,
    side: Side,
}

enum Verdict {
    Change(Op, Side),
    Tombstone,
    Refused(&'static str, String),
}

/// The images of one column, converted, with the rows whose value did not fit.
struct Images {
    arrays: Vec<ArrayRef>,
    bad: Vec<HashSet<usize>>,
    after: Option<usize>,
    before: Option<usize>,
    key: Option<usize>,
    is_key: bool,
}

impl ChangePlan {
    /// Turns decoded records into changes.
    ///
    /// # Errors
    /// Only for columns that are not those planned for; bad records are [`Changes::refused`].
    pub fn flatten(&self, decoded: &Decoded<'_>) -> Result<Changes, CdcError> {
        let (given, rows) = (decoded.value.len(), decoded.rows);
        if given != self.value_columns || decoded.value.iter().any(|column| column.len() != rows) {
            return Err(CdcError::Columns { given, rows, planned: self.value_columns });
        }
        let (mut made, mut refused, tombstones) = self.judge(decoded);
        if self.current && self.keys.is_empty() && made.iter().any(|made| made.op.is_of_row()) {
            return Err(CdcError::NoKey);
        }
        let mut images = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.fields.iter().skip(self.first_row_column())) {
            let is_key = self.keys.contains(&(self.first_row_column() + images.len()));
            images.push(Images::of(column, field, decoded, is_key)?);
        }
        self.refuse_bad(&images, &mut made, &mut refused);
        let mut columns = self.facts(decoded, &made)?;
        let mut unavailable = None;
        for (at, ((column, images), field)) in
            self.columns.iter().zip(&images).zip(self.fields.iter().skip(self.first_row_column())).enumerate()
        {
            let sources: Vec<_> = images.arrays.iter().collect();
            let places: Vec<_> = made
                .iter()
                .enumerate()
                .map(|(change, made)| {
                    let place = images.choose(made);
                    if !(self.current && column.hides && made.op.leaves_row()) {
                        return place;
                    }
                    match self.given(images, place, made.row) {
                        Ok(place) => place,
                        Err(NotGiven) => {
                            let earlier = unavailable.is_none_or(|(first, _)| change < first);
                            if earlier {
                                unavailable = Some((change, self.first_row_column() + at));
                            }
                            place
                        }
                    }
                })
                .collect();
            columns.push(pick(&sources, field.data_type(), places.into_iter())?);
        }
        let left_keys = if self.current { self.left_keys(&images, &made, &columns)? } else { None };
        let from = made.iter().map(|made| made.row).collect();
        let ops = made.iter().map(|made| made.op).collect();
        Ok(Changes { columns, from, ops, left_keys, unavailable, refused, tombstones })
    }

    /// What each record is.
    fn judge(&self, decoded: &Decoded<'_>) -> (Vec<Made>, Vec<Refused>, usize) {
        let (mut made, mut refused, mut tombstones) = (Vec::with_capacity(decoded.rows), Vec::new(), 0);
        for row in 0..decoded.rows {
            match self.verdict(decoded, row) {
                Verdict::Change(op, side) => made.push(Made { row, op, side }),
                Verdict::Tombstone => tombstones += 1,
                Verdict::Refused(reason, message) => {
                    refused.push(Refused { row, reason, field: None, message });
                }
            }
        }
        (made, refused, tombstones)
    }

    fn verdict(&self, decoded: &Decoded<'_>, row: usize) -> Verdict {
        let has_key = decoded.key.is_some_and(|key| key.iter().any(|column| column.is_valid(row)));
        let has_value = decoded.has_value.is_none_or(|valid| valid.is_valid(row));
        match &self.shape {
            Shape::Envelope { .. } if !has_value => Verdict::Tombstone,
            Shape::Envelope { op, before, after } => {
                let op = match letter(decoded, *op, row) {
                    Ok(op) => op,
                    Err(refused) => return refused,
                };
                let there = |at: &usize| decoded.value.get(*at).is_some_and(|column| column.is_valid(row));
                match op {
                    Op::Create | Op::Update | Op::Read if there(after) => Verdict::Change(op, Side::After),
                    Op::Delete if before.as_ref().is_some_and(there) => Verdict::Change(op, Side::Before),
                    Op::Delete if has_key => Verdict::Change(op, Side::Key),
                    Op::Truncate | Op::Message => Verdict::Change(op, Side::Nothing),
                    Op::Delete => {
                        Verdict::Refused("cdc_no_row", "a delete with neither `before` nor a key".to_owned())
                    }
                    _ => Verdict::Refused("cdc_no_row", format!("a change of kind `{op}` without `after`")),
                }
            }
            Shape::Unwrapped { deleted, .. } if !has_value => match (deleted, has_key) {
                (None, true) => Verdict::Change(Op::Delete, Side::Key),
                // Its delete has been written out just before.
                (Some(_), _) => Verdict::Tombstone,
                (None, false) => Verdict::Refused("cdc_no_row", "neither a value nor a key".to_owned()),
            },
            Shape::Unwrapped { op, deleted } => {
                if deleted.is_some_and(|at| is_true(decoded.value.get(at), row)) {
                    return Verdict::Change(Op::Delete, Side::After);
                }
                match op.map(|op| letter(decoded, op, row)) {
                    None => Verdict::Change(Op::Update, Side::After),
                    Some(Ok(op @ (Op::Truncate | Op::Message))) => Verdict::Change(op, Side::Nothing),
                    Some(Ok(op)) => Verdict::Change(op, Side::After),
                    Some(Err(refused)) => refused,
                }
            }
        }
    }

    /// Takes out the changes with a value that does not fit, or without a key where one is needed.
    fn refuse_bad(&self, images: &[Images], made: &mut Vec<Made>, refused: &mut Vec<Refused>) {
        let name =
            |at: usize| self.fields.get(self.first_row_column() + at).map(|field| field.name().clone());
        let before = refused.len();
        made.retain(|made| {
            for (at, images) in images.iter().enumerate() {
                if let Some((source, row)) = images.choose(made)
                    && images.bad.get(source).is_some_and(|bad| bad.contains(&row))
                {
                    let message = "the value does not fit the type that its name stands for".to_owned();
                    refused.push(Refused {
                        row: made.row,
                        reason: "cdc_bad_value",
                        field: name(at),
                        message,
                    });
                    return false;
                }
            }
            let keyless = || {
                images.iter().filter(|images| images.is_key).all(|images| images.choose_valid(made).is_none())
            };
            if self.current && made.op.is_of_row() && keyless() {
                let message = "a change whose key is null in all its columns".to_owned();
                refused.push(Refused { row: made.row, reason: "cdc_null_key", field: None, message });
                return false;
            }
            true
        });
        if refused.len() > before {
            refused.sort_by_key(|refused| refused.row);
        }
    }

    /// The `cdc_*` columns.
    fn facts(&self, decoded: &Decoded<'_>, made: &[Made]) -> Result<Vec<ArrayRef>, CdcError> {
        let mut ops = StringBuilder::with_capacity(made.len(), made.len());
        made.iter().for_each(|made| ops.append_value(made.op.letter()));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ops.finish())];
        columns.push(moment(&self.ts, decoded, made));
        columns.push(moment(&self.source_ts, decoded, made));
        let fields = self.fields.iter().skip(columns.len());
        for (place, field) in self.source.iter().zip(fields) {
            let sources: Vec<_> = at(decoded, *place).into_iter().collect();
            let rows = made.iter().map(|made| is_there(decoded, *place, made.row).then_some((0, made.row)));
            let rows = rows.map(|place| place.filter(|_| !sources.is_empty()));
            columns.push(pick(&sources, field.data_type(), rows)?);
        }
        Ok(columns)
    }

    /// The value that a column really has: where `after` does not give it, what `before` gives.
    fn given(
        &self,
        images: &Images,
        place: Option<(usize, usize)>,
        row: usize,
    ) -> Result<Option<(usize, usize)>, NotGiven> {
        let Some((source, at)) = place else { return Ok(None) };
        let hidden =
            |source: usize| images.arrays.get(source).is_some_and(|array| self.placeholder.is_at(array, at));
        if !hidden(source) {
            return Ok(place);
        }
        // A null in `before` may only mean that the source does not give the old row.
        let old = images.before.filter(|old| images.valid(*old, row) && !hidden(*old));
        old.map(|old| Some((old, row))).ok_or(NotGiven)
    }

    /// Keys of `before` that differ from those of `after`.
    fn left_keys(
        &self,
        images: &[Images],
        made: &[Made],
        columns: &[ArrayRef],
    ) -> Result<Option<LeftKeys>, CdcError> {
        let first = self.first_row_column();
        let keys: Vec<_> = self.keys.iter().filter_map(|at| images.get(at.checked_sub(first)?)).collect();
        let updates = made.iter().any(|made| made.op == Op::Update);
        if !updates || keys.is_empty() || keys.iter().any(|images| images.before.is_none()) {
            return Ok(None);
        }
        let mut old = Vec::with_capacity(keys.len());
        for (images, at) in keys.iter().zip(&self.keys) {
            let sources: Vec<_> = images.arrays.iter().collect();
            let rows = made.iter().map(|made| {
                let before = images.before.filter(|_| made.op == Op::Update)?;
                images.valid(before, made.row).then_some((before, made.row))
            });
            let data_type = self.fields.get(*at).map_or(&DataType::Null, |field| field.data_type());
            old.push(pick(&sources, data_type, rows)?);
        }
        let new: Vec<_> = self.keys.iter().filter_map(|at| columns.get(*at).cloned()).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let mut left = Vec::with_capacity(made.len());
        for change in 0..made.len() {
            // `before` without its key says nothing: it is not given, or the row had none.
            if old.iter().any(|column| column.is_null(change)) {
                left.push(false);
                continue;
            }
            a.clear();
            b.clear();
            let same = encode_key(&old, change, &mut a).is_ok()
                && encode_key(&new, change, &mut b).is_ok()
                && a == b;
            left.push(!same);
        }
        Ok(left.contains(&true).then_some(LeftKeys { columns: old, left }))
    }
}

struct NotGiven;

impl Images {
    fn of(column: &RowColumn, field: &Field, decoded: &Decoded<'_>, is_key: bool) -> Result<Self, CdcError> {
        let mut images =
            Self { arrays: Vec::new(), bad: Vec::new(), after: None, before: None, key: None, is_key };
        images.after = images.add(column.after.as_ref(), field, decoded)?;
        images.before = images.add(column.before.as_ref(), field, decoded)?;
        images.key = images.add(column.key.as_ref(), field, decoded)?;
        Ok(images)
    }

    fn add(
        &mut self,
        image: Option<&(Place, Conversion)>,
        field: &Field,
        decoded: &Decoded<'_>,
    ) -> Result<Option<usize>, CdcError> {
        let Some((place, conversion)) = image else { return Ok(None) };
        let Some(array) = at(decoded, *place) else { return Ok(None) };
        let mut bad = Vec::new();
        let array = convert(conversion, array, field.data_type(), &mut bad)?;
        self.arrays.push(array);
        self.bad.push(bad.into_iter().collect());
        Ok(Some(self.arrays.len() - 1))
    }

    fn valid(&self, source: usize, row: usize) -> bool {
        self.arrays.get(source).is_some_and(|array| array.is_valid(row))
    }

    /// Where the column's value of a change stands. A bad value counts as there: its row will be refused.
    fn choose(&self, made: &Made) -> Option<(usize, usize)> {
        let side = match made.side {
            Side::After => self.after,
            Side::Before => self.before,
            Side::Key | Side::Nothing => None,
        };
        let there = |source: &usize| {
            self.valid(*source, made.row) || self.bad.get(*source).is_some_and(|bad| bad.contains(&made.row))
        };
        let key = self.key.filter(|_| self.is_key && made.side != Side::Nothing);
        let source = side.filter(there).or(key.filter(there))?;
        Some((source, made.row))
    }

    fn choose_valid(&self, made: &Made) -> Option<(usize, usize)> {
        self.choose(made).filter(|(source, row)| self.valid(*source, *row))
    }
}

/// A column of the decoded records.
fn at<'a>(decoded: &Decoded<'a>, place: Place) -> Option<&'a ArrayRef> {
    match place {
        Place::Top(at) => decoded.value.get(at),
        Place::Child(at, child) => decoded.value.get(at)?.as_struct_opt()?.columns().get(child),
        Place::Key(at) => decoded.key?.get(at),
    }
}

/// Whether the struct that a column stands in is there: what stands under a null struct is no value.
fn is_there(decoded: &Decoded<'_>, place: Place, row: usize) -> bool {
    match place {
        Place::Child(at, _) => decoded.value.get(at).is_some_and(|column| column.is_valid(row)),
        Place::Top(_) | Place::Key(_) => true,
    }
}

fn letter(decoded: &Decoded<'_>, at: usize, row: usize) -> Result<Op, Verdict> {
    let column = decoded.value.get(at).and_then(|column| column.as_string_opt::<i32>());
    let Some(letter) = column.filter(|column| column.is_valid(row)).map(|column| column.value(row)) else {
        return Err(Verdict::Refused("cdc_no_op", "the record does not say what it changes".to_owned()));
    };
    Op::of(letter).ok_or_else(|| {
        let shown: String = letter.chars().take(16).collect();
        Verdict::Refused("cdc_unknown_op", format!("`{shown}` is no kind of change"))
    })
}

/// `__deleted` is text in most versions.
fn is_true(column: Option<&ArrayRef>, row: usize) -> bool {
    let Some(column) = column.filter(|column| column.is_valid(row)) else { return false };
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row),
        DataType::Utf8 => column.as_string::<i32>().value(row) == "true",
        _ => false,
    }
}

fn moment(moments: &Moments, decoded: &Decoded<'_>, made: &[Made]) -> ArrayRef {
    let of = |row: usize| {
        moments.iter().find_map(|(place, unit)| {
            if !is_there(decoded, *place, row) {
                return None;
            }
            let column = at(decoded, *place)?.as_primitive_opt::<Int64Type>()?;
            let value = column.is_valid(row).then(|| column.value(row))?;
            match unit {
                Unit::Millis => value.checked_mul(1000),
                Unit::Micros => Some(value),
                Unit::Nanos => Some(value.div_euclid(1000)),
            }
        })
    };
    let array: PrimitiveArray<TimestampMicrosecondType> = made.iter().map(|made| of(made.row)).collect();
    Arc::new(array.with_timezone("UTC"))
}

#[cfg(test)]
mod tests;
