//! The tables held against the schemas in the jars of Kafka's clients: names, types, versions, tags, to the last field.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use firnline_proxy::wire::schema::{Field, Kind, Versions};
use firnline_proxy::wire::{Api, Message, Side, TABLE, Value};
use serde_json::Value as Json;

#[path = "../../../tests/src/tools.rs"]
#[allow(dead_code, unreachable_pub, reason = "of what the tests with brokers share, this one needs a part")]
pub(crate) mod tools;

/// Releases whose jars must be there. Others are held against the tables where they are.
const RELEASES: [&str; 3] = ["3.3.2", "3.9.1", "4.3.1"];

/// Kafka's older names of requests that have another one now.
const RENAMED: [(&str, &str); 2] =
    [("AlterIsr", "AlterPartition"), ("ListClientMetricsResources", "ListConfigResources")];

/// Kafka's older names of fields.
const RENAMED_FIELDS: [(&str, &str); 1] = [("generation_id", "generation_id_or_member_epoch")];

/// All schemas of a jar, as one object by name. Kafka's files are JSON with lines of comment.
const UNPACK: &str = "
import json, sys, zipfile
jar = zipfile.ZipFile(sys.argv[1])
texts = (jar.read(name).decode() for name in jar.namelist() if name.startswith('common/message/') and name.endswith('.json'))
plain = ('\\n'.join(line for line in text.split('\\n') if not line.strip().startswith('//')) for text in texts)
json.dump({schema['name']: schema for schema in map(json.loads, plain)}, sys.stdout)
";

type Schemas = BTreeMap<String, Json>;

fn jars() -> Vec<(String, PathBuf)> {
    let releases = tools::build_cache().join("kafka");
    for release in RELEASES {
        let _ = tools::kafka_class_path(release);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(releases).unwrap() {
        let release = entry.unwrap().file_name().into_string().unwrap();
        let jar = tools::build_cache().join(format!("kafka/{release}/kafka-clients-{release}.jar"));
        assert!(jar.exists(), "{} is missing: run `make install` first", jar.display());
        found.push((release, jar));
    }
    found
}

fn with_todays_names(mut kafkas: Vec<String>, ours: &[String]) -> Vec<String> {
    for line in kafkas.iter_mut().filter(|line| !ours.contains(line)) {
        for (old, new) in RENAMED_FIELDS {
            *line = line.replace(&format!(".{old}:"), &format!(".{new}:"));
        }
    }
    kafkas
}

/// A later release may add a tagged field to a version that an earlier one has, without a number of its own.
fn without_later_tags(mut ours: Vec<String>, kafkas: &[String]) -> Vec<String> {
    let path = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let is_later = |line: &&String| line.contains(" tag ") && !kafkas.contains(line);
    let later: Vec<_> = ours.iter().filter(is_later).map(|line| path(line)).collect();
    ours.retain(|line| !later.iter().any(|tagged| path(line).starts_with(tagged)));
    ours
}

fn schemas(jar: &PathBuf) -> Schemas {
    let output = Command::new("python3").args(["-c", UNPACK]).arg(jar).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'j>(json: &'j Json, key: &str) -> Option<&'j str> {
    json.get(key).and_then(Json::as_str)
}

/// Kafka's notation of versions.
fn versions(said: Option<&str>) -> Versions {
    let number = |text: &str| text.parse::<i16>().unwrap();
    match said {
        None | Some("none") => Versions::NONE,
        Some(said) => match (said.strip_suffix('+'), said.split_once('-')) {
            (Some(min), _) => Versions::new(number(min), i16::MAX),
            (None, Some((min, max))) => Versions::new(number(min), number(max)),
            (None, None) => Versions::new(number(said), number(said)),
        },
    }
}

/// `LastStableOffset` as `last_stable_offset`, `ZkMigrationReady` as `zk_migration_ready`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Every field of a version, one a line, the nested ones behind their path.
fn ours(fields: &[Field], version: i16, path: &str, lines: &mut Vec<String>) {
    for field in fields.iter().filter(|field| field.versions.has(version)) {
        let path = format!("{path}.{}", field.name.trim_start_matches("r#"));
        let null = if field.null.has(version) { "?" } else { "" };
        let tag = field.tag.map(|tag| format!(" tag {tag}")).unwrap_or_default();
        let (kind, nested) = our_kind(field.kind);
        lines.push(format!("{path}: {kind}{null}{tag}"));
        ours(nested, version, &path, lines);
    }
}

fn our_kind(kind: Kind) -> (String, &'static [Field]) {
    let plain = |name: &str| (name.to_owned(), [].as_slice());
    match kind {
        Kind::Bool => plain("bool"),
        Kind::Int { bytes } => plain(&format!("int{}", bytes * 8)),
        Kind::Uuid => plain("uuid"),
        Kind::Text => plain("string"),
        Kind::Bytes => plain("bytes"),
        Kind::Records => plain("records"),
        Kind::Struct { fields } => ("struct".to_owned(), fields),
        Kind::Nullable { of } => our_kind(*of),
        Kind::Array { of } => {
            let (of, fields) = our_kind(*of);
            (format!("[]{of}"), fields)
        }
    }
}

