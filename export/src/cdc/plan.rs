//! How the columns of one writer schema become those of a changelog: found out once per schema.
//!
//! ```text
//!  envelope:   before{…} after{…} op ts_ms source{…}      ──►  cdc_op cdc_ts cdc_source_ts cdc_source_* │ row's columns
//!  unwrapped:  row's columns, __op __deleted __ts_ms __x  ──►  cdc_op cdc_ts cdc_source_ts cdc_source_* │ row's columns
//! ```
//!
//! The row's columns are those of `after`, in lower case. A name that begins like one of ours (`kafka_`, `cdc_`, `dlq_`)
//! gets `row_` before it, one that is taken gets a number behind it. Columns of the record's key that the row does not
//! have are added. `cdc_ts` is when the connector handled the change, `cdc_source_ts` when the source says it happened.

use std::collections::BTreeSet;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use super::error::CdcError;
use super::keys::may_be_key;
use super::logical::{Conversion, Unit};
use super::names::Names;
use super::settings::{CdcSettings, CdcTable};
use super::unavailable::Placeholder;

/// Where a column of the decoded record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top of the value.
    Top(usize),
    /// In a struct at the top of the value.
    Child(usize, usize),
    /// In the key.
    Key(usize),
}

/// How the value is laid out.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Envelope { op: usize, before: Option<usize>, after: usize },
    Unwrapped { op: Option<usize>, deleted: Option<usize> },
}

/// A column of the source's row: where each image of it stands.
#[derive(Debug, Clone)]
pub(super) struct RowColumn {
    pub(super) after: Option<(Place, Conversion)>,
    pub(super) before: Option<(Place, Conversion)>,
    pub(super) key: Option<(Place, Conversion)>,
    /// Whether the text for values not given can stand in it.
    pub(super) hides: bool,
}

/// A moment, from the first of these that is there.
pub(super) type Moments = Vec<(Place, Unit)>;

/// How the records of one writer schema become changes. Made once per schema; cheap to use.
#[derive(Debug, Clone)]
pub struct ChangePlan {
    pub(super) shape: Shape,
    pub(super) fields: Fields,
    pub(super) ts: Moments,
    pub(super) source_ts: Moments,
    pub(super) source: Vec<Place>,
    /// One for each field from [`Self::first_row_column`] on.
    pub(super) columns: Vec<RowColumn>,
    pub(super) keys: Vec<usize>,
    pub(super) placeholder: Placeholder,
    pub(super) current: bool,
    pub(super) value_columns: usize,
}

/// What stands before the columns of `source`: `cdc_op`, `cdc_ts`, `cdc_source_ts`.
pub(super) const FIXED: usize = 3;

impl ChangePlan {
    /// Plans for values of the fields `value` and keys of the fields `key`, as the decoder gives them.
    ///
    /// # Errors
    /// [`CdcError::NotChanges`] where the values are none; for current-state tables also where the key cannot tell rows apart.
    /// That there is no key at all is found when a change of a row comes: a truncation has none.
    pub fn new(
        value: (&Fields, &Names),
        key: Option<(&Fields, &Names)>,
        settings: &CdcSettings,
    ) -> Result<Self, CdcError> {
        let (fields, names) = value;
        let mut draft = Draft::new(Placeholder::new(&settings.placeholder));
        let shape = match draft.envelope(fields, names) {
            Some(shape) => shape,
            None => draft.unwrapped(fields, names).ok_or_else(|| not_changes(fields))?,
        };
        let keys = draft.keys(key, settings)?;
        let current = settings.table == CdcTable::Current;
        if current {
            for field in keys.iter().filter_map(|at| draft.fields.get(*at)) {
                if !may_be_key(field.data_type()) {
                    let (column, data_type) = (field.name().clone(), field.data_type().clone());
                    return Err(CdcError::KeyType { column, data_type });
                }
            }
        }
        let Draft { fields, ts, source_ts, source, columns, placeholder, .. } = draft;
        let (fields, value_columns) = (fields.into(), value.0.len());
        Ok(Self { shape, fields, ts, source_ts, source, columns, keys, placeholder, current, value_columns })
    }

    /// The columns of a change: `cdc_*`, then those of the row. All nullable.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Where in [`Self::fields`] the columns stand that tell rows apart; empty where nothing does.
    #[must_use]
    pub fn keys(&self) -> &[usize] {
        &self.keys
    }

    /// Where in [`Self::fields`] the row's own columns begin.
    #[must_use]
    pub fn first_row_column(&self) -> usize {
        FIXED + self.source.len()
    }

