use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;

fn file(path: &str, content: Content, bytes: u64, rows: u64, sequence: i64) -> FileFact {
    FileFact {
        path: path.into(),
        content,
        partition: "0/a".into(),
        unpartitioned: false,
        current_spec: true,
        readable: true,
        bytes,
        rows,
        sequence,
        added: sequence,
        added_ms: Some(0),
        first_offset: Some(sequence),
        last_offset: Some(sequence),
        only: None,
    }
}

fn data(path: &str, bytes: u64, sequence: i64) -> FileFact {
    file(path, Content::Data, bytes, 1000, sequence)
}

fn settings() -> TendSettings {
    TendSettings { target_file_bytes: 100, max_rewrite_bytes: 400, ..TendSettings::default() }
}

fn paths(files: &[Arc<str>]) -> Vec<&str> {
    files.iter().map(|path| &**path).collect()
}

#[test]
fn small_files_of_a_closed_partition_are_put_together_in_offset_order() {
    let mut files: Vec<_> = (0..8_i64).rev().map(|n| data(&format!("f{n}"), 10, n)).collect();
    files.push(data("large", 90, 3));
    let plan = plan(&files, 9, &settings(), 24 * HOUR);
    let [rewrite] = &plan.rewrites[..] else { panic!("{plan:?}") };
    assert_eq!(paths(&rewrite.files), ["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"]);
    assert_eq!((rewrite.why, rewrite.sequence, rewrite.bytes), (Why::SmallFiles, 9, 80));
}

#[test]
fn a_partition_that_is_still_written_waits_for_more() {
    let files: Vec<_> = (0..8_i64).map(|n| data(&format!("f{n}"), 10, n)).collect();
    assert_eq!(plan(&files, 9, &settings(), HOUR).rewrites, []);
    let files: Vec<_> = (0..64_i64).map(|n| data(&format!("f{n}"), 2, n)).collect();
    assert_eq!(plan(&files, 90, &settings(), HOUR).rewrites.len(), 1);
}

#[test]
fn a_rewrite_is_bounded_and_must_leave_fewer_files() {
    let files: Vec<_> = (0..20_i64).map(|n| data(&format!("f{n:02}"), 60, n)).collect();
    let plan = plan(&files, 30, &settings(), 24 * HOUR);
    assert_eq!(plan.rewrites[0].files.len(), 6);
    let files: Vec<_> = (0..8_i64).map(|n| data(&format!("f{n}"), 74, n)).collect();
    let settings = TendSettings { max_rewrite_bytes: 80, ..settings() };
    assert_eq!(super::plan(&files, 9, &settings, 24 * HOUR).rewrites, [], "one file into one file");
}

#[test]
fn many_deletes_or_delete_files_rewrite_what_they_reach() {
    let deletes = |n: i64, rows| file(&format!("d{n}"), Content::EqualityDeletes, 1, rows, n);
    let mut files = vec![data("old", 90, 1), data("new", 90, 5)];
    files.push(deletes(3, 150));
    assert_eq!(plan(&files, 9, &settings(), 0).rewrites, [], "7.5 % of the rows");
    files.push(deletes(4, 100));
    let plan = plan(&files, 9, &settings(), 0);
    let [rewrite] = &plan.rewrites[..] else { panic!("{plan:?}") };
    assert_eq!(paths(&rewrite.files), ["old"], "later rows are not reached");
    assert_eq!(paths(&rewrite.deletes), ["d3", "d4"]);
    assert_eq!((rewrite.why, rewrite.sequence), (Why::Deletes, 9));

    let mut files = vec![data("old", 90, 1)];
    files.extend((2..23).map(|n| deletes(n, 1)));
    assert_eq!(super::plan(&files, 30, &settings(), 0).rewrites.len(), 1, "21 delete files");
}

#[test]
fn deletes_beyond_memory_are_left_for_the_next_time() {
    let settings = TendSettings { memory_bytes: 2 * 64 * 250, ..settings() };
    let deletes = |n: i64| file(&format!("d{n}"), Content::EqualityDeletes, 1, 110, n);
    let files =
        vec![data("a", 90, 1), data("b", 90, 3), data("c", 90, 5), deletes(2), deletes(4), deletes(6)];
    let plan = plan(&files, 9, &settings, 0);
    let [rewrite] = &plan.rewrites[..] else { panic!("{plan:?}") };
    assert_eq!(rewrite.sequence, 5);
    assert_eq!((paths(&rewrite.files), paths(&rewrite.deletes)), (vec!["a", "b"], vec!["d2", "d4"]));

    let huge = vec![data("a", 90, 1), file("d", Content::EqualityDeletes, 1, 300, 2)];
    let plan = super::plan(&huge, 9, &settings, 0);
    assert!(plan.rewrites.is_empty() && plan.skipped[0].why.contains("300 rows"), "{plan:?}");
}

