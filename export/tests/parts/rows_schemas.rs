//! Records to rows by schemas: declared, or from a registry.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields};
use async_trait::async_trait;
use firnline_decode::{RegistryError, SchemaSource, WriterSchema};
use firnline_export::Workers;
use firnline_export::rows::{Encoded, Layout, Part, Pumped, RowEncoder, RowPump, RowSettings};
use firnline_export::source::Fed;

use crate::custom::{Made, add, encode, feed, longs, offsets, sorted, texts};
use crate::log::Log;
use crate::tier::TestTier;

fn fields(list: &[(&str, DataType)]) -> Fields {
    list.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect()
}

fn json(list: &[(&str, DataType)]) -> Part {
    Part::Json(WriterSchema::declared(&fields(list)))
}

#[tokio::test]
async fn a_bad_record_costs_itself_alone() {
    let mut log = Log::from(0);
    let values: [&[u8]; 8] = [
        br#"{"a":1,"b":"x"}"#,
        br#"{"a":1.5,"b":"x"}"#,
        br#"{"a":1"#,
        br#","b":2}"#,
        br#"{"a":1}{"a":2}"#,
        br#"{"a":100000000000000000000}"#,
        br#"{"b":"y","other":[1,2]}"#,
        br"7",
    ];
    add(&mut log, &values.map(Made::value));
    add(&mut log, &[Made { key: Some(b"k"), ..Made::default() }]);
    let tier = TestTier::of(&log, &[]);
    let value = json(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
    let all = encode(&tier, &RowSettings { value, ..RowSettings::default() }).await;
    let rows = all[0].rows.as_ref().expect("rows");
    assert_eq!(offsets(rows), [0, 6, 8]);
    assert_eq!(longs(rows, "a"), [Some(1), None, None]);
    assert_eq!(texts(rows, "b"), [Some("x".to_owned()), Some("y".to_owned()), None]);
    assert!(rows.column_by_name("kafka_value").is_none(), "its bytes are not kept beside it");
    let dead = all[0].dead.as_ref().expect("dead letters");
    assert_eq!(offsets(dead), [1, 2, 3, 4, 5, 7]);
    let reasons: Vec<String> = texts(dead, "dlq_reason").into_iter().flatten().collect();
    assert_eq!(reasons[0], "not_an_integer");
    assert_eq!(reasons[3], "more_than_one_value");
    assert_eq!(reasons[4], "number_out_of_range");
    assert_eq!(texts(dead, "dlq_field")[0].as_deref(), Some("a"));
    assert_eq!(all[0].stats.dead_letters(), 6);
}

#[tokio::test]
async fn a_bad_key_takes_its_value_with_it_and_bytes_are_kept_if_wanted() {
    let mut log = Log::from(0);
    let record = |key: &'static [u8], value: &'static [u8]| Made { key: Some(key), ..Made::value(value) };
    add(
        &mut log,
        &[
            record(br#"{"id":1}"#, br#"{"id":10}"#),
            record(b"no", br#"{"id":20}"#),
            record(br#"{"id":3}"#, br#"{"id":30}"#),
        ],
    );
    let tier = TestTier::of(&log, &[]);
    let part = || json(&[("id", DataType::Int64)]);
    let settings = RowSettings { key: part(), value: part(), keep_key: true, ..RowSettings::default() };
    let all = encode(&tier, &settings).await;
    let rows = all[0].rows.as_ref().expect("rows");
    assert_eq!(offsets(rows), [0, 2]);
    assert_eq!(longs(rows, "key_id"), [Some(1), Some(3)]);
    assert_eq!(longs(rows, "id"), [Some(10), Some(30)]);
    assert!(rows.column_by_name("kafka_key").is_some());
}

/// A registry of a test.
#[derive(Debug, Default)]
struct Registry {
    schemas: Mutex<HashMap<u32, WriterSchema>>,
    down: AtomicBool,
    asked: AtomicU32,
}

impl Registry {
    fn has(&self, id: u32, text: &str) {
        let schema = WriterSchema::avro(text, &[]).expect("a schema");
        self.schemas.lock().expect("whole").insert(id, schema);
    }
}

#[async_trait]
impl SchemaSource for Registry {
    async fn by_id(&self, id: u32) -> Result<WriterSchema, RegistryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(unreachable());
        }
        self.schemas.lock().expect("whole").get(&id).cloned().ok_or_else(|| not_found(id))
    }

    async fn by_guid(&self, _: [u8; 16]) -> Result<WriterSchema, RegistryError> {
        Err(not_found(0))
    }

    async fn latest(&self, _: &str) -> Result<WriterSchema, RegistryError> {
        Err(not_found(0))
    }
}

fn not_found(id: u32) -> RegistryError {
    RegistryError::NotFound { what: format!("schema {id}") }
}

fn unreachable() -> RegistryError {
    let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    RegistryError::Unreachable { url: "http://registry".to_owned(), source: Arc::new(source) }
}

/// A value of this schema: one long, zigzag, below 64; and a text.
fn framed(id: u32, number: i8, text: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.push(u8::try_from(number * 2).expect("small"));
    if let Some(text) = text {
        bytes.push(u8::try_from(text.len() * 2).expect("short"));
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

const FIRST: &str = r#"{"type":"record","name":"R","fields":[{"name":"N","type":"long"}]}"#;
const SECOND: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"N","type":"long"},{"name":"t","type":"string"}]}"#;

fn settings() -> RowSettings {
    RowSettings { value: Part::Registry, ..RowSettings::default() }
}

fn pump(registry: &Arc<Registry>) -> RowPump {
    let layout = Arc::new(Layout::new(&settings()).expect("a layout"));
    let encoder = RowEncoder::new(layout, settings(), 5).expect("an encoder");
    let schemas: Arc<dyn SchemaSource> = Arc::<Registry>::clone(registry);
    RowPump::new(encoder, Some(schemas), Workers::Inline)
}

/// Everything, with the columns that come as it goes on.
async fn drained(
    pump: &mut RowPump,
    all: &mut Vec<Encoded>,
) -> Result<u32, firnline_export::rows::RowsError> {
    let mut grown = 0;
    loop {
        match pump.next().await? {
            Pumped::Hungry => break,
            Pumped::Rows(encoded) => all.push(encoded),
            Pumped::Grow(wanted) => {
                grown += 1;
                all.extend(pump.relayout(wanted.layout).await?);
            }
        }
    }
    all.extend(pump.flush().await?);
    Ok(grown)
}

async fn pushed(tier: &TestTier, pump: &mut RowPump) {
    let mut feed = feed(tier, 0, i64::MAX);
    while let Some(fed) = feed.next().await.expect("reads") {
        let Fed::Batches(batches) = fed else { panic!("{fed:?}") };
        pump.push(batches).expect("whole");
    }
}

fn rows(all: &[Encoded]) -> Vec<&RecordBatch> {
    all.iter().filter_map(|encoded| encoded.rows.as_ref()).collect()
}

#[tokio::test]
async fn columns_come_with_the_schemas_that_need_them() {
    let registry = Arc::new(Registry::default());
    registry.has(1, FIRST);
    registry.has(2, SECOND);
    let mut log = Log::from(0);
    let values = [
        framed(1, 1, None),
        framed(2, 2, Some("two")),
        framed(1, 3, None),
        framed(9, 4, None),
        framed(2, 5, Some("")),
    ];
    for value in &values {
        add(&mut log, &[Made::value(value)]);
    }
    add(
        &mut log,
        &[Made { key: Some(b"k"), ..Made::default() }, Made::value(b"\0\0"), Made::value(b"plain")],
    );
    let tier = TestTier::of(&log, &[]);
    let mut pump = pump(&registry);
    pushed(&tier, &mut pump).await;
    let mut all = Vec::new();
    let grown = drained(&mut pump, &mut all).await.expect("encodes");
    assert_eq!(grown, 2);
    let rows = rows(&all);
    assert_eq!(rows.len(), 2, "a batch never mixes columns");
    assert_eq!(longs(rows[0], "n"), [Some(1)]);
    assert!(rows[0].column_by_name("t").is_none());
    assert_eq!(longs(rows[1], "n"), [Some(2), Some(3), Some(5), None]);
    let two = Some("two".to_owned());
    assert_eq!(texts(rows[1], "t"), [two, None, Some(String::new()), None]);
    assert_eq!(crate::custom::ints(rows[1], "kafka_schema_id"), [Some(2), Some(1), Some(2), None]);
    assert_eq!(sorted(&all).1, [3, 6, 7]);
    let dead: Vec<String> = all
        .iter()
        .filter_map(|e| e.dead.as_ref())
        .flat_map(|dead| texts(dead, "dlq_reason"))
        .flatten()
        .collect();
    assert_eq!(dead, ["unknown_schema", "truncated", "no_framing"]);
    assert_eq!(registry.asked.load(Ordering::SeqCst), 3, "each schema is asked for once");
}

#[tokio::test]
async fn a_registry_that_is_down_stalls_and_loses_nothing() {
    let registry = Arc::new(Registry::default());
    registry.has(1, FIRST);
    registry.down.store(true, Ordering::SeqCst);
    let mut log = Log::from(0);
    let value = framed(1, 1, None);
    add(&mut log, &[Made::value(&value), Made::value(&value)]);
    let tier = TestTier::of(&log, &[]);
    let mut pump = pump(&registry);
    pushed(&tier, &mut pump).await;
    let mut all = Vec::new();
    for _ in 0..2 {
        let error = drained(&mut pump, &mut all).await.expect_err("down");
        assert!(error.is_retriable(), "{error}");
        assert_eq!(error.code().code, "FIRN-E010");
    }
    registry.down.store(false, Ordering::SeqCst);
    drained(&mut pump, &mut all).await.expect("encodes");
    assert_eq!(sorted(&all), (vec![0, 1], vec![]));
}

#[tokio::test]
async fn columns_as_schemas_have_them_are_given_beside_the_rows() {
    let registry = Arc::new(Registry::default());
    registry.has(1, FIRST);
    registry.has(2, SECOND);
    let mut log = Log::from(0);
    let values = [framed(1, 1, None), framed(1, 2, None), framed(2, 3, Some("t"))];
    add(&mut log, &[Made { key: Some(b"k"), ..Made::default() }]);
    values.iter().for_each(|value| add(&mut log, &[Made::value(value)]));
    let tier = TestTier::of(&log, &[]);
    let layout = Arc::new(Layout::own(&settings()));
    let encoder = RowEncoder::new(layout, settings(), 5).expect("an encoder");
    let schemas: Arc<dyn SchemaSource> = Arc::<Registry>::clone(&registry);
    let mut pump = RowPump::new(encoder, Some(schemas), Workers::Inline);
    pushed(&tier, &mut pump).await;
    let mut all = Vec::new();
    assert_eq!(drained(&mut pump, &mut all).await.expect("encodes"), 0);
    let shapes: Vec<_> = all
        .iter()
        .map(|encoded| {
            let value = encoded.value.as_ref().expect("columns");
            let names = value.schema.as_ref().map_or(0, |schema| schema.fields.len());
            assert_eq!(names, value.columns.len());
            let rows = encoded.rows.as_ref().map_or(0, RecordBatch::num_rows);
            (rows, names, value.has.as_ref().map_or(0, arrow_buffer::NullBuffer::null_count))
        })
        .collect();
    assert_eq!(shapes, [(1, 0, 1), (2, 1, 0), (1, 2, 0)]);
}
