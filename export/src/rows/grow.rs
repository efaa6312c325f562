//! New columns for fields that a table has no place for yet.
//!
//! Names are the fields' own in lower case, since Glue knows no other; those of keys begin with `key_`. A name that is taken,
//! by another field, by one that differs in case alone, or by Kafka's columns, gets `_v2`, `_v3` and so on. So does a field
//! whose type has changed to one that its column cannot be widened to.

use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Fields};

use super::Side;
use super::kafka::KafkaColumn;
use super::layout::{Layout, LayoutColumn, Origin};
use super::merge::{Merged, merge};

/// What a table is to become.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown {
    /// The columns then. New ones stand at the end and have no field ids.
    pub layout: Layout,
    /// New columns; all optional.
    pub added: Vec<FieldRef>,
    /// Columns of another type than before, as they are to be; also those that become optional.
    pub widened: Vec<FieldRef>,
    /// Whether somebody else's column is ours from now on, as it is: nothing but [`Layout::origins`] changes.
    pub adopted: bool,
}

impl Grown {
    pub(super) fn nothing(layout: &Layout) -> Self {
        Self { layout: layout.clone(), added: Vec::new(), widened: Vec::new(), adopted: false }
    }

    pub(super) fn if_any(self) -> Option<Self> {
        let any = self.adopted || !self.added.is_empty() || !self.widened.is_empty();
        any.then_some(self)
    }

    /// Adds a column, or adopts one of that name that takes its values.
    pub(super) fn add(&mut self, field: Field, origin: Origin) {
        let mut columns = self.layout.columns().to_vec();
        let adoptable = columns.iter_mut().find(|known| {
            known.origin == Origin::Foreign
                && known.field.name() == field.name()
                && known.field.is_nullable()
                && merge(known.field.data_type(), field.data_type()) == Merged::Fits
        });
        match adoptable {
            Some(known) => {
                known.origin = origin;
                self.adopted = true;
            }
            None => {
                let field: FieldRef = Arc::new(field.with_name(free_name(&columns, &origin)));
                self.added.push(Arc::clone(&field));
                columns.push(LayoutColumn { field, origin });
            }
        }
        self.layout = Layout::of(columns, self.layout.is_own());
    }

    fn widen(&mut self, at: usize, field: Field) {
        let mut columns = self.layout.columns().to_vec();
        let Some(column) = columns.get_mut(at) else { return };
        column.field = Arc::new(field);
        let field = Arc::clone(&column.field);
        // Widened again before anybody has seen it: it is still one change.
        for list in [&mut self.added, &mut self.widened] {
            list.retain(|known| known.name() != field.name());
        }
        self.widened.push(field);
        self.layout = Layout::of(columns, self.layout.is_own());
    }
}

/// Gives each of a writer's fields a place.
pub(super) fn lay_out(grown: &mut Grown, side: Side, writer: &Fields) {
    for field in writer {
        let origin = Origin::Field { side, name: field.name().clone() };
        match find(grown.layout.columns(), &origin, field) {
            Found::Fits => {}
            Found::Wider(at, wider) => grown.widen(at, wider),
            Found::Nowhere => {
                let name = column_name(side, field.name());
                let new = field.as_ref().clone().with_name(name).with_nullable(true);
                grown.add(new, origin);
            }
        }
    }
}

enum Found {
    Fits,
    Wider(usize, Field),
    Nowhere,
}

fn find(columns: &[LayoutColumn], origin: &Origin, field: &Field) -> Found {
    let mut wider = None;
    for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.origin == *origin) {
        let ours = &column.field;
        match merge(ours.data_type(), field.data_type()) {
            Merged::Fits if ours.is_nullable() => return Found::Fits,
            Merged::Fits => wider = wider.or(Some((at, ours.as_ref().clone().with_nullable(true)))),
            Merged::Wider(to) => {
                let to = ours.as_ref().clone().with_data_type(to).with_nullable(true);
                wider = wider.or(Some((at, to)));
            }
            Merged::Apart => {}
        }
    }
    wider.map_or(Found::Nowhere, |(at, to)| Found::Wider(at, to))
}

