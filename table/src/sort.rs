//! How the rows of a table's files are sorted.

use crate::partition::Transform;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which of two values comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The lower one.
    Asc,
    /// The higher one.
    Desc,
}

/// Where nulls come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullOrder {
    /// Before all values.
    NullsFirst,
    /// Behind all values.
    NullsLast,
}

/// One level of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SortField {
    /// What is done to the column's values before they are compared.
    pub transform: Transform,
    /// The column.
    pub source_id: i32,
    /// Which value comes first.
    pub direction: Direction,
    /// Where nulls come.
    pub null_order: NullOrder,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// An order of rows. Order 0 is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SortOrder {
    /// Its number among the table's orders.
    pub order_id: i32,
    /// Its levels.
    pub fields: Vec<SortField>,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SortOrder {
    /// Rows in any order.
    #[must_use]
    pub fn unsorted() -> Self {
        Self { order_id: 0, fields: Vec::new(), extra: Map::new() }
    }

    /// Rows by these columns' values, lowest first, nulls before them.
    #[must_use]
    pub fn ascending(order_id: i32, columns: &[i32]) -> Self {
        let field = |source_id: &i32| SortField {
            transform: Transform::Identity,
            source_id: *source_id,
            direction: Direction::Asc,
            null_order: NullOrder::NullsFirst,
            extra: Map::new(),
        };
        Self { order_id, fields: columns.iter().map(field).collect(), extra: Map::new() }
    }

    /// Whether rows are in any order.
    #[must_use]
    pub fn is_unsorted(&self) -> bool {
        self.fields.is_empty()
    }

    /// The first level whose column is not there or cannot be compared so.
    pub(crate) fn misfit(&self, schema: &Schema) -> Option<i32> {
        let fits = |field: &&SortField| {
            let primitive = schema.field(field.source_id).and_then(|column| column.primitive());
            primitive.is_some_and(|primitive| {
                matches!(field.transform, Transform::Other(_))
                    || field.transform.result_type(primitive).is_some()
            })
        };
        self.fields.iter().find(|field| !fits(field)).map(|field| field.source_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn orders_are_read_as_they_are_written() {
        let order = SortOrder::ascending(1, &[3]);
        let text = json!({"order-id": 1, "fields": [
            {"transform": "identity", "source-id": 3, "direction": "asc", "null-order": "nulls-first"}]});
        assert_eq!(serde_json::to_value(&order).unwrap(), text);
        assert_eq!(serde_json::from_value::<SortOrder>(text).unwrap(), order);
        let none = json!({"order-id": 0, "fields": []});
        assert_eq!(serde_json::to_value(SortOrder::unsorted()).unwrap(), none);
    }
}
