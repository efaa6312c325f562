//! Columns made of columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef, Fields};

use super::column::Column;
use super::rows::UnsupportedType;
use super::valid::Valid;

/// Where each list ends among the items.
#[derive(Debug, Default)]
struct Ends {
    ends: Vec<i32>,
    valid: Valid,
}

impl Ends {
    fn len(&self) -> usize {
        self.valid.len()
    }

    fn last(&self) -> usize {
        self.ends.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
    }

    /// Past 2 Gi items nothing is added, which the end of the row tells.
    fn end(&mut self, items: usize) {
        if let Ok(end) = i32::try_from(items) {
            self.ends.push(end);
            self.valid.push(true);
        }
    }

    fn push_null(&mut self) {
        self.ends.push(self.ends.last().copied().unwrap_or(0));
        self.valid.push(false);
    }

    fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.valid.truncate(length);
    }

    fn bytes(&self) -> usize {
        self.ends.capacity() * size_of::<i32>() + self.valid.bytes()
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let ends = std::mem::take(&mut self.ends);
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend(ends);
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), self.valid.finish())
    }
}

/// A column of lists.
#[derive(Debug)]
pub struct ListColumn {
    items: Box<Column>,
    item: FieldRef,
    ends: Ends,
}

impl ListColumn {
    pub(super) fn new(item: &FieldRef) -> Result<Self, UnsupportedType> {
        let items = Box::new(Column::new(item.data_type())?);
        Ok(Self { items, item: Arc::clone(item), ends: Ends::default() })
    }

    /// The items: those pushed since the last [`Self::end`] are the list's that is being made.
    #[inline]
    pub fn items(&mut self) -> &mut Column {
        &mut self.items
    }

    /// Makes a list of the items that came since the last one.
    pub fn end(&mut self) {
        self.ends.end(self.items.len());
    }

    /// Adds none. Items that came are dropped.
    pub fn push_null(&mut self) {
        self.items.truncate(self.ends.last());
        self.ends.push_null();
    }

    /// How many lists there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.items.truncate(self.ends.last());
    }

    pub(super) fn bytes(&self) -> usize {
        self.items.bytes() + self.ends.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        self.items.truncate(self.ends.last());
        let (offsets, nulls) = self.ends.finish();
        Arc::new(ListArray::new(Arc::clone(&self.item), offsets, self.items.finish(), nulls))
    }
}

/// A column of maps.
#[derive(Debug)]
pub struct MapColumn {
    keys: Box<Column>,
    values: Box<Column>,
    /// The struct of key and value, and both.
    entries: FieldRef,
    fields: Fields,
    sorted: bool,
    ends: Ends,
}

impl MapColumn {
    pub(super) fn new(entries: &FieldRef, sorted: bool) -> Result<Self, UnsupportedType> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(UnsupportedType::new(entries.data_type()));
        };
        let [key, value] = &fields[..] else { return Err(UnsupportedType::new(entries.data_type())) };
        Ok(Self {
            keys: Box::new(Column::new(key.data_type())?),
            values: Box::new(Column::new(value.data_type())?),
            entries: Arc::clone(entries),
            fields: fields.clone(),
            sorted,
            ends: Ends::default(),
        })
    }

    /// The keys and values: those pushed since the last [`Self::end`] are the map's that is being made.
    #[inline]
    pub fn entries(&mut self) -> (&mut Column, &mut Column) {
        (&mut self.keys, &mut self.values)
    }

    /// Makes a map of the entries that came since the last one. Where keys and values are not as many, nothing is made, which
    /// the end of the row tells.
    pub fn end(&mut self) {
        if self.keys.len() == self.values.len() {
            self.ends.end(self.keys.len());
        }
    }

    /// Adds none. Entries that came are dropped.
    pub fn push_null(&mut self) {
        self.drop_open();
        self.ends.push_null();
    }

    fn drop_open(&mut self) {
        self.keys.truncate(self.ends.last());
        self.values.truncate(self.ends.last());
    }

    /// How many maps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.drop_open();
    }

    pub(super) fn bytes(&self) -> usize {
        self.keys.bytes() + self.values.bytes() + self.ends.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        self.drop_open();
        let (offsets, nulls) = self.ends.finish();
        let entries =
            StructArray::new(self.fields.clone(), vec![self.keys.finish(), self.values.finish()], None);
        Arc::new(MapArray::new(Arc::clone(&self.entries), offsets, entries, nulls, self.sorted))
    }
}

/// A column of structs.
#[derive(Debug)]
pub struct StructColumn {
    children: Vec<Column>,
    fields: Fields,
    valid: Valid,
}

impl StructColumn {
    pub(super) fn new(fields: &Fields) -> Result<Self, UnsupportedType> {
        let children = fields.iter().map(|field| Column::new(field.data_type()));
        Ok(Self {
            children: children.collect::<Result<_, _>>()?,
            fields: fields.clone(),
            valid: Valid::default(),
        })
    }

    /// Its fields: each takes one value before [`Self::end`].
    #[inline]
    pub fn children(&mut self) -> &mut [Column] {
        &mut self.children
    }

    /// Makes a struct of what its fields were given. Where one was given none, or two, nothing is made, which the end of the
    /// row tells.
    pub fn end(&mut self) {
        let next = self.valid.len() + 1;
        if self.children.iter().all(|child| child.len() == next) {
            self.valid.push(true);
        }
    }

    /// Adds none. What its fields were given is dropped.
    pub fn push_null(&mut self) {
        let length = self.valid.len();
        for child in &mut self.children {
            child.truncate(length);
            child.push_null();
        }
        self.valid.push(false);
    }

    /// How many structs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.valid.truncate(length);
        for child in &mut self.children {
            child.truncate(length);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.children.iter().map(Column::bytes).sum::<usize>() + self.valid.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let length = self.valid.len();
        let mut parts = Vec::with_capacity(self.children.len());
        for child in &mut self.children {
            child.truncate(length);
            parts.push(child.finish());
        }
        let nulls = self.valid.finish();
        if parts.is_empty() {
            return Arc::new(StructArray::new_empty_fields(length, nulls));
        }
        Arc::new(StructArray::new(self.fields.clone(), parts, nulls))
    }
}
