//! Changes in a job: what the decoder gave becomes rows of the table, by the hook that jobs have for it.
//!
//! ```text
//!  registry, declared JSON: columns of key and value ──┐
//!                                                      ├─► ChangePlan ─► Changes ─► rows of the table ──► changelog
//!  JSON with its schema: bytes ─► runs of columns ─────┘                                    └──► Fold ──► current state
//! ```
//!
//! A changelog gives its rows at once. A current-state table holds them back until the round ends, and wants all of them in
//! one schema.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray, UInt64Array, new_null_array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Fields};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use firnline_decode::{SchemaKind, WriterSchema};
use firnline_store::env::Clock;

use super::change::Refused;
use super::error::CdcError;
use super::flatten::{Changes, Decoded};
use super::fold::Fold;
use super::inline::Inline;
use super::names::Names;
use super::plan::ChangePlan;
use super::settings::{CdcSettings, CdcTable};
use super::widen::widen;
use crate::job::{Pushed, Shape, ShapeError, Shaped, Shaping};
use crate::rows::{DeadRow, Encoded, Layout, Origin, OwnColumns, Part, RowSettings, Side, dead_letters};

/// How many plans are kept: pairs of key and value schemas.
const MAX_PLANS: usize = 256;

/// Makes the shape of each round of a CDC table.
#[derive(Clone)]
pub struct Cdc {
    settings: CdcSettings,
    partitions: usize,
    clock: Arc<dyn Clock>,
    inline: bool,
}

impl Cdc {
    /// For a topic of so many partitions. The clock dates dead letters.
    #[must_use]
    pub fn new(settings: CdcSettings, partitions: usize, clock: Arc<dyn Clock>) -> Self {
        Self { settings, partitions, clock, inline: false }
    }

    /// For records that carry their schema with them: Connect's JSON with `schemas.enable`.
    #[must_use]
    pub fn inline(self) -> Self {
        Self { inline: true, ..self }
    }
}

impl fmt::Debug for Cdc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cdc")
            .field("settings", &self.settings)
            .field("inline", &self.inline)
            .finish_non_exhaustive()
    }
}

impl Shaping for Cdc {
    fn own(&self, rows: &RowSettings) -> Option<RowSettings> {
        // Dead letters want the bytes, and so does who decodes them here.
        let mut own = RowSettings { keep_key: true, keep_value: true, ..rows.clone() };
        if self.inline {
            own.key = Part::Binary;
            own.value = Part::Binary;
        }
        Some(own)
    }

    fn begin(&self, layout: &Arc<Layout>) -> Result<Box<dyn Shape>, ShapeError> {
        Ok(Box::new(CdcShape {
            cdc: self.clone(),
            layout: Arc::clone(layout),
            inline: self.inline.then(Inline::default),
            plans: Vec::new(),
            last: None,
            fold: None,
            waits: false,
        }))
    }
}

/// One side of some records, as its schema has it.
#[derive(Clone)]
struct OneSide {
    fields: Fields,
    names: Names,
    columns: Vec<ArrayRef>,
    has: Option<NullBuffer>,
}

/// Records of one pair of schemas.
struct Stretch {
    /// Their places in the batch; `None` where they are all of it.
    rows: Option<Vec<usize>>,
    count: usize,
    value: Option<OneSide>,
    key: Option<OneSide>,
}

/// What a plan is made for: the same fields under other names of Connect's are other columns.
type Made = (Fields, Names);

/// A plan with what it was made for.
struct Planned {
    value: Made,
    key: Option<Made>,
    /// Whether the value stands in a field `payload`, with its schema beside it.
    wrapped: bool,
    plan: Arc<ChangePlan>,
    /// Whether the table has all of its columns.
    fits: bool,
}

struct CdcShape {
    cdc: Cdc,
    layout: Arc<Layout>,
    inline: Option<Inline>,
    plans: Vec<Planned>,
    /// The plan of the last records that had a value: what follows may be tombstones alone.
    last: Option<usize>,
    fold: Option<Folding>,
    /// Whether the table has been asked to grow and has not yet: nothing is taken before that.
    waits: bool,
}

struct Folding {
    fold: Fold,
    /// Where the key's columns stand in the table.
    key: Vec<usize>,
}

