//! Which field goes to which column. At the top the caller says it; inside, a field goes to the column of its name
//! but for upper and lower case. A column has one field.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, Fields};

/// Asked for the column of each field at the top, by its path and type.
pub(crate) type Place<'p> = &'p dyn Fn(&[&str], &DataType) -> Option<usize>;

/// Why a schema does not go into a table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("field {path} is {from} in the schema, which a column of type {into} cannot hold")]
    Mismatch { path: String, from: String, into: DataType },
    #[error("field {path} was given column {column} of {columns}")]
    NoSuchColumn { path: String, column: usize, columns: usize },
    #[error("field {path} was given column {column}, which another field has")]
    Taken { path: String, column: usize },
}

/// The columns of a struct that no field has yet.
pub(crate) struct Names<'f> {
    columns: &'f Fields,
    free: HashMap<String, usize>,
}

impl<'f> Names<'f> {
    pub(crate) fn of(columns: &'f Fields) -> Self {
        let names = columns.iter().enumerate().rev();
        let free = names.map(|(index, field)| (field.name().to_lowercase(), index)).collect();
        Self { columns, free }
    }

    /// The column of a name, taken.
    pub(crate) fn claim(&mut self, name: &str) -> Option<(usize, &'f Field)> {
        let index = self.free.remove(&name.to_lowercase())?;
        self.columns.get(index).map(|field| (index, &**field))
    }
}

/// The key and the value of a map's type.
pub(crate) fn key_and_value(map: &DataType) -> Option<(&Field, &Field)> {
    let DataType::Map(entries, _) = map else { return None };
    let DataType::Struct(pair) = entries.data_type() else { return None };
    match &**pair {
        [key, value] => Some((key, value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_in_any_case_and_given_once() {
        let columns = ["Id", "name"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into();
        let mut names = Names::of(&columns);
        assert_eq!(names.claim("NAME").map(|(index, _)| index), Some(1));
        assert_eq!(names.claim("iD").map(|(_, field)| field.name().as_str()), Some("Id"));
        assert!(names.claim("id").is_none());
        assert!(names.claim("other").is_none());
    }
}
