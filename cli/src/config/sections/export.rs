//! `[export]` and `[[export.topic]]`

use crate::config::SecretRef;
use crate::config::value::{
    Bytes, CatalogAuth, CatalogKind, CdcMode, Count, FilePath, HeadersMode, List, Listen, PartMode, Text,
    TruncatePolicy, Wait,
};
use crate::selector::TopicPattern;
use firnline_config::section;

section! {
    /// How `firnline export` writes tables. Restart to change.
    ExportSection as "export" {
        /// Where tables stand, as a store's address: a bucket and prefix, or a directory. Needed for `files` and `glue`, and
        /// where a REST catalog says no place for a table. Keys of the store are those of `[store]`.
        "warehouse" => warehouse: Option<Text> = "";
        /// Who keeps the list of tables. `files` stands beside the tables and suits DuckDB, Spark and ClickHouse; Athena sees
        /// what is in Glue only, by `glue`, or by `rest` with `sigv4`.
        "catalog.kind" => catalog_kind: CatalogKind = "files";
        /// Where the catalog is. Required for `rest`, as `http(s)://HOST[:PORT]/PATH`; for `glue` that of the region.
        "catalog.url" => catalog_url: Option<Text> = "";
        /// What a REST catalog calls the warehouse; for Glue the account's catalog id.
        "catalog.warehouse" => catalog_warehouse: Option<Text> = "";
        /// How the exporter shows who it is. Glue's own API always takes AWS's signatures.
        "catalog.auth" => catalog_auth: CatalogAuth = "none";
        /// The token of `bearer`.
        "catalog.token" => catalog_token: Option<SecretRef> = "";
        /// The client's credentials of `oauth2`, as `ID:SECRET`.
        "catalog.oauth2.credential" => catalog_credential: Option<SecretRef> = "";
        /// Who gives tokens for them. Not set: the catalog, at `v1/oauth/tokens`.
        "catalog.oauth2.url" => catalog_oauth_url: Option<Text> = "";
        /// What they are for.
        "catalog.oauth2.scope" => catalog_oauth_scope: Text = "catalog";
        /// The region that requests are signed for. Not set: as the store's.
        "catalog.sigv4.region" => catalog_region: Option<Text> = "";
        /// The service that requests are signed for: `glue`, or `s3tables`.
        "catalog.sigv4.service" => catalog_service: Text = "glue";
        /// The namespace, or Glue's database, of the tables. It is made if need be.
        "namespace" => namespace: Text = "kafka";
        /// What stands before the names of tables.
        "table_prefix" => table_prefix: Option<Text> = "";
        /// Iceberg's format of tables that are made. Athena reads no 3.
        "format_version" => format_version: Count<2, 3> = "2";
        /// How large files grow. Partitions of a topic share files.
        "target_file_size" => target_file_size: Bytes<{ 1 << 20 }, { 4 << 30 }> = "256MiB";
        /// After this time what there is is written, however small its files are. They are compacted later.
        "max_lag" => max_lag: Wait<1_000, 604_800_000> = "10m";
        /// How often it is looked whether the tier has grown.
        "interval" => interval: Wait<1_000, 3_600_000> = "30s";
        /// Memory for rows on their way, over all tables. What is read ahead of the tier comes to `limits.read_memory`.
        "memory" => memory: Bytes<{ 64 << 20 }, { 1 << 40 }> = "512MiB";
        /// Whether offsets that are lost in the tier are passed by, and recorded; else the export of the topic stops there.
        "pass_gaps" => pass_gaps: bool = "true";
        /// The addresses of a schema registry, in the order in which they are tried.
        "registry.urls" => registry_urls: List<Text> = "";
        /// A login to the registry, as `USER:PASSWORD`.
        "registry.login" => registry_login: Option<SecretRef> = "";
        /// A token for the registry, instead.
        "registry.token" => registry_token: Option<SecretRef> = "";
        /// Whether tables are tended: small files and delete files compacted, snapshots expired, orphans deleted.
        "tend.enabled" => tend_enabled: bool = "true";
        /// How long snapshots are kept.
        "tend.keep_time" => tend_keep_time: Wait<60_000, 315_360_000_000> = "5d";
        /// How many snapshots are kept at least.
        "tend.keep_count" => tend_keep_count: Count<1, 100_000> = "100";
        /// How old a file must be that no snapshot names, before it is deleted.
        "tend.orphans_after" => tend_orphans_after: Wait<86_400_000, 315_360_000_000> = "3d";
        /// The port with `/metrics`, `/health/live` and `/health/ready`, as `IP:PORT`, or `off`. It answers reads only.
        "http.listen" => http_listen: Listen = "127.0.0.1:9657";
    }
}

section! {
    /// What becomes of some topics. Sections are tried in the order of the file, and the first whose `name` matches a topic's
    /// whole name holds for it, alone. Topics that none matches are not exported, unless `--topic` names them: then their
    /// records become rows with their bytes.
    ExportTopicSection as "export.topic" {
        /// Which topics. Required.
        "name" => name: Option<TopicPattern> = "";
        /// The table's name. Not set: the topic's, with `_` for `.` and `-`. Only where `name` matches one topic.
        "table" => table: Option<Text> = "";
        /// What becomes of keys.
        "key" => key: PartMode = "binary";
        /// The declared fields of `key = "json"`: a file as `firnline export --infer` prints it.
        "key_fields" => key_fields: Option<FilePath> = "";
        /// What becomes of values.
        "value" => value: PartMode = "binary";
        /// The declared fields of `value = "json"`, likewise.
        "value_fields" => value_fields: Option<FilePath> = "";
        /// What becomes of headers.
        "headers" => headers: HeadersMode = "list";
        /// Whether the bytes of values are kept beside their fields, in `kafka_value`.
        "keep_value" => keep_value: bool = "false";
        /// How the table is partitioned, as Iceberg's transforms of columns: `day(kafka_timestamp)`, `bucket(16, id)`.
        "partition_by" => partition_by: List<Text> = "day(kafka_timestamp)";
        /// What the values are of a topic that captures changes. The table then is a changelog. With `value = "binary"` they are
        /// Connect's JSON, each with its schema in it.
        "cdc" => cdc: CdcMode = "none";
        /// The columns that tell rows of the source apart. Not set: those of the records' keys.
        "cdc_keys" => cdc_keys: List<Text> = "";
        /// Whether a second table, `<table>_current`, follows the current state of the source. Needs `value = "registry"`.
        "cdc_current" => cdc_current: bool = "false";
        /// What a TRUNCATE of the source means for it.
        "cdc_truncate" => cdc_truncate: TruncatePolicy = "stop";
    }
}
