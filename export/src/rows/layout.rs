//! The columns of a table, and where each of them comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use super::grow::{Grown, lay_out};
use super::kafka::KafkaColumn;
use super::merge::{Merged, merge, same};
use super::{Part, RowSettings, RowsError, Side};

/// The metadata of a field that holds its id in the table's schema.
pub const FIELD_ID: &str = "PARQUET:field_id";

/// Where a column comes from. Its text (`value.Name`, `key.id`, `kafka.offset`) is what is kept with the table: names of
/// columns may change, fields of records do not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// What every record has.
    Kafka(KafkaColumn),
    /// A field of the key or the value, by its own name.
    Field {
        /// Which of the two.
        side: Side,
        /// The field's name as its schema has it.
        name: String,
    },
    /// Nothing here: somebody else's column. New rows have null there.
    Foreign,
}

impl Origin {
    /// The text of it; `None` for what is not ours.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        match self {
            Self::Kafka(column) => Some(column.name().replacen('_', ".", 1)),
            Self::Field { side, name } => Some(format!("{}.{name}", side.word())),
            Self::Foreign => None,
        }
    }

    /// From its text.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let (word, name) = path.split_once('.')?;
        let side = match word {
            "kafka" => return KafkaColumn::of_name(&format!("kafka_{name}")).map(Self::Kafka),
            "key" => Side::Key,
            "value" => Side::Value,
            _ => return None,
        };
        Some(Self::Field { side, name: name.to_owned() })
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct LayoutColumn {
    /// As the table has it.
    pub field: FieldRef,
    /// Where it comes from.
    pub origin: Origin,
}

/// The columns of a table. Never changes; a table that grows gets another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    columns: Vec<LayoutColumn>,
    schema: SchemaRef,
    /// Whether fields of keys and values are given by themselves, under the names of their own schema.
    own: bool,
}

/// The columns that fields of one side go to.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    /// Their fields.
    pub(super) fields: Fields,
    /// Their places in the layout.
    pub(super) columns: Vec<usize>,
    /// The names of the fields that they come from.
    names: Vec<String>,
}

impl Layout {
    /// The columns of a table that is to be made: those of Kafka, and the declared fields. Fields that only a registry
    /// knows come as they are met.
    ///
    /// # Errors
    /// [`RowsError::Declared`].
    pub fn new(settings: &RowSettings) -> Result<Self, RowsError> {
        let kafka = KafkaColumn::ALL.into_iter().filter_map(|column| {
            let field = Arc::new(column.field(settings)?);
            Some(LayoutColumn { field, origin: Origin::Kafka(column) })
        });
        let mut layout = Self::of(kafka.collect(), false);
        for side in [Side::Key, Side::Value] {
            if let Some(fields) = declared(settings, side)?
                && let Some(grown) = layout.grown(side, &fields)
            {
                layout = grown.layout;
            }
        }
        Ok(layout)
    }

    /// Kafka's columns alone; fields of keys and values are given beside the rows, as their own schemas have them, for whoever
    /// makes something else of them.
    #[must_use]
    pub fn own(settings: &RowSettings) -> Self {
        let kafka = KafkaColumn::ALL.into_iter().filter_map(|column| {
            let field = Arc::new(column.field(settings)?);
            Some(LayoutColumn { field, origin: Origin::Kafka(column) })
        });
        Self::of(kafka.collect(), true)
    }

    /// The columns of a table as it stands. `origins` says by field id where columns come from, as it was kept with the
    /// table; a column of Kafka's that it does not name is found by its own name. What is left is somebody else's.
    ///
    /// # Errors
    /// [`RowsError::Type`] where one of Kafka's columns has another type; [`RowsError::Required`] where somebody else's must
    /// not be null.
    pub fn of_table(
        settings: &RowSettings,
        fields: &Fields,
        origins: &BTreeMap<i32, String>,
    ) -> Result<Self, RowsError> {
        let mut columns: Vec<LayoutColumn> = Vec::with_capacity(fields.len());
        for field in fields {
            let kept = field_id(field).and_then(|id| origins.get(&id)).and_then(|path| Origin::of_path(path));
            let origin = kept.or_else(|| KafkaColumn::of_name(field.name()).map(Origin::Kafka));
            let origin = match origin {
                Some(Origin::Kafka(column)) => match column.field(settings) {
                    None => Origin::Foreign,
                    Some(expected) if same(expected.data_type(), field.data_type()) => Origin::Kafka(column),
                    Some(expected) => {
                        return Err(RowsError::Type {
                            column: field.name().clone(),
                            expected: expected.data_type().clone(),
                            found: field.data_type().clone(),
                        });
                    }
                },
                Some(Origin::Field { side, name }) if settings.part(side).has_fields() => {
                    Origin::Field { side, name }
                }
                _ => Origin::Foreign,
            };
            let twice = |known: &LayoutColumn| known.origin == origin && origin != Origin::Foreign;
            let twice = matches!(origin, Origin::Kafka(_)) && columns.iter().any(twice);
            let origin = if twice { Origin::Foreign } else { origin };
            if origin == Origin::Foreign && !field.is_nullable() {
                return Err(RowsError::Required { column: field.name().clone() });
            }
            columns.push(LayoutColumn { field: Arc::clone(field), origin });
        }
        Ok(Self::of(columns, false))
    }