/// The same of a schema. Kafka writes tagged fields behind the others, in the order of their numbers.
fn kafkas(fields: &Json, common: &Json, version: i16, path: &str, lines: &mut Vec<String>) {
    let here = |field: &&Json| versions(text(field, "versions")).has(version);
    let tag = |field: &Json| {
        versions(text(field, "taggedVersions")).has(version).then(|| field["tag"].as_u64().unwrap())
    };
    let mut fields: Vec<_> = fields.as_array().unwrap().iter().filter(here).collect();
    fields.sort_by_key(|field| tag(field));
    for field in fields {
        let path = format!("{path}.{}", snake(text(field, "name").unwrap()));
        let tagged = tag(field).map(|tag| format!(" tag {tag}")).unwrap_or_default();
        // A tagged field that is absent is not there at all.
        let nullable = tagged.is_empty() && versions(text(field, "nullableVersions")).has(version);
        let null = if nullable { "?" } else { "" };
        let said = text(field, "type").unwrap();
        let (array, element) = said.strip_prefix("[]").map_or(("", said), |element| ("[]", element));
        let is_struct = element.starts_with(char::is_uppercase);
        let kind = if is_struct { "struct" } else { element };
        lines.push(format!("{path}: {array}{kind}{null}{tagged}"));
        if is_struct {
            let named = |shared: &&Json| text(shared, "name") == Some(element);
            let shared = common.as_array().and_then(|shared| shared.iter().find(named));
            let nested = field.get("fields").or_else(|| shared.and_then(|shared| shared.get("fields")));
            kafkas(nested.unwrap(), common, version, &path, lines);
        }
    }
}

#[test]
fn the_messages_are_those_of_the_jars() {
    let mut compared = 0;
    let jars = jars();
    let number =
        |release: &str| release.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let newest = jars.iter().map(|(release, _)| number(release)).max();
    for (release, jar) in jars {
        let schemas = schemas(&jar);
        macro_rules! check {
            ($type:ty, $name:ident) => {
                if let Some(schema) = schemas.get(stringify!($name)) {
                    let Kind::Struct { fields } = <$type as Value>::KIND else {
                        panic!("a message is a struct")
                    };
                    let api = <$type as Message>::API;
                    let walked = api.row().unwrap().walked.unwrap();
                    let said = versions(text(schema, "validVersions"));
                    for version in said.min.max(walked.min)..=said.max.min(walked.max) {
                        let (mut found, mut expected) = (Vec::new(), Vec::new());
                        ours(fields, version, "", &mut found);
                        let common = &schema["commonStructs"];
                        kafkas(&schema["fields"], common, version, "", &mut expected);
                        if Some(number(&release)) != newest {
                            expected = with_todays_names(expected, &found);
                            found = without_later_tags(found, &expected);
                        }
                        assert_eq!(found, expected, "{} version {version} of {release}", stringify!($name));
                        compared += 1;
                    }
                }
            };
        }
        each_message!(check);
    }
    assert!(compared > 500, "{compared} versions of messages were compared");
}

#[test]
fn the_table_is_that_of_the_jars() {
    let mut seen: BTreeMap<i16, Versions> = BTreeMap::new();
    for (release, jar) in jars() {
        for (name, schema) in schemas(&jar) {
            let Some(key) = schema.get("apiKey").and_then(Json::as_i64) else { continue };
            let api = Api::new(i16::try_from(key).unwrap());
            let row = api.row().unwrap_or_else(|| panic!("{release} has a new request: {name} {key}"));
            let plain = name.trim_end_matches("Request").trim_end_matches("Response");
            let today = RENAMED.iter().find(|(old, _)| *old == plain).map_or(plain, |(_, new)| new);
            assert_eq!(row.name, today, "{release}");

            let said = versions(text(&schema, "validVersions"));
            if said == Versions::NONE {
                continue;
            }
            assert!(
                row.versions.has(said.min) && row.versions.has(said.max),
                "{release} has {name} {said:?}"
            );
            for version in said.min..=said.max {
                let flexible = versions(text(&schema, "flexibleVersions")).has(version);
                assert_eq!(api.form(version).flexible, flexible, "{release} {name} {version}");
            }
            if text(&schema, "type") == Some("request") {
                let both = seen.entry(api.key()).or_insert(said);
                *both = Versions::new(both.min.min(said.min), both.max.max(said.max));
            }
        }
    }
    assert!(seen.len() >= 92, "{} requests were seen", seen.len());
    for (row, key) in TABLE.iter().zip(0..) {
        assert_eq!(row.api.key(), key, "a row stands at its number");
        if let Some(walked) = row.walked {
            assert!(row.versions.has(walked.min) && row.versions.has(walked.max), "{}", row.name);
            // A version behind those that are walked would pass unread, with addresses that nobody rewrites.
            let stable = row.versions.max - i16::from(row.api == Api::INIT_PRODUCER_ID);
            assert_eq!(walked.max, stable, "{}", row.name);
        }
        if let Some(seen) = seen.get(&key) {
            assert!(seen.max <= row.versions.max, "{} {seen:?}", row.name);
        }
    }
}

#[test]
fn every_walked_request_has_its_messages() {
    let mut sides: BTreeMap<i16, Vec<Side>> = BTreeMap::new();
    macro_rules! check {
        ($type:ty, $name:ident) => {
            sides.entry(<$type as Message>::API.key()).or_default().push(<$type as Message>::SIDE);
        };
    }
    each_message!(check);
    for row in TABLE.iter().filter(|row| row.walked.is_some()) {
        let share = [Api::SHARE_FETCH, Api::SHARE_ACKNOWLEDGE].contains(&row.api);
        let expected: &[Side] = if share { &[Side::Response] } else { &[Side::Request, Side::Response] };
        assert_eq!(sides.remove(&row.api.key()).as_deref(), Some(expected), "{}", row.name);
    }
    assert!(sides.is_empty(), "{sides:?}");
}
