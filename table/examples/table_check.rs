//! Carries out a plan of commits on a file-system catalog, for /work/notes/table_check.py.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use firnline_store::{Env, Store};
use firnline_table::catalog::FsCatalog;
use firnline_table::commit::{ExpirePolicy, expire, merge_manifests, unreferenced};
use firnline_table::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

fn columns() -> Fields {
    let f = |name: &str, of: DataType, null: bool| Field::new(name, of, null);
    let uuid = f("u", DataType::FixedSizeBinary(16), true)
        .with_metadata(HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]));
    let entries = f(
        "entries",
        DataType::Struct(vec![f("key", DataType::Utf8, false), f("value", DataType::Int64, true)].into()),
        false,
    );
    Fields::from(vec![
        f("id", DataType::Int64, false),
        f("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        f("name", DataType::Utf8, true),
        f("price", DataType::Decimal128(9, 2), true),
        uuid,
        f("tags", DataType::List(Arc::new(f("element", DataType::Utf8, true))), true),
        f("m", DataType::Map(Arc::new(entries), false), true),
        f(
            "s",
            DataType::Struct(vec![f("x", DataType::Int32, true), f("y", DataType::Float64, true)].into()),
            true,
        ),
    ])
}

fn file(table: &Table, json: &Value) -> DataFile {
    let content = match json["content"].as_str().unwrap_or("data") {
        "data" => FileContent::Data,
        "position" => FileContent::PositionDeletes,
        _ => FileContent::EqualityDeletes,
    };
    let spec = table.metadata.default_spec().spec_id;
    let columns = table.metadata.partition_columns(spec).unwrap();
    let values = columns
        .iter()
        .map(|column| {
            let value = match column.name.as_str() {
                "at_day" => Literal::Long(json["at"].as_i64()?),
                _ => Literal::String(json["name"].as_str()?.to_owned()),
            };
            column.transform.apply(&value, &column.source_type)
        })
        .collect();
    let path = format!("{}/data/{}", table.metadata.location(), json["file"].as_str().unwrap());
    let mut file = DataFile::new(
        content,
        path,
        spec,
        values,
        json["rows"].as_u64().unwrap(),
        json["size"].as_u64().unwrap(),
    );
    if content == FileContent::EqualityDeletes {
        file.equality_ids = vec![1];
    }
    if content == FileContent::Data {
        file.value_counts = BTreeMap::from([(1, file.record_count)]);
        file.null_counts = BTreeMap::from([(1, 0)]);
        file.lower_bounds = BTreeMap::from([(1, json["low"].as_i64().unwrap().to_le_bytes().to_vec())]);
        file.upper_bounds = BTreeMap::from([(1, json["high"].as_i64().unwrap().to_le_bytes().to_vec())]);
        file.split_offsets = vec![4];
    }
    file
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let plan: Value = serde_json::from_reader(std::io::stdin()).unwrap();
    let env = Env::system();
    let io = FileIo::new(Store::directory(plan["warehouse"].as_str().unwrap(), env.clone())).unwrap();
    let catalog = FsCatalog::new(io, env.clone());
    let name: TableName = plan["table"].as_str().unwrap().parse().unwrap();
    let schema = Schema::from_arrow(&columns(), &["id"]).unwrap();
    let parts = [("at", Transform::Day), ("name", Transform::Bucket(4))];
    let spec = if plan["partitioned"].as_bool().unwrap() {
        PartitionSpec::of(&schema, &parts).unwrap()
    } else {
        PartitionSpec::unpartitioned()
    };
    let new = NewTable {
        spec,
        sort_order: SortOrder::ascending(1, &[1]),
        schema,
        location: None,
        properties: plan["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
            .collect(),
        format_version: u8::try_from(plan["format"].as_u64().unwrap()).unwrap(),
    };
    let mut table = match catalog.load(&name).await.unwrap() {
        Some(table) => table,
        None => catalog.create(&name, new).await.unwrap(),
    };
    let mut ids = RandomIds::new(Arc::clone(&env.random));
    for step in plan["steps"].as_array().unwrap() {
        let now = env.clock.now_ms();
        let list = |key: &str| step[key].as_array().cloned().unwrap_or_default();
        let operation = match step["op"].as_str().unwrap() {
            "append" | "column" => Operation::Append,
            "delta" => Operation::RowDelta,
            "replace" => Operation::Replace,
            "overwrite" => Operation::Overwrite,
            "merge" => {
                let prepared = merge_manifests(&table, &mut ids, now).await.unwrap().unwrap();
                table = catalog.commit(&table, &prepared.requirements, &prepared.updates).await.unwrap();
                continue;
            }
            "expire" => {
                let expiry = expire(&table, &ExpirePolicy { keep_min: 1, max_age_ms: 0 }, now + 1).unwrap();
                let after = catalog.commit(&table, &expiry.requirements, &expiry.updates).await.unwrap();
                let gone = unreferenced(&table, &after).await.unwrap();
                for path in gone.all() {
                    after.io.delete(path).await.unwrap();
                }
                eprintln!(
                    "expired {} snapshots, {} data files, {} manifests",
                    expiry.snapshots.len(),
                    gone.data.len(),
                    gone.manifests.len()
                );
                table = after;
                continue;
            }
            other => panic!("{other}"),
        };
        let mut change = Change::new(operation);
        if let Some(column) = step["name"].as_str() {
            let mut update = SchemaUpdate::of(&table.metadata);
            update.add(None, &Field::new(column, DataType::Utf8, true)).unwrap();
            change.schema = update.finish().unwrap();
        }
        for json in list("add") {
            let file = file(&table, &json);
            if file.content == FileContent::Data {
                change.add.push(file)
            } else {
                change.add_deletes.push(file)
            }
        }
        let live = live_files(&table).await.unwrap();
        for json in list("remove") {
            let wanted = json.as_str().unwrap();
            let found = live.iter().find(|live| live.file.path.ends_with(&format!("/{wanted}"))).unwrap();
            change.remove.push(RemovedFile::of(&found.file));
        }
        if operation == Operation::Replace {
            change.keep_sequence = Some(table.metadata.last_sequence_number());
        }
        change.snapshot_always = true;
        change.summary.insert("firnline.commit".to_owned(), ids.uuid().to_string());
        let prepared = build(&table, change, &mut ids, now).await.unwrap();
        table = catalog.commit(&table, &prepared.requirements, &prepared.updates).await.unwrap();
    }
    println!("{}", table.metadata_location);
}
