//! A random life of a manifest against a map from offset to record: whatever is changed, in whatever order, the manifest
//! says what the map says, its algebra holds, and no segment is dropped that anybody may still want.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use firnline_index::manifest::*;
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

/// One change. Numbers are taken modulo what is possible.
#[derive(Debug, Clone)]
enum Change {
    Append { span: u64, bump: i32, piece: bool, opens: bool, closes: bool },
    Replace { more: u64 },
    Gap { span: u64 },
    Cut { back: u64 },
    CutAt { at: u64 },
    Retire { nth: usize },
    Floor { up: u64 },
    Dead { start: u64, span: u64 },
    Claim { bump: i32 },
    Mark,
    Stamp { operator: bool },
    Page { entries: usize },
    Fold { level: u8, refs: usize },
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => (1..9u64, 0..2i32, any::<[bool; 3]>()).prop_map(|(span, bump, [piece, opens, closes])| {
            Change::Append { span, bump, piece, opens, closes }
        }),
        2 => (0..4u64).prop_map(|more| Change::Replace { more }),
        3 => (1..6u64).prop_map(|span| Change::Gap { span }),
        3 => (1..60u64).prop_map(|back| Change::Cut { back }),
        1 => (0..200u64).prop_map(|at| Change::CutAt { at }),
        2 => (0..64usize).prop_map(|nth| Change::Retire { nth }),
        1 => (1..40u64).prop_map(|up| Change::Floor { up }),
        1 => (0..99u64, 1..9u64).prop_map(|(start, span)| Change::Dead { start, span }),
        1 => (-1..3i32).prop_map(|bump| Change::Claim { bump }),
        1 => Just(Change::Mark),
        2 => any::<bool>().prop_map(|operator| Change::Stamp { operator }),
        4 => (1..6usize).prop_map(|entries| Change::Page { entries }),
        3 => (0..3u8, 1..4usize).prop_map(|(level, refs)| Change::Fold { level, refs }),
    ]
}

/// What stands at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Record { uuid: SegmentUuid, epoch: i32 },
    Lost,
}

/// What a segment is, for ever.
#[derive(Debug, Clone)]
struct Segment {
    range: OffsetRange,
    open: Vec<OpenTransaction>,
}

/// The reference, beside what a store would hold.
#[derive(Debug, Default)]
struct Model {
    cells: BTreeMap<u64, Cell>,
    start: u64,
    end: u64,
    floor: u64,
    began: u64,
    segments: HashMap<SegmentUuid, Segment>,
    dead: BTreeSet<SegmentUuid>,
    dropped: BTreeSet<SegmentUuid>,
    /// The pages in the store.
    pages: HashMap<ObjectUuid, Page>,
    ids: u64,
    last_epoch: i32,
}

fn at(offset: Offset) -> u64 {
    u64::try_from(offset.get()).unwrap()
}