#[test]
fn partitions_with_files_of_another_kind_are_left_and_told() {
    let mut files: Vec<_> = (0..8_i64).map(|n| data(&format!("f{n}"), 10, n)).collect();
    files.push(FileFact { readable: false, ..file("dv", Content::PositionDeletes, 1, 1, 9) });
    let plan = plan(&files, 9, &settings(), 24 * HOUR);
    assert!(plan.rewrites.is_empty() && plan.skipped[0].why.contains("dv"), "{plan:?}");
}

#[test]
fn unpartitioned_deletes_by_key_reach_everywhere_and_positions_only_their_partition() {
    let other = FileFact { partition: "0/b".into(), ..data("b", 90, 1) };
    let everywhere = FileFact {
        unpartitioned: true,
        partition: "1/".into(),
        ..file("d", Content::EqualityDeletes, 1, 1, 2)
    };
    assert!(everywhere.reaches(&other) && everywhere.reaches(&data("a", 1, 1)));
    let positions = file("p", Content::PositionDeletes, 1, 1, 2);
    assert!(positions.reaches(&data("a", 1, 2)) && !positions.reaches(&data("a", 1, 3)));
    assert!(!positions.reaches(&other));
    let only = FileFact { only: Some("a".into()), ..positions };
    assert!(only.reaches(&data("a", 1, 2)) && !only.reaches(&data("b", 1, 2)));
}

#[test]
fn deletes_are_spent_when_nothing_they_reach_is_left() {
    let deletes = |n: i64| file(&format!("d{n}"), Content::EqualityDeletes, 1, 1, n);
    let live = vec![data("a", 1, 1), data("b", 1, 3), deletes(2), deletes(4), deletes(9)];
    let spent = |removed: &[&str], sequence| {
        let removed: Vec<Arc<str>> = removed.iter().map(|path| (*path).into()).collect();
        spent_equality_deletes(&live, &removed, sequence).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(spent(&[], 9), Vec::<String>::new());
    assert_eq!(spent(&["a"], 5), ["d2"], "b is still there for d4, and the new file for d9");
    assert_eq!(spent(&["a", "b"], 5), ["d2", "d4"]);
    assert_eq!(spent(&["a", "b"], 9), ["d2", "d4", "d9"]);
}

proptest! {
    /// Whatever is planned, again and again, comes to an end, and what is left is in bounds.
    #[test]
    fn planning_over_and_over_ends(
        sizes in proptest::collection::vec((1_u64..120, 0_i64..40), 0..60),
        deletes in proptest::collection::vec((1_u64..400, 0_i64..40, any::<bool>()), 0..30),
    ) {
        let settings = settings();
        let mut files: Vec<FileFact> =
            sizes.iter().enumerate().map(|(n, (bytes, seq))| data(&format!("f{n}"), *bytes, *seq)).collect();
        files.extend(deletes.iter().enumerate().map(|(n, (rows, seq, by_key))| {
            let content = if *by_key { Content::EqualityDeletes } else { Content::PositionDeletes };
            file(&format!("d{n}"), content, 1, *rows, *seq)
        }));
        let mut rounds = 0;
        let mut sequence = 40;
        loop {
            let plan = plan(&files, sequence, &settings, 24 * HOUR);
            let Some(rewrite) = plan.rewrites.first() else { break };
            rounds += 1;
            prop_assert!(rounds < 200, "does not end");
            let spent = spent_equality_deletes(&files, &rewrite.files, rewrite.sequence);
            for deletes in &files {
                let applied = rewrite.deletes.contains(&deletes.path);
                let reaches = files.iter().any(|data| rewrite.files.contains(&data.path) && deletes.reaches(data));
                prop_assert!(
                    !(reaches && deletes.sequence <= rewrite.sequence && !applied),
                    "a delete was passed over"
                );
            }
            let rows = 1000 * u64::try_from(rewrite.files.len()).unwrap();
            let mut left = rewrite.bytes;
            files.retain(|file| !rewrite.files.contains(&file.path) && !spent.contains(&file.path));
            sequence += 1;
            let mut n = 0;
            while left > 0 {
                let bytes = left.min(settings.target_file_bytes);
                left -= bytes;
                n += 1;
                let new = data(&format!("r{rounds}-{n}"), bytes, rewrite.sequence);
                files.push(FileFact { rows, added: sequence, ..new });
            }
            // Deletes by position name, at worst, all files of before.
            let names = |deletes: &FileFact| {
                files.iter().any(|data| data.content == Content::Data && data.added <= deletes.added)
            };
            let gone: Vec<_> = files
                .iter()
                .filter(|file| file.content == Content::PositionDeletes && !names(file))
                .map(|file| Arc::clone(&file.path))
                .collect();
            files.retain(|file| !gone.contains(&file.path));
        }
        let small =
            files.iter().filter(|f| f.content == Content::Data && f.bytes < settings.small_bytes()).count();
        prop_assert!(small < settings.min_small_files + 8);
    }
}
