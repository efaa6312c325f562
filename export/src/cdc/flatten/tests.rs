use arrow_array::{BooleanArray, Int64Array, StringArray, StructArray};
use arrow_schema::Fields;

use super::*;
use crate::cdc::names::Names;
use crate::cdc::settings::{CdcSettings, CdcTable, PLACEHOLDER};

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn longs(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn row_fields() -> Fields {
    vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)].into()
}

type Row = Option<(Option<i64>, Option<&'static str>)>;

fn rows(values: &[Row]) -> ArrayRef {
    let ids: Vec<_> = values.iter().map(|row| row.and_then(|(id, _)| id)).collect();
    let names: Vec<_> = values.iter().map(|row| row.and_then(|(_, name)| name)).collect();
    let valid = NullBuffer::from(values.iter().map(Option::is_some).collect::<Vec<_>>());
    Arc::new(StructArray::new(row_fields(), vec![longs(&ids), texts(&names)], Some(valid)))
}

/// `op`, `before`, `after` of an event.
type Event = (Option<&'static str>, Row, Row);

struct Log {
    fields: Fields,
    value: Vec<ArrayRef>,
    key: Vec<ArrayRef>,
    has_value: NullBuffer,
}

impl Log {
    /// Events with the keys of their records; an event that is `None` is a tombstone.
    fn of(events: &[(Option<i64>, Option<Event>)]) -> Self {
        let events_or_nothing: Vec<Event> =
            events.iter().map(|(_, event)| event.unwrap_or((None, None, None))).collect();
        let row = DataType::Struct(row_fields());
        let fields: Fields =
            [("before", row.clone()), ("after", row), ("op", DataType::Utf8), ("ts_ms", DataType::Int64)]
                .into_iter()
                .map(|(name, data_type)| Field::new(name, data_type, true))
                .collect();
        let value = vec![
            rows(&events_or_nothing.iter().map(|event| event.1).collect::<Vec<_>>()),
            rows(&events_or_nothing.iter().map(|event| event.2).collect::<Vec<_>>()),
            texts(&events_or_nothing.iter().map(|event| event.0).collect::<Vec<_>>()),
            longs(&vec![Some(7); events.len()]),
        ];
        let key = vec![longs(&events.iter().map(|(key, _)| *key).collect::<Vec<_>>())];
        let has_value = NullBuffer::from(events.iter().map(|(_, event)| event.is_some()).collect::<Vec<_>>());
        Self { fields, value, key, has_value }
    }

    fn plan(&self, table: CdcTable) -> ChangePlan {
        let key: Fields = vec![Field::new("id", DataType::Int64, true)].into();
        let nothing = Names::default();
        let settings = CdcSettings { table, ..CdcSettings::default() };
        ChangePlan::new((&self.fields, &nothing), Some((&key, &nothing)), &settings).unwrap()
    }

    fn changes(&self, table: CdcTable) -> Changes {
        let decoded = Decoded {
            rows: self.has_value.len(),
            value: &self.value,
            has_value: Some(&self.has_value),
            key: Some(&self.key),
        };
        self.plan(table).flatten(&decoded).unwrap()
    }
}

/// `cdc_op`, id, name of each change.
fn shown(changes: &Changes) -> Vec<(String, Option<i64>, Option<String>)> {
    let ops = changes.columns[0].as_string::<i32>();
    let ids = changes.columns[3].as_primitive::<Int64Type>();
    let names = changes.columns[4].as_string::<i32>();
    (0..changes.ops.len())
        .map(|row| {
            let id = ids.is_valid(row).then(|| ids.value(row));
            let name = names.is_valid(row).then(|| names.value(row).to_owned());
            (ops.value(row).to_owned(), id, name)
        })
        .collect()
}

fn change(op: &str, id: i64, name: Option<&str>) -> (String, Option<i64>, Option<String>) {
    (op.to_owned(), Some(id), name.map(str::to_owned))
}

const A: Row = Some((Some(1), Some("a")));
const B: Row = Some((Some(1), Some("b")));

#[test]
fn changes_take_the_row_after_them_and_deletes_the_one_before() {
    let log = Log::of(&[
        (Some(1), Some((Some("r"), None, A))),
        (Some(1), Some((Some("u"), A, B))),
        (Some(1), Some((Some("d"), B, None))),
        (Some(1), None),
        (Some(1), Some((Some("c"), None, A))),
        (None, Some((Some("t"), None, None))),
    ]);
    let changes = log.changes(CdcTable::Changelog);
    let expected = [
        change("r", 1, Some("a")),
        change("u", 1, Some("b")),
        change("d", 1, Some("b")),
        change("c", 1, Some("a")),
        ("t".to_owned(), None, None),
    ];
    assert_eq!(shown(&changes), expected);
    assert_eq!(changes.from, [0, 1, 2, 4, 5], "the tombstone is left out");
    assert_eq!((changes.tombstones, changes.refused.len()), (1, 0));
    let ts = changes.columns[1].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(ts.value(0), 7000);
}

#[test]
fn a_delete_without_a_before_has_the_key_of_its_record() {
    let log = Log::of(&[
        (Some(5), Some((Some("d"), None, None))),
        (Some(6), Some((Some("d"), Some((None, None)), None))),
    ]);
    let changes = log.changes(CdcTable::Changelog);
    assert_eq!(shown(&changes), [change("d", 5, None), change("d", 6, None)]);
}

#[test]
fn what_is_no_change_is_refused_alone() {
    let log = Log::of(&[
        (Some(1), Some((None, None, A))),
        (Some(1), Some((Some("x"), None, A))),
        (Some(1), Some((Some("c"), A, None))),
        (None, Some((Some("d"), None, None))),
        (Some(1), Some((Some("c"), None, A))),
        (None, Some((Some("c"), None, Some((None, Some("keyless")))))),
    ]);
    let changes = log.changes(CdcTable::Current);
    assert_eq!(shown(&changes), [change("c", 1, Some("a"))]);
    let refused: Vec<_> = changes.refused.iter().map(|refused| (refused.row, refused.reason)).collect();
    let expected =
        [(0, "cdc_no_op"), (1, "cdc_unknown_op"), (2, "cdc_no_row"), (3, "cdc_no_row"), (5, "cdc_null_key")];
    assert_eq!(refused, expected);
    assert_eq!(log.changes(CdcTable::Changelog).ops.len(), 2, "a changelog needs no key");
}

#[test]
fn a_value_that_was_not_given_is_told_and_taken_from_before_where_that_has_it() {
    let hidden: Row = Some((Some(1), Some(PLACEHOLDER)));
    let log = Log::of(&[
        (Some(1), Some((Some("u"), A, hidden))),
        (Some(1), Some((Some("u"), None, hidden))),
        (Some(1), Some((Some("u"), Some((Some(1), None)), hidden))),
    ]);
    let changes = log.changes(CdcTable::Current);
    assert_eq!(shown(&changes)[0], change("u", 1, Some("a")));
    assert_eq!(changes.unavailable, Some((1, 4)));
    let changelog = log.changes(CdcTable::Changelog);
    assert_eq!(changelog.unavailable, None);
    assert_eq!(shown(&changelog)[0], change("u", 1, Some(PLACEHOLDER)), "as the connector wrote it");
}

#[test]
fn a_key_that_an_update_has_left_behind_is_told() {
    let moved: Row = Some((Some(2), Some("a")));
    let log = Log::of(&[
        (Some(1), Some((Some("u"), A, B))),
        (Some(2), Some((Some("u"), A, moved))),
        (Some(1), Some((Some("u"), None, B))),
    ]);
    let changes = log.changes(CdcTable::Current);
    let left = changes.left_keys.unwrap();
    assert_eq!(left.left, [false, true, false]);
    assert_eq!(left.columns[0].as_primitive::<Int64Type>().value(1), 1);
    assert!(log.changes(CdcTable::Changelog).left_keys.is_none());
}

#[test]
fn other_columns_than_planned_are_an_error() {
    let log = Log::of(&[(Some(1), Some((Some("c"), None, A)))]);
    let plan = log.plan(CdcTable::Changelog);
    let decoded = Decoded { rows: 2, value: &log.value, has_value: None, key: None };
    assert!(matches!(plan.flatten(&decoded), Err(CdcError::Columns { .. })));
    let decoded = Decoded { rows: 1, value: &log.value[..2], has_value: None, key: None };
    assert!(matches!(plan.flatten(&decoded), Err(CdcError::Columns { .. })));
}

fn unwrapped(rewritten: bool) -> (ChangePlan, Fields) {
    let mut fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("__op", DataType::Utf8, true),
    ];
    if rewritten {
        fields.push(Field::new("__deleted", DataType::Utf8, true));
    }
    let fields: Fields = fields.into();
    let key: Fields = vec![Field::new("id", DataType::Int64, true)].into();
    let nothing = Names::default();
    let plan = ChangePlan::new((&fields, &nothing), Some((&key, &nothing)), &CdcSettings::default()).unwrap();
    (plan, fields)
}

#[test]
fn unwrapped_deletes_are_tombstones_or_marked_rows() {
    let ids = longs(&[Some(1), Some(1), None]);
    let names = texts(&[Some("a"), None, None]);
    let ops = texts(&[Some("c"), Some("d"), None]);
    let deleted = texts(&[Some("false"), Some("true"), None]);
    let key = [longs(&[Some(1), Some(1), Some(1)])];
    let has_value = NullBuffer::from(vec![true, true, false]);

    let (plan, _) = unwrapped(true);
    let value = [Arc::clone(&ids), Arc::clone(&names), Arc::clone(&ops), deleted];
    let decoded = Decoded { rows: 3, value: &value, has_value: Some(&has_value), key: Some(&key) };
    let changes = plan.flatten(&decoded).unwrap();
    assert_eq!(shown(&changes), [change("c", 1, Some("a")), change("d", 1, None)]);
    assert_eq!(changes.tombstones, 1, "the delete has been written out already");

    let (plan, _) = unwrapped(false);
    assert!(plan.tombstones_are_changes());
    let value = [ids, names, ops];
    let decoded = Decoded { value: &value, ..decoded };
    let changes = plan.flatten(&decoded).unwrap();
    assert_eq!(shown(&changes)[2], change("d", 1, None));
    assert_eq!(changes.tombstones, 0);
}

#[test]
fn a_boolean_mark_counts_as_well() {
    let mark: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    assert_eq!([0, 1, 2].map(|row| is_true(Some(&mark), row)), [true, false, false]);
}

#[test]
fn without_a_key_only_truncations_can_be_told_of_a_current_state() {
    let nothing = Names::default();
    let settings = CdcSettings { table: CdcTable::Current, ..CdcSettings::default() };
    let flat = |log: &Log| {
        let plan = ChangePlan::new((&log.fields, &nothing), None, &settings).unwrap();
        plan.flatten(&Decoded { rows: log.has_value.len(), value: &log.value, has_value: None, key: None })
    };
    assert_eq!(flat(&Log::of(&[(None, Some((Some("t"), None, None)))])).unwrap().ops, [Op::Truncate]);
    assert!(matches!(flat(&Log::of(&[(None, Some((Some("c"), None, A)))])), Err(CdcError::NoKey)));
}