    /// Whether a record without a value is a change (a delete), rather than a follower of one.
    #[must_use]
    pub fn tombstones_are_changes(&self) -> bool {
        matches!(self.shape, Shape::Unwrapped { deleted: None, .. })
    }

    /// The columns in which the text for values not given may stand.
    pub fn may_hide(&self) -> impl Iterator<Item = &str> {
        let row = self.fields.iter().skip(self.first_row_column()).zip(&self.columns);
        row.filter(|(_, column)| column.hides).map(|(field, _)| field.name().as_str())
    }
}

fn not_changes(fields: &Fields) -> CdcError {
    const SHOWN: usize = 12;
    let mut names: Vec<_> = fields.iter().take(SHOWN).map(|field| field.name().as_str()).collect();
    if fields.len() > SHOWN {
        names.push("…");
    }
    CdcError::NotChanges { fields: names.join(", ") }
}

fn position(fields: &Fields, name: &str) -> Option<usize> {
    fields.iter().position(|field| field.name() == name)
}

/// A struct at the top.
fn inside(fields: &Fields, at: Option<usize>) -> Option<(usize, &Fields)> {
    let at = at?;
    match fields.get(at)?.data_type() {
        DataType::Struct(inner) => Some((at, inner)),
        _ => None,
    }
}

/// A plan being made.
struct Draft {
    fields: Vec<FieldRef>,
    taken: BTreeSet<String>,
    /// The name in the source of each row column.
    written: Vec<String>,
    ts: Moments,
    source_ts: Moments,
    source: Vec<Place>,
    columns: Vec<RowColumn>,
    placeholder: Placeholder,
}

impl Draft {
    fn new(placeholder: Placeholder) -> Self {
        let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fixed = [("cdc_op", DataType::Utf8), ("cdc_ts", utc()), ("cdc_source_ts", utc())];
        let mut draft = Self {
            fields: Vec::new(),
            taken: BTreeSet::new(),
            written: Vec::new(),
            ts: Vec::new(),
            source_ts: Vec::new(),
            source: Vec::new(),
            columns: Vec::new(),
            placeholder,
        };
        fixed.into_iter().for_each(|(name, data_type)| draft.add(name.to_owned(), data_type));
        draft
    }

    /// Adds a column under a name that is not taken yet.
    fn add(&mut self, name: String, data_type: DataType) {
        let mut free = name.clone();
        let mut number = 2_u32;
        while !self.taken.insert(free.clone()) {
            free = format!("{name}_{number}");
            number = number.saturating_add(1);
        }
        self.fields.push(Field::new(free, data_type, true).into());
    }

    fn envelope(&mut self, fields: &Fields, names: &Names) -> Option<Shape> {
        let text = |at: &usize| fields.get(*at).is_some_and(|f| *f.data_type() == DataType::Utf8);
        let op = position(fields, "op").filter(text)?;
        let after = position(fields, "after")?;
        let before = position(fields, "before");
        let source = inside(fields, position(fields, "source"));
        self.ts = moments(fields, "", Place::Top);
        if let Some((at, inner)) = source {
            self.source_ts = moments(inner, "", |child| Place::Child(at, child));
            for (child, field) in inner.iter().enumerate().filter(|(_, field)| is_fact(field)) {
                self.add_source(field.name(), field.data_type().clone(), Place::Child(at, child));
            }
        }
        match inside(fields, Some(after)) {
            Some((after, row)) => {
                let old = inside(fields, before);
                let before = old.map(|(at, _)| at);
                for (child, field) in row.iter().enumerate() {
                    let (conversion, to) =
                        Conversion::of(field.data_type(), names.child("after").child(field.name()));
                    let old = old.and_then(|(at, inner)| {
                        let child = position(inner, field.name())?;
                        let names = names.child("before").child(field.name());
                        let (conversion, same) = Conversion::of(inner.get(child)?.data_type(), names);
                        (same == to).then_some((Place::Child(at, child), conversion))
                    });
                    self.add_row(field.name(), to, Some((Place::Child(after, child), conversion)), old);
                }
                Some(Shape::Envelope { op, before, after })
            }
            // MongoDB's connector writes a document as text.
            None if text(&after) => {
                let before = before.filter(text);
                let keep = |at| (Place::Top(at), Conversion::Keep);
                self.add_row("document", DataType::Utf8, Some(keep(after)), before.map(keep));
                Some(Shape::Envelope { op, before, after })
            }
            None => None,
        }
    }

