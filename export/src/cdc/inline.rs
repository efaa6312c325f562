//! Records that carry their schema with them, as Connect's `JsonConverter` writes them: bytes to runs of columns.
//!
//! A *run* is a stretch of records whose keys have one schema and whose values have one; a record without a key or a value
//! is of any. A record that cannot be read costs itself alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::Fields;
use firnline_decode::{Plan, RowBuilder, WriterSchema};

use super::change::Refused;
use super::connect::{ConnectSchema, ConnectSchemas, split};

/// How many decoders are kept: keys and values of a topic have a handful.
const MAX_DECODERS: usize = 256;

/// The columns of one side of a run.
#[derive(Debug, Clone)]
pub(super) struct RunSide {
    pub(super) schema: Arc<ConnectSchema>,
    pub(super) columns: Vec<ArrayRef>,
    pub(super) has: Option<NullBuffer>,
}

/// Records of one pair of schemas.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Their places in the batch.
    pub(super) rows: Vec<usize>,
    /// `None` where none of them has a key.
    pub(super) key: Option<RunSide>,
    /// `None` where none of them has a value.
    pub(super) value: Option<RunSide>,
}

/// Decodes such records.
#[derive(Default)]
pub(super) struct Inline {
    schemas: ConnectSchemas,
    /// By the schema, which the pair keeps alive.
    decoders: HashMap<usize, (Arc<ConnectSchema>, Arc<Plan>)>,
}

/// Why a record cannot be read: reason, field, message.
type Dead = (&'static str, Option<String>, String);

/// A side of a run that is being filled.
#[derive(Default)]
struct Filling {
    open: Option<(Arc<ConnectSchema>, Arc<Plan>, RowBuilder)>,
    /// Records before the first that has this part.
    empty: usize,
    has: Vec<bool>,
}

/// What a part of a record is, before it is decoded.
enum Told<'a> {
    Nothing,
    Payload(Arc<ConnectSchema>, Arc<Plan>, &'a [u8]),
}

impl Inline {
    /// The runs of a batch that has the raw bytes in `kafka_key` and `kafka_value`, and the records that are in none.
    ///
    /// # Errors
    /// Where the batch has no such columns.
    pub(super) fn runs(&mut self, batch: &RecordBatch) -> Result<(Vec<Run>, Vec<Refused>), &'static str> {
        let keys = batch.column_by_name("kafka_key").and_then(|column| column.as_binary_opt::<i32>());
        let values = batch.column_by_name("kafka_value").and_then(|column| column.as_binary_opt::<i32>());
        let values = values.ok_or("kafka_value")?;
        let (mut runs, mut refused) = (Vec::new(), Vec::new());
        let (mut rows, mut key, mut value) = (Vec::new(), Filling::default(), Filling::default());
        for row in 0..batch.num_rows() {
            let key_bytes = keys.filter(|keys| keys.is_valid(row)).map(|keys| keys.value(row));
            let value_bytes = values.is_valid(row).then(|| values.value(row));
            let told = self.told(key_bytes).and_then(|key| Ok((key, self.told(value_bytes)?)));
            let (key_told, value_told) = match told {
                Ok(told) => told,
                Err(dead) => {
                    refused.push(refusal(row, dead));
                    continue;
                }
            };
            if !(key.takes(&key_told) && value.takes(&value_told)) {
                close(&mut runs, &mut rows, &mut key, &mut value);
            }
            match key.push(&key_told).and_then(|()| value.push(&value_told)) {
                Ok(()) => {
                    key.settle(&key_told);
                    value.settle(&value_told);
                    rows.push(row);
                }
                Err(dead) => {
                    key.roll_back();
                    value.roll_back();
                    refused.push(refusal(row, dead));
                }
            }
        }
        close(&mut runs, &mut rows, &mut key, &mut value);
        Ok((runs, refused))
    }

    fn told<'a>(&mut self, bytes: Option<&'a [u8]>) -> Result<Told<'a>, Dead> {
        let Some(bytes) = bytes else { return Ok(Told::Nothing) };
        let wrapped = split(bytes).map_err(|error| {
            let message = format!("{error}; declare the fields of JSON that carries no schema");
            ("cdc_no_schema", None, message)
        })?;
        if wrapped.payload == b"null" {
            return Ok(Told::Nothing);
        }
        let schema = self.schemas.get(wrapped.schema).map_err(|why| ("cdc_bad_schema", None, why))?;
        let plan = self.plan(&schema).map_err(|why| ("cdc_bad_schema", None, why))?;
        Ok(Told::Payload(schema, plan, wrapped.payload))
    }

    fn plan(&mut self, schema: &Arc<ConnectSchema>) -> Result<Arc<Plan>, String> {
        let at = Arc::as_ptr(schema).addr();
        if let Some((_, plan)) = self.decoders.get(&at) {
            return Ok(Arc::clone(plan));
        }
        if self.decoders.len() >= MAX_DECODERS {
            self.decoders.clear();
        }
        let fields = &schema.fields;
        let place = |path: &[&str], _: &_| fields.iter().position(|field| [field.name().as_str()] == path);
        let plan = Plan::new(&WriterSchema::declared(fields), &[], fields, &place);
        let plan = Arc::new(plan.map_err(|error| error.to_string())?);
        self.decoders.insert(at, (Arc::clone(schema), Arc::clone(&plan)));
        Ok(plan)
    }
}