impl Model {
    fn fresh(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn raise_start(&mut self, to: u64) {
        self.start = self.start.max(to);
        let (start, segments) = (self.start, &self.segments);
        self.cells.retain(|offset, cell| match cell {
            Cell::Record { uuid, .. } => at(segments[uuid].range.end()) > start,
            Cell::Lost => *offset >= start,
        });
    }

    fn live(&self) -> BTreeSet<SegmentUuid> {
        self.cells
            .values()
            .filter_map(|cell| match cell {
                Cell::Record { uuid, .. } => Some(*uuid),
                Cell::Lost => None,
            })
            .collect()
    }

    fn serving_start(&self) -> u64 {
        let lost = self.cells.iter().rev().find(|(_, cell)| **cell == Cell::Lost);
        lost.map_or(self.start, |(offset, _)| offset + 1).max(self.start)
    }

    fn transaction_start(&self) -> TransactionStart {
        let serving = self.serving_start();
        if serving == self.end && self.end > 0 {
            return TransactionStart::Unknown { span_start: offset(serving) };
        }
        let open = self.cells.last_key_value().map(|(_, cell)| match cell {
            Cell::Record { uuid, .. } => self.segments[uuid].open.clone(),
            Cell::Lost => Vec::new(),
        });
        TransactionStart::Known(open.unwrap_or_default())
    }

    /// Writes the pages of a rewrite and gives its head.
    fn take(&mut self, before: &Manifest, rewrite: Rewrite) -> Manifest {
        for new in &rewrite.pages {
            let page = Page::decode_named(&new.bytes, &new.page, &cluster(), &tip()).unwrap();
            assert!(self.pages.insert(page.uuid, page).is_none());
        }
        let (old, new) = (self.reachable(before), self.reachable(&rewrite.head));
        let gone: BTreeSet<_> = old.difference(&new).copied().collect();
        let dropped: BTreeSet<_> = rewrite.dropped.pages.iter().map(|page| *page.uuid.as_bytes()).collect();
        assert_eq!(gone, dropped, "pages dropped");
        self.dropped.extend(rewrite.dropped.entries.iter().map(|entry| entry.uuid));
        rewrite.head
    }

    /// The ids of all pages that the head leads to.
    fn reachable(&self, head: &Manifest) -> BTreeSet<[u8; 16]> {
        let dead = head.dead_branches.iter().flat_map(|branch| &branch.pages);
        let mut next: Vec<PageRef> = head.pages.iter().chain(dead).copied().collect();
        let mut found = BTreeSet::new();
        while let Some(page) = next.pop() {
            assert!(found.insert(*page.uuid.as_bytes()), "no page is named twice");
            if let PageBody::Refs(refs) = &self.pages[&page.uuid].body {
                next.extend(refs);
            }
        }
        found
    }

    /// Makes a change that may need pages.
    fn with_pages<T>(&self, mut change: impl FnMut(&Loaded) -> Result<T, Unmade>) -> Result<T, AlgebraError> {
        let mut loaded = Loaded::new();
        for _ in 0..1_000 {
            match change(&loaded) {
                Ok(made) => return Ok(made),
                Err(Unmade::Refused(error)) => return Err(error),
                Err(Unmade::Page(error)) => panic!("{error}"),
                Err(Unmade::Needs(Need::Page(page))) => loaded.add_page(self.pages[&page.uuid].clone()),
                Err(Unmade::Needs(Need::Open(entry))) => {
                    loaded.add_open(entry.uuid, self.segments[&entry.uuid].open.clone());
                }
                Err(Unmade::Needs(Need::NewestGap { pages, above })) => {
                    let (_, gaps) = self.listed_in(&pages);
                    let newest = gaps.last().map(|gap| gap.range.end()).filter(|end| *end > above);
                    loaded.add_newest_gap(&pages, newest);
                }
            }
        }
        panic!("it never has enough")
    }

    /// The entries and gaps of pages, oldest first.
    fn listed_in(&self, pages: &[PageRef]) -> (Vec<Entry>, Vec<Gap>) {
        let (mut entries, mut gaps) = (Vec::new(), Vec::new());
        let mut next: Vec<PageRef> = pages.iter().rev().copied().collect();
        while let Some(page) = next.pop() {
            match &self.pages[&page.uuid].body {
                PageBody::Refs(refs) => next.extend(refs.iter().rev()),
                PageBody::Entries { entries: table, gaps: more } => {
                    entries.extend(table.iter());
                    gaps.extend(more);
                }
            }
        }
        (entries, gaps)
    }

    fn page(&mut self, range: OffsetRange, body: PageBody) -> PageRef {
        let uuid = object_uuid(self.fresh());
        let page = Page { cluster_id: cluster(), tip: tip(), kind: ManifestKind::Sidecar, uuid, range, body };
        let (_, reference) = page.encode().unwrap();
        self.pages.insert(uuid, page);
        reference
    }

    /// The head says what the map says.
    fn compare(&self, head: &Manifest) {
        assert_eq!(head.check(), []);
        assert_eq!(Manifest::decode(&head.encode().unwrap()).unwrap(), *head);
        let bounds = (at(head.tier_start), at(head.tier_end), at(head.began()));
        assert_eq!(bounds, (self.start, self.end, self.began));
        assert_eq!(at(head.serving_start), self.serving_start());
        assert_eq!(head.transaction_start(), self.transaction_start());
        assert_eq!(head.floor.map_or(0, at), self.floor);
        let (mut entries, mut gaps) = self.listed_in(&head.pages);
        entries.extend(head.entries.iter().cloned());
        gaps.extend(&head.gaps);
        let mut cells = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.range.end() > head.tier_start) {
            for n in at(entry.range.start())..at(entry.range.end()) {
                let epoch = entry.epoch_at(offset(n)).unwrap().get();
                assert_eq!(cells.insert(n, Cell::Record { uuid: entry.uuid, epoch }), None);
                let known = head.lineage.epoch_at(offset(n)).map(LeaderEpoch::get);
                assert_eq!(known, Some(epoch), "the lineage at {n}");
            }
        }
        for gap in &gaps {
            let live = at(gap.range.start()).max(self.start)..at(gap.range.end());
            cells.extend(live.map(|n| (n, Cell::Lost)));
        }
        assert_eq!(cells, self.cells);
        let mut dead = BTreeSet::new();
        for branch in &head.dead_branches {
            let (mut entries, _) = self.listed_in(&branch.pages);
            entries.extend(branch.entries.iter().cloned());
            assert!(entries.is_sorted_by_key(|entry| entry.range.start()), "a dead branch out of order");
            dead.extend(entries.iter().map(|entry| entry.uuid));
        }
        assert_eq!(dead, self.dead);
        assert!(self.dropped.is_disjoint(&self.live()), "a live segment was dropped");
        assert!(self.dropped.is_disjoint(&self.dead), "a dead branch's segment was dropped");
        self.compare_coverage(head);
    }