    fn unwrapped(&mut self, fields: &Fields, names: &Names) -> Option<Shape> {
        let added = |name: &str| name.starts_with("__");
        if !fields.iter().any(|field| added(field.name())) {
            return None;
        }
        let text = |at: &usize| fields.get(*at).is_some_and(|f| *f.data_type() == DataType::Utf8);
        let (op, deleted) = (position(fields, "__op").filter(text), position(fields, "__deleted"));
        self.ts = moments(fields, "__", Place::Top);
        self.source_ts = moments(fields, "__source_", Place::Top);
        for (at, field) in fields.iter().enumerate() {
            let Some(name) = field.name().strip_prefix("__") else { continue };
            let name = name.strip_prefix("source_").unwrap_or(name);
            let known = Some(at) == op || Some(at) == deleted;
            if !known && is_fact(field) && !is_moment(name) {
                self.add_source(name, field.data_type().clone(), Place::Top(at));
            }
        }
        for (at, field) in fields.iter().enumerate().filter(|(_, field)| !added(field.name())) {
            let (conversion, to) = Conversion::of(field.data_type(), names.child(field.name()));
            self.add_row(field.name(), to, Some((Place::Top(at), conversion)), None);
        }
        Some(Shape::Unwrapped { op, deleted })
    }

    fn add_source(&mut self, name: &str, data_type: DataType, place: Place) {
        self.add(format!("cdc_source_{}", plain(name)), data_type);
        self.source.push(place);
    }

    fn add_row(
        &mut self,
        name: &str,
        data_type: DataType,
        after: Option<(Place, Conversion)>,
        before: Option<(Place, Conversion)>,
    ) {
        let hides = self.placeholder.fits(&data_type);
        let lower = plain(name);
        let ours = ["kafka_", "cdc_", "dlq_"].iter().any(|prefix| lower.starts_with(prefix));
        self.add(if ours { format!("row_{lower}") } else { lower }, data_type);
        self.written.push(name.to_owned());
        self.columns.push(RowColumn { after, before, key: None, hides });
    }

    /// Finds the key's columns in the row, or adds them to it.
    fn keys(
        &mut self,
        key: Option<(&Fields, &Names)>,
        settings: &CdcSettings,
    ) -> Result<Vec<usize>, CdcError> {
        let named: Vec<String> = if settings.keys.is_empty() {
            key.map(|(fields, _)| fields.iter().map(|field| field.name().clone()).collect())
                .unwrap_or_default()
        } else {
            settings.keys.clone()
        };
        let first = FIXED + self.source.len();
        let mut keys = Vec::with_capacity(named.len());
        for name in named {
            let of_key = key.and_then(|(fields, names)| {
                let at = fields.iter().position(|field| field.name().eq_ignore_ascii_case(&name))?;
                let field = fields.get(at)?;
                let (conversion, to) = Conversion::of(field.data_type(), names.child(field.name()));
                Some((Place::Key(at), conversion, to))
            });
            // The name as the source has it; after that, without regard to case.
            let exact = self.written.iter().position(|written| *written == name);
            let found = exact.or_else(|| self.written.iter().position(|w| w.eq_ignore_ascii_case(&name)));
            let at = match (found, of_key) {
                (Some(at), of_key) => {
                    let to = self.fields.get(first + at).map(|field| field.data_type().clone());
                    let same = of_key.filter(|(_, _, key_type)| Some(key_type) == to.as_ref());
                    if let Some(column) = self.columns.get_mut(at) {
                        column.key = same.map(|(place, conversion, _)| (place, conversion));
                    }
                    at
                }
                (None, Some((place, conversion, to))) => {
                    self.add_row(&name, to, None, None);
                    if let Some(column) = self.columns.last_mut() {
                        column.key = Some((place, conversion));
                    }
                    self.columns.len() - 1
                }
                (None, None) => return Err(CdcError::NoKeyColumn { column: name }),
            };
            keys.push(first + at);
        }
        Ok(keys)
    }
}

/// A name as it stands in a table: lower case, and without points, which would read as a path.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('.', "_")
}

/// Whether a field of `source` is a column: scalars that are no moments.
fn is_fact(field: &Field) -> bool {
    !field.data_type().is_nested() && !is_moment(field.name())
}

fn is_moment(name: &str) -> bool {
    matches!(name, "ts_ms" | "ts_us" | "ts_ns")
}