impl Shape for CdcShape {
    fn push(&mut self, encoded: &mut Encoded) -> Result<Pushed, ShapeError> {
        let nothing = Pushed::Taken { rows: None, dead: None };
        // A fold's round begins again once the table has grown: what comes until it ends would be asked about over and over.
        // Nothing can be lost by it: `finish` is an error then.
        if self.waits && self.one_schema() {
            return Ok(nothing);
        }
        let Some(rows) = &encoded.rows else { return Ok(nothing) };
        let (stretches, mut refused) = self.stretches(rows, encoded).map_err(failed)?;
        // All plans first: where the table has to grow, nothing may have been taken.
        let mut plans = Vec::with_capacity(stretches.len());
        for stretch in &stretches {
            let at = self.plan(stretch).map_err(failed)?;
            if let Some(planned) = at.and_then(|at| self.plans.get_mut(at))
                && !planned.fits
            {
                if let Some(grown) = self.layout.grown(Side::Value, planned.plan.fields()) {
                    self.waits = true;
                    return Ok(Pushed::Grow(grown));
                }
                planned.fits = true;
            }
            plans.push(at);
        }
        let mut made = Vec::new();
        for (stretch, at) in stretches.iter().zip(plans) {
            let Some(planned) = at.and_then(|at| self.plans.get(at)) else { continue };
            let plan = Arc::clone(&planned.plan);
            let mut changes = planned.changes(stretch).map_err(failed)?;
            if let Some(places) = &stretch.rows {
                let place = |row: &mut usize| *row = places.get(*row).copied().unwrap_or(usize::MAX);
                changes.from.iter_mut().for_each(place);
                changes.refused.iter_mut().for_each(|refused| place(&mut refused.row));
            }
            let batch = self.table_rows(rows, &plan, &changes).map_err(failed)?;
            if self.cdc.settings.table == CdcTable::Current {
                self.fold(&plan, &batch, &changes).map_err(failed)?;
            } else if batch.num_rows() > 0 {
                made.push(batch);
            }
            refused.append(&mut changes.refused);
        }
        let dead = self.dead(rows, refused)?;
        let rows = match made.len() {
            0 | 1 => made.pop(),
            _ => Some(concat_batches(&self.layout.schema(), &made).map_err(CdcError::from).map_err(failed)?),
        };
        Ok(Pushed::Taken { rows, dead })
    }

    fn relayout(&mut self, layout: &Arc<Layout>) -> Result<(), ShapeError> {
        self.layout = Arc::clone(layout);
        self.waits = false;
        self.plans.iter_mut().for_each(|planned| planned.fits = false);
        Ok(())
    }

    fn one_schema(&self) -> bool {
        self.cdc.settings.table == CdcTable::Current
    }

    fn held(&self) -> usize {
        self.fold.as_ref().map_or(0, |folding| folding.fold.bytes())
    }

    fn finish(&mut self, table_is_empty: bool) -> Result<Shaped, ShapeError> {
        if self.waits {
            return Err(failed(CdcError::NotGrown));
        }
        let Some(Folding { fold, key }) = self.fold.take() else { return Ok(Shaped::default()) };
        let folded = fold.finish(table_is_empty).map_err(failed)?;
        let schema = self.layout.schema();
        let keys = schema.project(&key).map(Arc::new).map_err(CdcError::from).map_err(failed)?;
        let mut deletes = Vec::with_capacity(folded.deletes.len());
        for columns in folded.deletes {
            deletes.push(
                RecordBatch::try_new(Arc::clone(&keys), columns).map_err(CdcError::from).map_err(failed)?,
            );
        }
        Ok(Shaped { replaces_all: folded.truncated, rows: folded.rows, deletes })
    }
}

fn failed(error: CdcError) -> ShapeError {
    Arc::new(error)
}