    /// What covers a range is what the map has there.
    fn compare_coverage(&self, head: &Manifest) {
        for from in (self.start.saturating_sub(2)..self.end + 2).step_by(3) {
            let to = (from + 7).min(self.end + 2);
            let cell = |n: u64| self.cells.get(&n).copied();
            let mut epochs: Vec<lineage::EpochStart> = Vec::new();
            for n in from..to {
                if let Some(Cell::Record { epoch: of, .. }) = cell(n)
                    && epochs.last().is_none_or(|last| last.epoch.get() < of)
                {
                    epochs.push(epoch_start(of, n));
                }
            }
            let first_missing =
                (from.max(self.start)..to).find(|n| !matches!(cell(*n), Some(Cell::Record { .. })));
            let found = self.with_pages(|loaded| Ok(head.covers(range(from, to), &epochs, loaded)?)).unwrap();
            // Where something is missing, what comes before it may have no epoch to compare by.
            match first_missing {
                Some(n) => assert_eq!(found, Coverage::Missing { from: offset(n) }, "{from}..{to}"),
                None => assert_eq!(found, Coverage::Whole, "{from}..{to}"),
            }
            if let Some(Cell::Record { epoch: of, .. }) = cell(from).filter(|_| from >= self.start) {
                let other = [epoch_start(of + 1, from)];
                let found =
                    self.with_pages(|loaded| Ok(head.covers(range(from, from + 1), &other, loaded)?));
                assert!(matches!(found.unwrap(), Coverage::Other { at, .. } if at == offset(from)));
            }
        }
    }