fn refusal(row: usize, (reason, field, message): Dead) -> Refused {
    Refused { row, reason, field, message }
}

fn close(runs: &mut Vec<Run>, rows: &mut Vec<usize>, key: &mut Filling, value: &mut Filling) {
    let (key, value) = (std::mem::take(key).finish(), std::mem::take(value).finish());
    if !rows.is_empty() {
        runs.push(Run { rows: std::mem::take(rows), key, value });
    }
}

impl Filling {
    /// Whether the run may go on with it.
    fn takes(&self, told: &Told<'_>) -> bool {
        match (told, &self.open) {
            (Told::Payload(schema, ..), Some((open, ..))) => Arc::ptr_eq(schema, open) || schema == open,
            _ => true,
        }
    }

    /// Decodes one more value; [`Self::settle`] or [`Self::roll_back`] comes after it.
    fn push(&mut self, told: &Told<'_>) -> Result<(), Dead> {
        let Told::Payload(schema, plan, payload) = told else { return Ok(()) };
        if self.open.is_none() {
            let builder = RowBuilder::new(&schema.fields);
            let mut builder = builder.map_err(|error| ("cdc_bad_schema", None, error.to_string()))?;
            (0..self.empty).for_each(|_| builder.push_null_row());
            self.open = Some((Arc::clone(schema), Arc::clone(plan), builder));
        }
        let Some((_, plan, builder)) = &mut self.open else { return Ok(()) };
        plan.decode(payload, builder).map_err(|error| (error.reason.word(), error.field, error.message))
    }

    fn settle(&mut self, told: &Told<'_>) {
        let there = matches!(told, Told::Payload(..));
        match &mut self.open {
            // The decoder has given each column one value: that was its promise.
            Some((_, _, builder)) if there => drop(builder.end_row()),
            Some((_, _, builder)) => builder.push_null_row(),
            None => self.empty += 1,
        }
        self.has.push(there);
    }

    fn roll_back(&mut self) {
        if let Some((_, _, builder)) = &mut self.open {
            builder.roll_back();
        }
    }

    fn finish(self) -> Option<RunSide> {
        let (schema, _, mut builder) = self.open?;
        let mut has = NullBufferBuilder::new(self.has.len());
        self.has.iter().for_each(|there| has.append(*there));
        let columns = builder.finish();
        Some(RunSide { schema, columns, has: has.finish() })
    }
}

impl RunSide {
    /// The fields that the columns have.
    pub(super) fn fields(&self) -> &Fields {
        &self.schema.fields
    }
}

#[cfg(test)]
mod real;

#[cfg(test)]
mod tests {
    use arrow_array::BinaryArray;
    use arrow_array::types::Int64Type;

    use super::*;

    fn wrapped(field: &str, value: &str) -> String {
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"int64","field":"{field}","optional":true}}]}},"payload":{value}}}"#
        )
    }

    type Pair = (Option<String>, Option<String>);

    fn batch(records: &[Pair]) -> RecordBatch {
        let of = |at: &dyn Fn(&Pair) -> Option<String>| -> ArrayRef {
            let texts: Vec<_> = records.iter().map(at).collect();
            Arc::new(BinaryArray::from_iter(texts.iter().map(|text| text.as_deref().map(str::as_bytes))))
        };
        let (keys, values) = (of(&|record| record.0.clone()), of(&|record| record.1.clone()));
        RecordBatch::try_from_iter([("kafka_key", keys), ("kafka_value", values)]).unwrap()
    }

    #[test]
    fn records_of_one_schema_are_a_run_and_what_cannot_be_read_costs_itself() {
        let key = |n: i64| Some(wrapped("id", &format!(r#"{{"id":{n}}}"#)));
        let value = |text: &str| Some(wrapped("a", text));
        let records = [
            (key(1), None),
            (key(2), value(r#"{"a":7}"#)),
            (key(3), value("null")),
            (None, value(r#"{"a":"x"}"#)),
            (key(4), Some("{}".to_owned())),
            (key(5), value(r#"{"a":8}"#)),
            (key(6), Some(wrapped("b", r#"{"b":9}"#))),
        ];
        let (runs, refused) = Inline::default().runs(&batch(&records)).unwrap();
        let rows: Vec<_> = runs.iter().map(|run| run.rows.clone()).collect();
        assert_eq!(rows, [vec![0, 1, 2, 5], vec![6]]);
        let refused: Vec<_> = refused.iter().map(|refused| (refused.row, refused.reason)).collect();
        assert_eq!(refused, [(3, "wrong_type"), (4, "cdc_no_schema")]);
        let values = runs[0].value.as_ref().unwrap();
        let column = values.columns[0].as_primitive::<Int64Type>();
        assert_eq!(column.iter().collect::<Vec<_>>(), [None, Some(7), None, Some(8)]);
        let has: Vec<_> = values.has.as_ref().unwrap().iter().collect();
        assert_eq!(has, [false, true, false, true]);
        let keys = runs[0].key.as_ref().unwrap().columns[0].as_primitive::<Int64Type>();
        assert_eq!(keys.values(), &[1, 2, 3, 5]);
        assert_eq!(runs[1].value.as_ref().unwrap().fields()[0].name(), "b");
    }

    #[test]
    fn a_batch_without_bytes_is_an_error() {
        let ids: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        assert!(Inline::default().runs(&batch).is_err());
    }
}