impl CdcShape {
    /// The records of a batch, by their schemas, and those that cannot be read.
    fn stretches(
        &mut self,
        rows: &RecordBatch,
        encoded: &Encoded,
    ) -> Result<(Vec<Stretch>, Vec<Refused>), CdcError> {
        let types = &self.cdc.settings.types;
        if let Some(inline) = &mut self.inline {
            let (runs, refused) = inline.runs(rows).map_err(lacking)?;
            let of = |side: super::inline::RunSide| OneSide {
                fields: side.fields().clone(),
                names: side.schema.names.clone().with_types(types),
                columns: side.columns,
                has: side.has,
            };
            let stretches = runs.into_iter().map(|run| Stretch {
                count: run.rows.len(),
                rows: Some(run.rows),
                value: run.value.map(of),
                key: run.key.map(of),
            });
            return Ok((stretches.collect(), refused));
        }
        let value = encoded.value.as_deref().ok_or_else(|| lacking("value"))?;
        let of = |own: &OwnColumns| {
            let schema = own.schema.as_ref()?;
            Some(OneSide {
                fields: schema.fields.clone(),
                names: names_of(&schema.schema).with_types(types),
                columns: own.columns.clone(),
                has: own.has.clone(),
            })
        };
        let key = encoded.key.as_deref().and_then(of);
        Ok((vec![Stretch { rows: None, count: rows.num_rows(), value: of(value), key }], Vec::new()))
    }

    /// The plan for records; `None` where nothing is known of them yet but that they have no value.
    fn plan(&mut self, stretch: &Stretch) -> Result<Option<usize>, CdcError> {
        let Some(value) = &stretch.value else { return Ok(self.last) };
        let is = |made: &Made, of: &OneSide| made.0 == of.fields && made.1 == of.names;
        let same = |known: &Planned| {
            let key = match (&known.key, &stretch.key) {
                (Some(known), Some(key)) => is(known, key),
                // Records without a key tell nothing of it.
                (_, None) => true,
                (None, Some(_)) => false,
            };
            key && is(&known.value, value)
        };
        if let Some(at) = self.plans.iter().position(same) {
            self.last = Some(at);
            return Ok(Some(at));
        }
        let key = stretch.key.as_ref().map(|key| (&key.fields, &key.names));
        let settings = &self.cdc.settings;
        let (wrapped, plan) = match payload(&value.fields) {
            Some(fields) => (true, ChangePlan::new((fields, value.names.child("payload")), key, settings)?),
            None => (false, ChangePlan::new((&value.fields, &value.names), key, settings)?),
        };
        // The oldest go, not those that this batch has found already.
        if self.plans.len() >= MAX_PLANS {
            return Err(CdcError::TooManySchemas { most: MAX_PLANS });
        }
        let made = |of: &OneSide| (of.fields.clone(), of.names.clone());
        let (value, key) = (made(value), stretch.key.as_ref().map(made));
        self.plans.push(Planned { value, key, wrapped, plan: Arc::new(plan), fits: false });
        self.last = Some(self.plans.len() - 1);
        Ok(self.last)
    }

    fn dead(&self, rows: &RecordBatch, mut refused: Vec<Refused>) -> Result<Option<RecordBatch>, ShapeError> {
        if refused.is_empty() {
            return Ok(None);
        }
        refused.sort_by_key(|refused| refused.row);
        let dead: Vec<_> = refused
            .into_iter()
            .map(|Refused { row, reason, field, message }| DeadRow { row, reason, message, field })
            .collect();
        let now_us = self.cdc.clock.now_ms().saturating_mul(1000);
        dead_letters(rows, &dead, now_us).map(Some).map_err(|error| Arc::new(error) as ShapeError)
    }