    fn apply(&mut self, head: &mut Manifest, change: &Change) {
        match *change {
            Change::Append { span, bump, piece, opens, closes } => {
                let (start, id) = (self.end, self.fresh());
                self.last_epoch = self.last_epoch.max(1) + bump;
                let mut open_now = match head.transaction_start() {
                    TransactionStart::Known(open) if !closes => open,
                    _ => Vec::new(),
                };
                if opens {
                    open_now.push(open(i64::try_from(id).unwrap(), start + span - 1));
                }
                let stable_end =
                    open_now.iter().map(|t| t.first_offset).min().unwrap_or(offset(start + span));
                let kind = if piece { EntryKind::TailPiece } else { EntryKind::Segment };
                let made = Entry { kind, stable_end, ..entry(id, start, start + span, self.last_epoch) };
                head.append(made, open_now.clone()).unwrap();
                self.record(id, start, start + span, self.last_epoch, open_now);
            }
            Change::Replace { more } => {
                let pieces = head.entries.iter().rev().take_while(|e| e.kind == EntryKind::TailPiece).count();
                let pieces = &head.entries[head.entries.len() - pieces..];
                // One epoch, so that the reference needs no list of them.
                let pieces: Vec<_> =
                    pieces.iter().rev().take_while(|e| e.epochs[0].epoch.get() == self.last_epoch).collect();
                let joined = pieces.windows(2).all(|pair| pair[1].range.end() == pair[0].range.start());
                let Some(first) = pieces.last().filter(|_| joined) else { return };
                if pieces[0].range.end() != head.tier_end {
                    return;
                }
                let (start, end) = (at(first.range.start()), self.end + more);
                let uuids: Vec<_> = pieces.iter().rev().map(|e| e.uuid).collect();
                let id = self.fresh();
                let sealed = entry(id, start, end, self.last_epoch);
                let gone = head.replace(&uuids, sealed, Vec::new()).unwrap();
                assert_eq!(gone.iter().map(|e| e.uuid).collect::<Vec<_>>(), uuids);
                self.dropped.extend(uuids);
                self.record(id, start, end, self.last_epoch, Vec::new());
            }
            Change::Gap { span } => {
                let lost = range(self.end, self.end + span);
                head.record_gap(lost, GapReason::Operator, time(1)).unwrap();
                self.cells.extend((self.end..self.end + span).map(|n| (n, Cell::Lost)));
                self.end += span;
                self.raise_start(self.floor.min(self.end));
            }
            Change::Cut { back } => self.cut(head, self.end.saturating_sub(back)),
            Change::CutAt { at } => self.cut(head, at),
            Change::Retire { nth } => {
                let borders: BTreeSet<u64> = self
                    .live()
                    .iter()
                    .map(|uuid| at(self.segments[uuid].range.start()))
                    .filter(|start| *start > self.start)
                    .chain(Some(self.end).filter(|end| *end > self.start))
                    .collect();
                let all: Vec<u64> = (self.start + 1..=self.end).collect();
                for other in all.iter().filter(|n| !borders.contains(n)).step_by(5) {
                    let refused = self.with_pages(|loaded| head.retire_to(offset(*other), loaded));
                    assert_eq!(refused.unwrap_err(), AlgebraError::NotABorder { to: offset(*other) });
                }
                if borders.is_empty() {
                    return;
                }
                let to = *borders.iter().nth(nth % borders.len()).unwrap();
                let rewrite = self.with_pages(|loaded| head.retire_to(offset(to), loaded)).unwrap();
                self.lift(head, rewrite, to);
            }
            Change::Floor { up } => {
                let floor = self.floor.max(self.start) + up;
                let rewrite = self.with_pages(|loaded| head.raise_floor(offset(floor), loaded)).unwrap();
                self.floor = floor;
                self.lift(head, rewrite, floor.min(self.end));
                let refused = self.with_pages(|loaded| head.raise_floor(offset(floor), loaded));
                assert!(matches!(refused, Err(AlgebraError::FloorBack { .. })));
            }
            Change::Dead { start, span } => {
                if head.dead_branches.len() == MAX_DEAD_BRANCHES {
                    return;
                }
                let id = self.fresh();
                let dead = vec![entry(id, start, start + span, 0)];
                head.add_dead(dead, DeadReason::NeverCommitted, offset(start), time(2)).unwrap();
                self.dead.insert(uuid(id));
            }
            Change::Claim { bump } => {
                let known = head.fence().map_or(3, LeaderEpoch::get);
                let claim =
                    Claim { epoch: epoch(known + bump), node: NodeId::new(1).unwrap(), wanted: Vec::new() };
                let before = head.clone();
                let made = head.claim(claim);
                assert_eq!(
                    made.is_ok(),
                    head.fence() >= before.fence() && *head != before || bump == 0 && made.is_ok()
                );
                if bump < 0 && before.fence().is_some() {
                    assert!(made.is_err() && *head == before);
                }
            }
            Change::Mark => {
                head.set_gc_boundary(GcBoundary::from_bytes(sixteen(0x9c, self.fresh()))).unwrap();
                let tombstone = Tombstone { at: time(1), last_bound: Some(offset(self.fresh())) };
                head.mark_deleted(tombstone).unwrap();
            }
            Change::Stamp { operator } => {
                let fence = head.fence();
                let leader_epoch = (!operator).then(|| epoch(fence.map_or(2, LeaderEpoch::get)));
                let incarnation = Incarnation::from_bytes([1; 16]);
                let writer = Writer { node: NodeId::new(1).unwrap(), leader_epoch, incarnation };
                let id = commit(self.fresh());
                head.stamp(id, Some(writer));
                assert!(head.fence() >= fence, "the fence sank");
            }
            Change::Page { entries } => {
                // Settled entries only, as a spill takes them; the last stays.
                let settled =
                    head.entries.iter().take_while(|e| e.kind == EntryKind::Segment).count().min(entries);
                let taken = settled.min(head.entries.len().saturating_sub(1));
                if taken == 0 {
                    return;
                }
                let moved: Vec<Entry> = head.entries.drain(..taken).collect();
                let end = moved.last().unwrap().range.end();
                let before = head.gaps.partition_point(|gap| gap.range.end() <= end);
                let gaps: Vec<Gap> = head.gaps.drain(..before).collect();
                let first = moved[0].range.start();
                let start = gaps.first().map_or(first, |gap| gap.range.start().min(first));
                let body = PageBody::Entries { entries: EntryTable::new(&moved), gaps };
                let page = self.page(OffsetRange::new(start, end).unwrap(), body);
                head.pages.push(page);
            }
            Change::Fold { level, refs } => {
                let from = head.pages.iter().take_while(|p| p.level > level).count();
                let there = head.pages[from..].iter().take_while(|p| p.level == level).count();
                let taken = refs.min(there);
                if taken == 0 {
                    return;
                }
                let refs: Vec<PageRef> = head.pages.drain(from..from + taken).collect();
                let span = OffsetRange::new(refs[0].range.start(), refs.last().unwrap().range.end()).unwrap();
                let page = self.page(span, PageBody::Refs(refs));
                head.pages.insert(from, page);
            }
        }
    }