/// The moments there are, the finest first.
fn moments(fields: &Fields, prefix: &str, place: impl Fn(usize) -> Place) -> Moments {
    let of = |(name, unit): (&str, Unit)| {
        let at = position(fields, &format!("{prefix}{name}"))?;
        (*fields.get(at)?.data_type() == DataType::Int64).then(|| (place(at), unit))
    };
    [("ts_ns", Unit::Nanos), ("ts_us", Unit::Micros), ("ts_ms", Unit::Millis)]
        .into_iter()
        .filter_map(of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> DataType {
        let fields = [("Id", DataType::Int64), ("born", DataType::Int32), ("kafka_offset", DataType::Utf8)];
        DataType::Struct(fields.into_iter().map(|(n, t)| Field::new(n, t, true)).collect())
    }

    fn envelope() -> Fields {
        let source = [("lsn", DataType::Int64), ("ts_ms", DataType::Int64), ("snapshot", DataType::Utf8)];
        let source = DataType::Struct(source.into_iter().map(|(n, t)| Field::new(n, t, true)).collect());
        let fields = [
            ("before", row()),
            ("after", row()),
            ("source", source),
            ("op", DataType::Utf8),
            ("ts_ms", DataType::Int64),
        ];
        fields.into_iter().map(|(n, t)| Field::new(n, t, true)).collect()
    }

    fn names(plan: &ChangePlan) -> Vec<&str> {
        plan.fields().iter().map(|field| field.name().as_str()).collect()
    }

    fn key() -> Fields {
        vec![Field::new("id", DataType::Int64, true)].into()
    }

    #[test]
    fn an_envelope_gives_cdc_columns_and_those_of_the_row() {
        let nothing = Names::default();
        let key = key();
        let plan = ChangePlan::new((&envelope(), &nothing), Some((&key, &nothing)), &CdcSettings::default())
            .unwrap();
        let expected = [
            "cdc_op",
            "cdc_ts",
            "cdc_source_ts",
            "cdc_source_lsn",
            "cdc_source_snapshot",
            "id",
            "born",
            "row_kafka_offset",
        ];
        assert_eq!(names(&plan), expected);
        assert_eq!(plan.keys(), [5]);
        assert_eq!(plan.first_row_column(), 5);
        assert!(!plan.tombstones_are_changes());
        assert_eq!(plan.may_hide().collect::<Vec<_>>(), ["row_kafka_offset"]);
    }

    #[test]
    fn the_unwrapped_form_is_known_by_its_added_fields() {
        let nothing = Names::default();
        let fields: Fields = [
            ("id", DataType::Int64),
            ("ID", DataType::Utf8),
            ("__op", DataType::Utf8),
            ("__deleted", DataType::Utf8),
            ("__source_ts_ms", DataType::Int64),
            ("__table", DataType::Utf8),
            ("__lsn", DataType::Int64),
        ]
        .into_iter()
        .map(|(n, t)| Field::new(n, t, true))
        .collect();
        let plan = ChangePlan::new((&fields, &nothing), None, &CdcSettings::default()).unwrap();
        let expected =
            ["cdc_op", "cdc_ts", "cdc_source_ts", "cdc_source_table", "cdc_source_lsn", "id", "id_2"];
        assert_eq!(names(&plan), expected);
        assert!(plan.keys().is_empty() && !plan.tombstones_are_changes());
    }

    #[test]
    fn other_values_are_refused_with_their_fields() {
        let fields: Fields = vec![Field::new("a", DataType::Int64, true)].into();
        let error = ChangePlan::new((&fields, &Names::default()), None, &CdcSettings::default()).unwrap_err();
        assert!(error.to_string().contains("(fields: a)"), "{error}");
    }

    #[test]
    fn a_current_state_table_needs_a_key_that_can_be_one() {
        let nothing = Names::default();
        let settings = CdcSettings { table: CdcTable::Current, ..CdcSettings::default() };
        let of = |key: Option<&Fields>, keys: &[&str]| {
            let settings =
                CdcSettings { keys: keys.iter().map(|k| (*k).to_owned()).collect(), ..settings.clone() };
            ChangePlan::new((&envelope(), &nothing), key.map(|key| (key, &nothing)), &settings)
        };
        assert!(of(None, &[]).unwrap().keys().is_empty());
        assert!(matches!(of(None, &["x"]), Err(CdcError::NoKeyColumn { .. })));
        assert_eq!(of(None, &["ID"]).unwrap().keys(), [5]);
        let float: Fields = vec![Field::new("f", DataType::Float64, true)].into();
        assert!(matches!(of(Some(&float), &[]), Err(CdcError::KeyType { .. })));
        let other: Fields = vec![Field::new("tenant", DataType::Utf8, true)].into();
        let plan = of(Some(&other), &[]).unwrap();
        assert_eq!(plan.fields()[plan.keys()[0]].name(), "tenant", "added to the row");
    }
}
