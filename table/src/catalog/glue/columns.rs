//! A table's columns as Glue shows them, in Hive's types: for people and for the console; engines read the metadata file.

use crate::schema::Schema;
use crate::types::{Field, PrimitiveType, Type};
use serde_json::{Value, json};

/// The longest comment of a column, in characters: Glue's limit.
const MAX_COMMENT: usize = 255;

/// The longest text of a type, in bytes: Glue's limit. Columns whose type would be longer are left out here.
const MAX_TYPE: usize = 131_072;

/// The columns of an entry, with their ids as AWS's own clients note them.
pub(super) fn of(schema: &Schema) -> Vec<Value> {
    schema.fields().iter().filter_map(column).collect()
}

fn column(field: &Field) -> Option<Value> {
    let hive = hive_type(&field.field_type);
    if hive.len() > MAX_TYPE {
        return None;
    }
    let mut column = json!({
        "Name": field.name.to_lowercase(),
        "Type": hive,
        "Parameters": {
            "iceberg.field.id": field.id.to_string(),
            "iceberg.field.optional": (!field.required).to_string(),
            "iceberg.field.current": "true",
        },
    });
    let comment = field.doc.as_deref().map(|doc| doc.chars().take(MAX_COMMENT).collect::<String>());
    if let (Some(comment), Some(column)) = (comment, column.as_object_mut()) {
        column.insert("Comment".to_owned(), json!(comment));
    }
    Some(column)
}

fn hive_type(kind: &Type) -> String {
    match kind {
        Type::Primitive(primitive) => primitive_type(primitive),
        Type::List(list) => format!("array<{}>", hive_type(&list.element.field_type)),
        Type::Map(map) => {
            format!("map<{},{}>", hive_type(&map.key.field_type), hive_type(&map.value.field_type))
        }
        Type::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name.to_lowercase(), hive_type(&field.field_type)))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
    }
}

fn primitive_type(primitive: &PrimitiveType) -> String {
    match primitive {
        PrimitiveType::Boolean => "boolean",
        PrimitiveType::Int => "int",
        PrimitiveType::Long => "bigint",
        PrimitiveType::Float => "float",
        PrimitiveType::Double => "double",
        PrimitiveType::Decimal { precision, scale } => return format!("decimal({precision},{scale})"),
        PrimitiveType::Date => "date",
        PrimitiveType::Timestamp
        | PrimitiveType::TimestampTz
        | PrimitiveType::TimestampNs
        | PrimitiveType::TimestampTzNs => "timestamp",
        PrimitiveType::Fixed(_) | PrimitiveType::Binary => "binary",
        // Hive has none of these; text is what AWS's own clients say.
        PrimitiveType::Time
        | PrimitiveType::String
        | PrimitiveType::Uuid
        | PrimitiveType::Unknown
        | PrimitiveType::Other(_) => "string",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_in_the_types_of_hive() {
        let point = Type::Struct(vec![
            Field::optional(10, "X", PrimitiveType::Double),
            Field::optional(
                11,
                "tags",
                Type::map((12, PrimitiveType::String), (13, false, PrimitiveType::Fixed(4))),
            ),
        ]);
        let fields = vec![
            Field::required(1, "kafka_offset", PrimitiveType::Long).with_doc("d".repeat(300)),
            Field::optional(2, "Price", PrimitiveType::Decimal { precision: 10, scale: 2 }),
            Field::optional(3, "points", Type::list(4, false, point)),
            Field::optional(5, "at", PrimitiveType::TimestampTz),
            Field::optional(6, "id", PrimitiveType::Uuid),
        ];
        let columns = of(&Schema::new(0, fields, Vec::new()).unwrap());
        let told: Vec<(&str, &str)> = columns
            .iter()
            .map(|column| (column["Name"].as_str().unwrap(), column["Type"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("kafka_offset", "bigint"),
                ("price", "decimal(10,2)"),
                ("points", "array<struct<x:double,tags:map<string,binary>>>"),
                ("at", "timestamp"),
                ("id", "string"),
            ]
        );
        assert_eq!(columns[0]["Comment"].as_str().unwrap().len(), 255);
        assert_eq!(
            columns[0]["Parameters"],
            json!({"iceberg.field.id": "1", "iceberg.field.optional": "false", "iceberg.field.current": "true"})
        );
    }
}