    fn record(&mut self, id: u64, start: u64, end: u64, epoch: i32, open: Vec<OpenTransaction>) {
        let uuid = uuid(id);
        self.segments.insert(uuid, Segment { range: range(start, end), open });
        self.cells.extend((start..end).map(|n| (n, Cell::Record { uuid, epoch })));
        self.end = end;
        self.raise_start(self.floor.min(self.end));
    }

    /// The tier's start rises to `to`: what is no longer live was given back, now or before.
    fn lift(&mut self, head: &mut Manifest, rewrite: Rewrite, to: u64) {
        let before = self.live();
        *head = self.take(head, rewrite);
        self.raise_start(to);
        let after = self.live();
        let gone: BTreeSet<_> = before.difference(&after).copied().collect();
        assert!(gone.is_subset(&self.dropped), "not all that is gone was given back");
    }

    fn cut(&mut self, head: &mut Manifest, cut_at: u64) {
        if head.dead_branches.len() == MAX_DEAD_BRANCHES {
            return;
        }
        let cut = Cut { at: offset(cut_at), reason: DeadReason::Truncation, recorded_at: time(3) };
        let mut id = self.ids;
        let made = self.with_pages(|loaded| {
            id += 100;
            let mut fresh = || {
                id += 1;
                object_uuid(id)
            };
            head.cut(&cut, loaded, &mut fresh)
        });
        self.ids = id;
        if cut_at >= self.end {
            assert!(matches!(made, Err(AlgebraError::NothingToCut { .. })));
            return;
        }
        let end = match self.cells.get(&cut_at) {
            _ if cut_at <= self.start => cut_at,
            Some(Cell::Record { uuid, .. }) => at(self.segments[uuid].range.start()),
            _ => cut_at,
        };
        let live = self.live();
        *head = self.take(head, made.unwrap());
        self.dead.extend(
            live.iter().filter(|uuid| cut_at <= self.start || at(self.segments[uuid].range.end()) > cut_at),
        );
        self.cells.retain(|n, _| *n < end && cut_at > self.start);
        (self.end, self.start) = (end, self.start.min(end));
        self.began = self.began.min(end);
        self.floor = self.floor.min(cut_at);
        let newest = self.cells.values().rev().find_map(|cell| match cell {
            Cell::Record { epoch, .. } => Some(*epoch),
            Cell::Lost => None,
        });
        // Another history goes on under a later epoch than any that was.
        self.last_epoch = self.last_epoch.max(newest.unwrap_or(0)) + 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_says_what_a_map_of_its_offsets_says(
        start in 0..30u64,
        changes in proptest::collection::vec(any_change(), 1..70),
    ) {
        let mut model = Model { start, end: start, began: start, ..Model::default() };
        let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(start), commit(1_000_000));
        for change in &changes {
            model.apply(&mut head, change);
            model.compare(&head);
        }
    }
}
