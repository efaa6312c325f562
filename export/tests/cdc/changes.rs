//! Changelogs and current-state tables of a source that changes.

use firnline_export::cdc::{CdcSettings, CdcTable, Truncate};
use firnline_export::job::JobError;
use firnline_table::TableName;
use proptest::prelude::*;

use crate::source::{Row, Source, offset, text};

fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}

fn changes() -> TableName {
    "db.orders".parse().expect("a name")
}

fn current() -> TableName {
    "db.orders_current".parse().expect("a name")
}

fn dead() -> TableName {
    "db.orders_dlq".parse().expect("a name")
}

fn settings(table: CdcTable) -> CdcSettings {
    CdcSettings { table, truncate: Truncate::DeleteAll, ..CdcSettings::default() }
}

fn row(name: &str, n: i32) -> Row {
    (Some(name.to_owned()), Some(n), None)
}

/// `cdc_op` of all rows by offset.
async fn told(source: &Source) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in source.read(&changes()).await {
        rows.extend((0..batch.num_rows()).map(|row| (offset(&batch, row), text(&batch, "cdc_op", row))));
    }
    rows.sort();
    rows.into_iter().filter_map(|(_, op)| op).collect()
}

#[test]
fn a_source_becomes_a_changelog_and_a_table_of_its_state() {
    paused(async {
        let mut source = Source::new();
        source.put(1, row("a", 1));
        source.put(2, row("b", 2));
        source.put(1, row("c", 3));
        source.noise("not json");
        source.remove(2);
        source.offload();
        for table in [CdcTable::Changelog, CdcTable::Current] {
            let name = if table == CdcTable::Current { current() } else { changes() };
            source.export(&name, settings(table)).await.expect("exports");
        }
        assert_eq!(told(&source).await, ["c", "c", "u", "d"]);
        assert_eq!(source.state(&current()).await, source.rows);

        source.altered = true;
        source.put(3, (Some("d".to_owned()), None, Some("new".to_owned())));
        source.put(1, (None, Some(4), None));
        source.offload();
        for table in [CdcTable::Changelog, CdcTable::Current] {
            let name = if table == CdcTable::Current { current() } else { changes() };
            source.export(&name, settings(table)).await.expect("exports");
        }
        assert_eq!(told(&source).await, source.told);
        assert_eq!(source.state(&current()).await, source.rows);
        source.tend(&current()).await;
        assert_eq!(source.state(&current()).await, source.rows);

        let letters = source.read(&dead()).await;
        assert_eq!(letters.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 1);
        assert_eq!(text(&letters[0], "dlq_reason", 0).as_deref(), Some("cdc_no_schema"));
        let value = letters[0].column_by_name("kafka_value").expect("its bytes");
        assert_eq!(arrow_array::cast::AsArray::as_binary::<i32>(value).value(0), b"not json");
    });
}

#[test]
fn a_truncation_stops_a_current_state_table_by_default_and_says_so() {
    paused(async {
        let mut source = Source::new();
        source.put(1, row("a", 1));
        source.offload();
        let stops = CdcSettings { table: CdcTable::Current, ..CdcSettings::default() };
        source.export(&current(), stops.clone()).await.expect("exports");
        source.truncate();
        source.offload();
        let error = source.export(&current(), stops).await.expect_err("stops");
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        assert!(said.contains("the source table was truncated"), "{said}");
        assert!(!matches!(error, JobError::MovedOn { .. }));
        source.export(&current(), settings(CdcTable::Current)).await.expect("goes on");
        assert_eq!(source.state(&current()).await, source.rows);
    });
}

/// Found by the model below: a round of nothing but a truncation has no key to go by.
#[test]
fn a_truncation_may_come_alone_first_and_between() {
    paused(async {
        let mut source = Source::new();
        for n in 0..3 {
            source.truncate();
            source.offload();
            source.export(&current(), settings(CdcTable::Current)).await.expect("exports");
            source.put(n, row("a", 1));
            source.offload();
            source.export(&current(), settings(CdcTable::Current)).await.expect("exports");
            assert_eq!(source.state(&current()).await, source.rows);
        }
    });
}

#[derive(Debug, Clone)]
enum Step {
    Put(i64, Option<String>, Option<i32>, Option<String>),
    Remove(i64),
    Truncate,
    Alter,
    Noise,
    Offload,
    Export,
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || proptest::option::of("[a-z]{0,3}");
    let put = (0_i64..8, name(), proptest::option::of(any::<i32>()), name());
    prop_oneof![
        10 => put.prop_map(|(key, name, n, added)| Step::Put(key, name, n, added)),
        4 => (0_i64..8).prop_map(Step::Remove),
        1 => Just(Step::Truncate),
        1 => Just(Step::Alter),
        1 => Just(Step::Noise),
        3 => Just(Step::Offload),
        3 => Just(Step::Export),
        1 => Just(Step::Tend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn tables_follow_their_source(steps in proptest::collection::vec(step(), 1..40)) {
        paused(async {
            let mut source = Source::new();
            let last = [Step::Offload, Step::Export, Step::Tend];
            for step in steps.into_iter().chain(last) {
                match step {
                    Step::Put(key, name, n, added) => source.put(key, (name, n, added)),
                    Step::Remove(key) => source.remove(key),
                    Step::Truncate => source.truncate(),
                    Step::Alter => source.altered = true,
                    Step::Noise => source.noise("{}"),
                    Step::Offload => source.offload(),
                    Step::Export => {
                        source.export(&changes(), settings(CdcTable::Changelog)).await.expect("exports");
                        source.export(&current(), settings(CdcTable::Current)).await.expect("exports");
                    }
                    Step::Tend => {
                        for name in [changes(), current()] {
                            if source.table(&name).await.is_some() {
                                source.tend(&name).await;
                            }
                        }
                    }
                }
            }
            assert_eq!(told(&source).await, source.told);
            assert_eq!(source.state(&current()).await, source.rows);
        });
    }
}
