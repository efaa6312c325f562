//! Rows by the partitions of a table's spec, whatever its transforms.
//!
//! A row's partition is found by number: values are transformed once for each that is new, days and hours by arithmetic, and the
//! row carries an index. So a table partitioned by day costs a division a row.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Schema as ArrowSchema};
use firnline_table::partition::{self, PartitionColumn};
use firnline_table::{Literal, PartitionField, PartitionSpec, PrimitiveType, Schema, Table, Transform};

use super::TableError;
use crate::files::{Partitioner, Split, split_rows};
use crate::rows::FIELD_ID;

/// A partition of a table. Cheap to clone and compare.
#[derive(Debug, Clone)]
pub struct PartitionKey(Arc<Partition>);

#[derive(Debug)]
struct Partition {
    /// Its number within its partitioner.
    number: u32,
    values: Vec<Option<Literal>>,
    path: String,
}

impl PartitionKey {
    /// The values, in the order of the spec's fields.
    #[must_use]
    pub fn values(&self) -> &[Option<Literal>] {
        &self.0.values
    }
}

impl PartialEq for PartitionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for PartitionKey {}

impl Hash for PartitionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.number.hash(state);
    }
}

/// Divides rows by a table's partition spec.
pub struct SpecPartitioner {
    fields: Vec<SpecField>,
    columns: Vec<PartitionColumn>,
    known: Mutex<Known>,
}

struct SpecField {
    name: String,
    transform: Transform,
    source: PrimitiveType,
    /// The column's place in the rows; `None` where the transform makes null of every value.
    column: Option<usize>,
}

/// What has been met so far.
#[derive(Default)]
struct Known {
    /// By field: each value's number, 0 for null.
    codes: Vec<HashMap<Literal, u32>>,
    values: Vec<Vec<Option<Literal>>>,
    /// By the numbers of all fields.
    partitions: HashMap<Vec<u32>, PartitionKey>,
    keys: Vec<PartitionKey>,
}

impl SpecPartitioner {
    /// By the spec that the table writes by now, for rows with the columns of `rows`, which have field ids.
    ///
    /// # Errors
    /// Where a transform is not known, or the rows lack the column that it is of.
    pub fn new(table: &Table, schema: &Schema, rows: &ArrowSchema) -> Result<Self, TableError> {
        Self::of(table.metadata.default_spec(), schema, rows)
    }

    fn of(spec: &PartitionSpec, schema: &Schema, rows: &ArrowSchema) -> Result<Self, TableError> {
        let source = |id: i32| schema.field(id)?.primitive().cloned();
        let columns = spec.columns(source).map_err(TableError::partitioning)?;
        let fields = spec.fields.iter().map(|field| SpecField::of(field, schema, rows));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let known = Known {
            codes: vec![HashMap::new(); fields.len()],
            values: vec![vec![None]; fields.len()],
            ..Known::default()
        };
        Ok(Self { fields, columns, known: Mutex::new(known) })
    }
}

impl SpecField {
    fn of(field: &PartitionField, schema: &Schema, rows: &ArrowSchema) -> Result<Self, TableError> {
        let lacking =
            || TableError::columns(format!("rows have no column for the partition field {}", field.name));
        let (name, transform) = (field.name.clone(), field.transform.clone());
        if transform == Transform::Void {
            return Ok(Self { name, transform, source: PrimitiveType::Int, column: None });
        }
        let source =
            schema.field(field.source_id).and_then(|source| source.primitive()).ok_or_else(lacking)?;
        let id = field.source_id.to_string();
        let column = rows.fields().iter().position(|column| column.metadata().get(FIELD_ID) == Some(&id));
        Ok(Self { name, transform, source: source.clone(), column: Some(column.ok_or_else(lacking)?) })
    }

    /// Each row's value, as its number.
    fn codes(
        &self,
        column: &ArrayRef,
        known: &mut HashMap<Literal, u32>,
        values: &mut Vec<Option<Literal>>,
    ) -> Result<Vec<u32>, ArrowError> {
        let mut code_of = |value: Option<Literal>| match value {
            None => 0,
            Some(value) => *known.entry(value.clone()).or_insert_with(|| {
                values.push(Some(value));
                u32::try_from(values.len() - 1).unwrap_or(u32::MAX)
            }),
        };
        let unit = match (&self.transform, column.data_type()) {
            (Transform::Day, DataType::Timestamp(..)) => Some(86_400_000_000),
            (Transform::Hour, DataType::Timestamp(..)) => Some(3_600_000_000),
            _ => None,
        };
        if let (Some(unit), Some(times)) = (unit, column.as_primitive_opt::<TimestampMicrosecondType>()) {
            let mut last: Option<(i64, u32)> = None;
            let mut code = |row: usize| {
                if times.is_null(row) {
                    return 0;
                }
                let ordinal = times.value(row).div_euclid(unit);
                match last {
                    Some((known, code)) if known == ordinal => code,
                    _ => {
                        let code = code_of(i32::try_from(ordinal).ok().map(Literal::Int));
                        last = Some((ordinal, code));
                        code
                    }
                }
            };
            return Ok((0..times.len()).map(&mut code).collect());
        }
        let mut codes = Vec::with_capacity(column.len());
        let mut last: Option<(Literal, u32)> = None;
        for row in 0..column.len() {
            let Some(value) = literal(column, row, &self.source)? else {
                codes.push(0);
                continue;
            };
            let code = match &last {
                Some((known, code)) if *known == value => *code,
                _ => {
                    let code = code_of(self.transform.apply(&value, &self.source));
                    last = Some((value, code));
                    code
                }
            };
            codes.push(code);
        }
        Ok(codes)
    }
}