/// What a column is called after a field: lower case, and `_` for what not every engine takes in a name.
fn column_name(side: Side, field: &str) -> String {
    let plain: String = field
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
        .collect();
    let plain = if plain.is_empty() { "_".to_owned() } else { plain };
    match side {
        Side::Key => format!("key_{plain}"),
        Side::Value => plain,
    }
}

fn free_name(columns: &[LayoutColumn], origin: &Origin) -> String {
    let wanted = match origin {
        Origin::Kafka(column) => column.name().to_owned(),
        Origin::Field { side, name } => column_name(*side, name),
        Origin::Foreign => "_".to_owned(),
    };
    let reserved = |name: &str| match origin {
        Origin::Kafka(_) => false,
        _ => KafkaColumn::of_name(name).is_some(),
    };
    let taken = |name: &str| {
        reserved(name) || columns.iter().any(|column| column.field.name().to_lowercase() == name)
    };
    if !taken(&wanted) {
        return wanted;
    }
    let numbered = (2_u32..).map(|version| format!("{wanted}_v{version}")).find(|name| !taken(name));
    numbered.unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::RowSettings;
    use arrow_schema::DataType as T;

    fn fields(list: &[(&str, T)]) -> Fields {
        list.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect()
    }

    fn names(grown: &Grown) -> Vec<&str> {
        grown.added.iter().map(|field| field.name().as_str()).collect()
    }

    fn base() -> Layout {
        Layout::new(&RowSettings::default()).expect("a layout")
    }

    #[test]
    fn fields_become_lower_case_columns_once() {
        let writer = fields(&[("Id", T::Int64), ("name with blanks", T::Utf8)]);
        let grown = base().grown(Side::Value, &writer).expect("new columns");
        assert_eq!(names(&grown), ["id", "name_with_blanks"]);
        assert_eq!(grown.layout.grown(Side::Value, &writer), None, "all have a place");
        let key = grown.layout.grown(Side::Key, &writer).expect("keys have their own");
        assert_eq!(names(&key), ["key_id", "key_name_with_blanks"]);
    }

    #[test]
    fn names_that_are_taken_are_counted_up() {
        let writer =
            fields(&[("kafka_offset", T::Utf8), ("a", T::Utf8), ("A", T::Utf8), ("key_id", T::Utf8)]);
        let grown = base().grown(Side::Value, &writer).expect("new columns");
        assert_eq!(names(&grown), ["kafka_offset_v2", "a", "a_v2", "key_id"]);
        let key = grown.layout.grown(Side::Key, &fields(&[("id", T::Int32)])).expect("a new column");
        assert_eq!(names(&key), ["key_id_v2"]);
    }

    #[test]
    fn a_type_that_changes_widens_its_column_or_gets_another() {
        let first = base().grown(Side::Value, &fields(&[("x", T::Int32)])).expect("new").layout;
        let wider = first.grown(Side::Value, &fields(&[("x", T::Int64)])).expect("wider");
        assert!(wider.added.is_empty());
        assert_eq!(wider.widened.len(), 1);
        assert_eq!(wider.layout.grown(Side::Value, &fields(&[("x", T::Int32)])), None, "the old ones fit");
        let other = wider.layout.grown(Side::Value, &fields(&[("x", T::Utf8)])).expect("another");
        assert_eq!(names(&other), ["x_v2"]);
        let targets = other.layout.targets(Side::Value);
        assert_eq!(targets.place("x", &T::Int32), Some(0));
        assert_eq!(targets.place("x", &T::Utf8), Some(1));
        assert_eq!(targets.place("x", &T::Boolean), None);
    }

    #[test]
    fn a_column_of_somebody_else_is_adopted_where_it_fits() {
        let settings = RowSettings { value: crate::rows::Part::Registry, ..RowSettings::default() };
        let mut table: Vec<FieldRef> = base().schema().fields().iter().cloned().collect();
        table.push(Arc::new(Field::new("id", T::Int64, true)));
        table.push(Arc::new(Field::new("name", T::Boolean, true)));
        let layout = Layout::of_table(&settings, &table.into(), &std::collections::BTreeMap::new());
        let layout = layout.err();
        assert!(layout.is_none(), "{layout:?}");
    }
}