    pub(super) fn of(columns: Vec<LayoutColumn>, own: bool) -> Self {
        let fields: Fields = columns.iter().map(|column| Arc::clone(&column.field)).collect();
        Self { columns, schema: Arc::new(Schema::new(fields)), own }
    }

    /// This with the columns that other files have, by their names; `origins` says where those come from. What has the same
    /// name and a wider type is widened.
    #[must_use]
    pub(crate) fn joined(&self, fields: &Fields, origins: &BTreeMap<String, String>) -> Self {
        let mut columns = self.columns.clone();
        for field in fields {
            let origin = origins.get(field.name()).and_then(|path| Origin::of_path(path));
            let Some(origin @ Origin::Field { .. }) = origin else { continue };
            match columns.iter_mut().find(|known| known.field.name() == field.name()) {
                None => columns.push(LayoutColumn { field: Arc::clone(field), origin }),
                Some(known) => {
                    if let Merged::Wider(wider) = merge(known.field.data_type(), field.data_type()) {
                        known.field = Arc::new(known.field.as_ref().clone().with_data_type(wider));
                    }
                }
            }
        }
        Self::of(columns, self.own)
    }

    /// The columns' schema: that of the rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[LayoutColumn] {
        &self.columns
    }

    /// Whether fields of keys and values are given beside the rows.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// What is to be kept with the table: for each column with a field id where it comes from.
    #[must_use]
    pub fn origins(&self) -> BTreeMap<i32, String> {
        let kept = self.columns.iter();
        kept.filter_map(|column| Some((field_id(&column.field)?, column.origin.path()?))).collect()
    }

    /// What the settings want of a table beyond this: Kafka's columns and declared fields that it lacks. `None` where it has
    /// all.
    ///
    /// # Errors
    /// [`RowsError::Declared`].
    pub fn completed(&self, settings: &RowSettings) -> Result<Option<Grown>, RowsError> {
        let lacks =
            |column: &KafkaColumn| self.columns.iter().all(|known| known.origin != Origin::Kafka(*column));
        let mut grown = Grown::nothing(self);
        for column in KafkaColumn::ALL.into_iter().filter(lacks) {
            if let Some(field) = column.field(settings) {
                // Rows that are there already have no value for it.
                grown.add(field.with_nullable(true), Origin::Kafka(column));
            }
        }
        for side in [Side::Key, Side::Value] {
            if let Some(fields) = declared(settings, side)? {
                lay_out(&mut grown, side, &fields);
            }
        }
        Ok(grown.if_any())
    }

    /// What a writer's fields need beyond this; `None` where each has a column that takes all its values.
    #[must_use]
    pub fn grown(&self, side: Side, writer: &Fields) -> Option<Grown> {
        if self.own {
            return None;
        }
        let mut grown = Grown::nothing(self);
        lay_out(&mut grown, side, writer);
        grown.if_any()
    }

    /// The same columns with other field ids and docs: those that the table has given to new ones.
    ///
    /// # Errors
    /// [`RowsError::Columns`] where they are not the same.
    pub fn with_fields(&self, fields: &Fields) -> Result<Self, RowsError> {
        if fields.len() != self.columns.len() {
            let what = format!("{} columns instead of {}", fields.len(), self.columns.len());
            return Err(RowsError::Columns { what });
        }
        let columns = self.columns.iter().zip(fields).map(|(known, field)| {
            if known.field.name() != field.name() || !same(known.field.data_type(), field.data_type()) {
                let what = format!("{field:?} in the place of {:?}", known.field);
                return Err(RowsError::Columns { what });
            }
            Ok(LayoutColumn { field: Arc::clone(field), origin: known.origin.clone() })
        });
        Ok(Self::of(columns.collect::<Result<_, _>>()?, self.own))
    }

    pub(super) fn targets(&self, side: Side) -> Targets {
        let mut targets = Targets { fields: Fields::empty(), columns: Vec::new(), names: Vec::new() };
        let mut fields = Vec::new();
        for (place, column) in self.columns.iter().enumerate() {
            if let Origin::Field { side: of, name } = &column.origin
                && *of == side
            {
                // What is decoded may be null, whatever the table says: that is found when the rows are put together.
                fields.push(Arc::new(column.field.as_ref().clone().with_nullable(true)));
                targets.columns.push(place);
                targets.names.push(name.clone());
            }
        }
        targets.fields = fields.into();
        targets
    }
}

impl Targets {
    /// The target that takes all values of a writer's field.
    pub(super) fn place(&self, name: &str, of: &DataType) -> Option<usize> {
        let fits =
            |at: &usize| self.names[*at] == name && merge(self.fields[*at].data_type(), of) == Merged::Fits;
        (0..self.names.len()).find(fits)
    }
}

/// The id of a field in its table's schema, if it has one yet.
pub(super) fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(FIELD_ID)?.parse().ok()
}

fn declared(settings: &RowSettings, side: Side) -> Result<Option<Fields>, RowsError> {
    let Part::Json(schema) = settings.part(side) else { return Ok(None) };
    let fields = schema.fields().map_err(|error| RowsError::Declared { side, source: Arc::new(error) })?;
    Ok(Some(fields))
}