/// The most partitions that are told apart at once: beyond it something is wrong with the spec.
const MOST_PARTITIONS: usize = 1 << 20;

impl Partitioner for SpecPartitioner {
    type Key = PartitionKey;

    fn split(&self, rows: &RecordBatch) -> Result<Vec<Split<PartitionKey>>, ArrowError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { codes, values, partitions, keys } = &mut *known;
        let mut columns = Vec::with_capacity(self.fields.len());
        for ((field, codes), values) in self.fields.iter().zip(codes.iter_mut()).zip(values.iter_mut()) {
            let Some(column) = field.column else {
                columns.push(vec![0; rows.num_rows()]);
                continue;
            };
            let column = rows.columns().get(column);
            let column = column
                .ok_or_else(|| ArrowError::SchemaError(format!("rows lack the column of {}", field.name)))?;
            columns.push(field.codes(column, codes, values)?);
        }
        let mut number_of = |row: usize| {
            let code: Vec<u32> = columns.iter().map(|codes| codes.get(row).copied().unwrap_or(0)).collect();
            if let Some(key) = partitions.get(&code) {
                return key.0.number;
            }
            let number = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            let of = code.iter().zip(values.iter()).map(|(code, values)| {
                usize::try_from(*code).ok().and_then(|code| values.get(code).cloned()).flatten()
            });
            let of: Vec<Option<Literal>> = of.collect();
            let path = partition::path(&self.columns, &of);
            let key = PartitionKey(Arc::new(Partition { number, values: of, path }));
            keys.push(key.clone());
            partitions.insert(code, key);
            number
        };
        let mut last: Option<(usize, u32)> = None;
        let numbers: Vec<u32> = (0..rows.num_rows())
            .map(|row| {
                let same = last
                    .filter(|(before, _)| columns.iter().all(|codes| codes.get(*before) == codes.get(row)));
                let number = same.map_or_else(|| number_of(row), |(_, number)| number);
                last = Some((row, number));
                number
            })
            .collect();
        if keys.len() > MOST_PARTITIONS {
            return Err(ArrowError::ComputeError(format!(
                "rows are of more than {MOST_PARTITIONS} partitions"
            )));
        }
        let split = split_rows(rows, |row| numbers.get(row).copied().unwrap_or(0))?;
        split
            .into_iter()
            .map(|(number, rows)| {
                let key = usize::try_from(number).ok().and_then(|number| keys.get(number).cloned());
                Ok((
                    key.ok_or_else(|| ArrowError::ComputeError("a partition without a number".to_owned()))?,
                    rows,
                ))
            })
            .collect()
    }

    fn path(&self, key: &PartitionKey) -> String {
        key.0.path.clone()
    }
}

impl std::fmt::Debug for SpecPartitioner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpecPartitioner").field("fields", &self.fields.len()).finish_non_exhaustive()
    }
}