    /// Changes with the columns of the table.
    fn table_rows(
        &self,
        rows: &RecordBatch,
        plan: &ChangePlan,
        changes: &Changes,
    ) -> Result<RecordBatch, CdcError> {
        let schema = self.layout.schema();
        let from = changes.from.iter().map(|row| u64::try_from(*row).unwrap_or(u64::MAX));
        let from = UInt64Array::from_iter_values(from);
        let sources: Vec<_> = (0..plan.fields().len()).map(|source| self.place(plan, source)).collect();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (at, column) in self.layout.columns().iter().enumerate() {
            let to = column.field.data_type();
            let found = match &column.origin {
                Origin::Kafka(of) => match rows.column_by_name(of.name()) {
                    Some(kafka) => Some(take(kafka, &from, None)?),
                    None => None,
                },
                Origin::Field { .. } => {
                    let source = sources.iter().position(|place| *place == Some(at));
                    source.and_then(|source| changes.columns.get(source)).cloned()
                }
                Origin::Foreign => None,
            };
            columns.push(match found.map(|column| widen(&column, to)) {
                Some(Ok(column)) => column,
                Some(Err(error)) => return Err(ArrowError::ExternalError(Box::new(error)).into()),
                None => new_null_array(to, changes.from.len()),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(changes.from.len()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }

    /// Where in the table a column of the plan stands: the first that came from it and takes its values.
    fn place(&self, plan: &ChangePlan, source: usize) -> Option<usize> {
        let field = plan.fields().get(source)?;
        let empty = new_null_array(field.data_type(), 0);
        self.layout.columns().iter().position(|column| {
            matches!(&column.origin, Origin::Field { side: Side::Value, name } if name == field.name())
                && widen(&empty, column.field.data_type()).is_ok()
        })
    }

    fn fold(&mut self, plan: &ChangePlan, batch: &RecordBatch, changes: &Changes) -> Result<(), CdcError> {
        let mut key = Vec::with_capacity(plan.keys().len());
        for source in plan.keys() {
            let name = || plan.fields().get(*source).map_or_else(String::new, |field| field.name().clone());
            key.push(self.place(plan, *source).ok_or_else(|| CdcError::NoKeyColumn { column: name() })?);
        }
        let folding = self.fold.get_or_insert_with(|| {
            let fold = Fold::new(key.clone(), self.cdc.settings.truncate, self.cdc.partitions);
            Folding { fold, key: key.clone() }
        });
        // A truncation has no key, and tells nothing of that of the rows.
        if folding.key.is_empty() {
            folding.fold.know_key(&key);
            folding.key.clone_from(&key);
        }
        if !key.is_empty() && folding.key != key {
            return Err(CdcError::OtherKey);
        }
        let column = |name: &str| batch.column_by_name(name);
        let partitions = column("kafka_partition").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let offsets = column("kafka_offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let partitions = partitions.ok_or_else(|| lacking("kafka_partition"))?;
        let offsets = offsets.ok_or_else(|| lacking("kafka_offset"))?;
        let name = |at: usize| plan.fields().get(at).map_or_else(String::new, |field| field.name().clone());
        folding.fold.push(batch, partitions.values(), offsets.values(), changes, &name)
    }
}

fn lacking(column: &str) -> CdcError {
    CdcError::Lacking { column: column.to_owned() }
}

impl Planned {
    fn changes(&self, stretch: &Stretch) -> Result<Changes, CdcError> {
        let rows = stretch.count;
        let (nulls, nothing): (Vec<ArrayRef>, NullBuffer);
        let (columns, has) = match &stretch.value {
            Some(value) => (&value.columns, value.has.as_ref()),
            // Tombstones alone have no schema, and no columns.
            None => {
                nulls = self.value.0.iter().map(|field| new_null_array(field.data_type(), rows)).collect();
                nothing = NullBuffer::new_null(rows);
                (&nulls, Some(&nothing))
            }
        };
        let key = stretch.key.as_ref().map(|key| key.columns.as_slice());
        if !self.wrapped {
            return self.plan.flatten(&Decoded { rows, value: columns, has_value: has, key });
        }
        let inner = payload_columns(&self.value.0, columns).ok_or_else(|| lacking("payload"))?;
        let has = NullBuffer::union(has, inner.nulls());
        self.plan.flatten(&Decoded { rows, value: inner.columns(), has_value: has.as_ref(), key })
    }
}

/// The fields of `payload`, where a value was declared with its wrapper.
fn payload(fields: &Fields) -> Option<&Fields> {
    match fields.iter().find(|field| field.name() == "payload")?.data_type() {
        DataType::Struct(inner) if fields.len() <= 2 => Some(inner),
        _ => None,
    }
}

fn payload_columns<'a>(fields: &Fields, columns: &'a [ArrayRef]) -> Option<&'a StructArray> {
    let at = fields.iter().position(|field| field.name() == "payload")?;
    columns.get(at)?.as_struct_opt()
}

/// What a schema calls its types.
fn names_of(schema: &WriterSchema) -> Names {
    match schema.kind() {
        SchemaKind::Avro => Names::of_avro(schema.text()),
        SchemaKind::Json => Names::of_json_schema(schema.text()),
        SchemaKind::Protobuf => Names::default(),
    }
}

#[cfg(test)]
mod tests;
