//! Bounds that must hold at any age of a partition: commit bytes, and memory of all pages.

use firnline_index::manifest::*;
use firnline_index::*;

use super::samples::*;

/// A head as it stands after `segments` segments: full of entries, with references to the pages of all others. The
/// references are folded by the code under test; the pages of entries themselves are not needed for that.
fn head_after(segments: u64) -> Manifest {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    let (pages, per_page) = (segments / 1_000 - 1, 1_000);
    for n in 0..pages {
        let span = range(n * per_page * 100, (n + 1) * per_page * 100);
        let entry = Totals::of(&entry(1, 0, 100, 1));
        let totals = Totals {
            entries: 1_000,
            log_bytes: ByteCount::new(entry.log_bytes.get() * 1_000),
            object_bytes: ByteCount::new(entry.object_bytes.get() * 1_000),
            records: entry.records * 1_000,
        };
        head.pages.push(PageRef {
            uuid: object_uuid(n),
            level: 0,
            range: span,
            max_timestamp: Some(time(1_790_000_000_000)),
            totals,
            length: ByteCount::new(110_000),
            crc: Crc32c::of(&n.to_be_bytes()),
        });
        head.totals = head.totals.plus(totals).unwrap();
        head.tier_end = span.end();
        while let Some(spill) = head.spill(|| object_uuid(1_000_000 + n)).unwrap() {
            head = spill.head;
        }
    }
    for n in segments - 1_000..segments {
        head.append(entry(n, n * 100, n * 100 + 100, 1), Vec::new()).unwrap();
    }
    head
}

#[test]
fn commit_bytes_do_not_grow_with_history() {
    let sizes = [10_000, 100_000, 1_000_000].map(|segments| {
        let head = head_after(segments);
        assert_eq!(head.totals.entries, segments);
        head.encode().unwrap().len()
    });
    assert!(sizes[0] <= 150_000, "{sizes:?}: the head of 10 k segments");
    assert!(sizes[2] <= sizes[0] + sizes[0] / 20, "{sizes:?}: 1 M against 10 k segments");
}

#[test]
fn a_commit_at_the_worst_moment_of_folding_is_bounded_too() {
    // Every level full: 64 references each, the most that a head ever writes.
    let mut head = head_after(1_000_000);
    let template = head.pages[0];
    head.pages.clear();
    let mut at = 0;
    for level in (0..=MAX_LEVEL).rev() {
        for _ in 0..MAX_REFS_PER_LEVEL {
            let uuid = object_uuid(5_000_000 + at);
            head.pages.push(PageRef { uuid, level, range: range(at, at + 1), ..template });
            at += 1;
        }
    }
    let largest = head.encode_unchecked().unwrap().len();
    assert!(largest <= 200_000, "{largest}");
}

/// What a page of 1,000 entries takes, of an ordinary mix: one in twenty with a change of epoch, one in twenty with
/// aborts of eight producers, one in fifty that took the place of pieces; all sealed under one key in one class.
fn page_bytes(first: u64) -> usize {
    let entries: Vec<Entry> = (first..first + 1_000)
        .map(|n| {
            let mut e = entry(n, n * 100, n * 100 + 100, 7);
            e.storage_class = Some("STANDARD_IA".to_owned());
            e.key_id = Some(KeyId::from_bytes(sixteen(1, 1)));
            if n % 20 == 0 {
                e.epochs.push(epoch_start(8, n * 100 + 50));
            }
            if n % 20 == 1 {
                e.first_aborts = (0..8).map(|i| abort(i64::try_from(i).unwrap(), n * 100 + i)).collect();
            }
            if n % 50 == 2 {
                e.replaces = vec![uuid(n), uuid(n + 1), uuid(n + 2)];
            }
            e
        })
        .collect();
    let body = PageBody::Entries { entries: EntryTable::new(&entries), gaps: Vec::new() };
    let range = range(first * 100, (first + 1_000) * 100);
    Page { cluster_id: cluster(), tip: tip(), kind: ManifestKind::Sidecar, uuid: object_uuid(1), range, body }
        .memory_bytes()
}

#[test]
fn a_million_loaded_segments_take_less_than_100_mib() {
    // Pages are independent and equal in kind: ten of them, at both ends of the range of offsets, tell all thousand.
    let pages = 10;
    let bytes: usize = (0..pages).map(|p| page_bytes(p * 100_000)).sum();
    let head = head_after(10_000).memory_bytes();
    let million = bytes / 10 * 999 + head;
    assert!(million <= 100 << 20, "{} MiB", million >> 20);
}