/// The value of a row; `None` for null.
fn literal(column: &ArrayRef, row: usize, source: &PrimitiveType) -> Result<Option<Literal>, ArrowError> {
    if column.is_null(row) {
        return Ok(None);
    }
    let of = column.data_type();
    let value = match of {
        DataType::Boolean => column.as_boolean_opt().map(|c| Literal::Boolean(c.value(row))),
        DataType::Int32 => column.as_primitive_opt::<Int32Type>().map(|c| Literal::Int(c.value(row))),
        DataType::Date32 => column.as_primitive_opt::<Date32Type>().map(|c| Literal::Int(c.value(row))),
        DataType::Int64 => column.as_primitive_opt::<Int64Type>().map(|c| Literal::Long(c.value(row))),
        DataType::Time64(_) => {
            column.as_primitive_opt::<Time64MicrosecondType>().map(|c| Literal::Long(c.value(row)))
        }
        DataType::Timestamp(..) => {
            column.as_primitive_opt::<TimestampMicrosecondType>().map(|c| Literal::Long(c.value(row)))
        }
        DataType::Float32 => column.as_primitive_opt::<Float32Type>().map(|c| Literal::Float(c.value(row))),
        DataType::Float64 => column.as_primitive_opt::<Float64Type>().map(|c| Literal::Double(c.value(row))),
        DataType::Decimal128(..) => {
            column.as_primitive_opt::<Decimal128Type>().map(|c| Literal::Decimal(c.value(row)))
        }
        DataType::Utf8 => column.as_string_opt::<i32>().map(|c| Literal::String(c.value(row).to_owned())),
        DataType::Binary => column.as_binary_opt::<i32>().map(|c| Literal::Binary(c.value(row).to_vec())),
        DataType::FixedSizeBinary(_) => {
            column.as_fixed_size_binary_opt().map(|c| match (source, c.value(row).try_into()) {
                (PrimitiveType::Uuid, Ok(bytes)) => Literal::Uuid(bytes),
                _ => Literal::Fixed(c.value(row).to_vec()),
            })
        }
        _ => None,
    };
    let value =
        value.ok_or_else(|| ArrowError::SchemaError(format!("rows cannot be partitioned by {of}")))?;
    // Rows from before their column was widened.
    Ok(Some(match (value, source) {
        (Literal::Int(value), PrimitiveType::Long) => Literal::Long(value.into()),
        (Literal::Float(value), PrimitiveType::Double) => Literal::Double(value.into()),
        (value, _) => value,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow_schema::{Field as ArrowField, TimeUnit};
    use proptest::prelude::*;

    fn rows(times: Vec<Option<i64>>, ids: Vec<Option<i64>>, names: Vec<Option<&str>>) -> RecordBatch {
        let field = |name: &str, of: DataType, id: i32| {
            let id = HashMap::from([(FIELD_ID.to_owned(), id.to_string())]);
            ArrowField::new(name, of, true).with_metadata(id)
        };
        let schema = ArrowSchema::new(vec![
            field("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), 1),
            field("id", DataType::Int64, 2),
            field("name", DataType::Utf8, 3),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(Int64Array::from(ids)),
            Arc::new(StringArray::from(names)),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    fn partitioner(parts: &[(&str, Transform)]) -> SpecPartitioner {
        let batch = rows(vec![], vec![], vec![]);
        let schema = Schema::from_arrow(batch.schema().fields(), &[]).unwrap();
        let spec = PartitionSpec::of(&schema, parts).unwrap();
        SpecPartitioner::of(&spec, &schema, &batch.schema()).unwrap()
    }

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn rows_go_to_the_partition_of_their_day_nulls_to_their_own() {
        let by_day = partitioner(&[("at", Transform::Day)]);
        let batch =
            rows(vec![Some(0), Some(DAY - 1), None, Some(DAY), Some(-1)], vec![Some(1); 5], vec![None; 5]);
        let split = by_day.split(&batch).unwrap();
        let seen: Vec<_> = split
            .iter()
            .map(|(key, rows)| (by_day.path(key), rows.iter().map(RecordBatch::num_rows).sum::<usize>()))
            .collect();
        let expected = [
            ("at_day=1970-01-01", 2),
            ("at_day=null", 1),
            ("at_day=1970-01-02", 1),
            ("at_day=1969-12-31", 1),
        ];
        assert_eq!(seen, expected.map(|(path, rows)| (path.to_owned(), rows)));
        assert_eq!(split[3].0.values(), [Some(Literal::Int(-1))]);
        let again = by_day.split(&batch.slice(0, 1)).unwrap();
        assert_eq!(again[0].0, split[0].0, "the same in later batches");
    }

    #[test]
    fn a_table_that_is_not_partitioned_has_one_partition() {
        let split = partitioner(&[]).split(&rows(vec![None; 3], vec![None; 3], vec![None; 3])).unwrap();
        assert_eq!((split.len(), split[0].0.values().len()), (1, 0));
    }

    proptest! {
        #[test]
        fn any_rows_are_where_their_own_values_say(
            all in proptest::collection::vec(
                (proptest::option::of(-3 * DAY..3 * DAY), proptest::option::of(-5_i64..5), proptest::option::of("[ab/=.]{0,3}")),
                1..60,
            )
        ) {
            let parts =
                [("at", Transform::Day), ("id", Transform::Bucket(3)), ("name", Transform::Truncate(1))];
            let partitioner = partitioner(&parts);
            let batch = rows(
                all.iter().map(|row| row.0).collect(),
                all.iter().map(|row| row.1).collect(),
                all.iter().map(|row| row.2.as_deref()).collect(),
            );
            let types = [PrimitiveType::TimestampTz, PrimitiveType::Long, PrimitiveType::String];
            let mut seen = 0;
            for (key, batches) in partitioner.split(&batch).unwrap() {
                for batch in batches {
                    seen += batch.num_rows();
                    for row in 0..batch.num_rows() {
                        for (at, (_, transform)) in parts.iter().enumerate() {
                            let value = literal(batch.column(at), row, &types[at]).unwrap();
                            let value = value.and_then(|value| transform.apply(&value, &types[at]));
                            prop_assert_eq!(&value, &key.values()[at]);
                        }
                    }
                }
                prop_assert!(!partitioner.path(&key).contains("//"));
            }
            prop_assert_eq!(seen, all.len());
        }
    }
}
