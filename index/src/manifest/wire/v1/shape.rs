//! The shapes of version 1: which fields there are and how many of each, for the walk before decoding.

use super::super::super::limits::{
    MAX_DEAD_BRANCHES, MAX_DEAD_ENTRIES, MAX_DEAD_PAGES, MAX_ENTRIES, MAX_ENTRY_EPOCHS, MAX_FIRST_ABORTS,
    MAX_GAPS, MAX_LEVEL, MAX_OPEN_TRANSACTIONS, MAX_RECENT_COMMITS, MAX_REFS_PER_LEVEL, MAX_REPLACED,
    MAX_WANTED,
};
use super::super::bounds::{Field, Shape};
use crate::lineage::Lineage;

pub(super) static HEAD: Shape = Shape {
    name: "head",
    fields: &[
        one(1, "generation"),
        one(2, "kind"),
        one(3, "cluster id"),
        one(4, "topic"),
        one(5, "topic id"),
        one(6, "partition"),
        one(7, "commit"),
        many(8, "recent commits", MAX_RECENT_COMMITS),
        part(9, "writer", 1, &WRITER),
        one(10, "gc boundary"),
        one(11, "tier start"),
        one(12, "serving start"),
        one(13, "tier end"),
        one(14, "floor"),
        part(15, "epochs in the lineage", Lineage::MAX_STARTS, &EPOCH_START),
        part(16, "gaps in the head", MAX_GAPS, &GAP),
        part(17, "claim", 1, &CLAIM),
        part(18, "open transactions", MAX_OPEN_TRANSACTIONS, &OPEN_TRANSACTION),
        part(19, "tombstone", 1, &TOMBSTONE),
        part(20, "totals", 1, &TOTALS),
        part(21, "pages in the head", MAX_REFS_PER_LEVEL * (MAX_LEVEL as usize + 1), &PAGE_REF),
        part(22, "entries in the head", MAX_ENTRIES, &ENTRY),
        part(23, "dead branches", MAX_DEAD_BRANCHES, &DEAD_BRANCH),
        one(26, "began at"),
    ],
};

pub(super) static PAGE: Shape = Shape {
    name: "page",
    fields: &[
        one(1, "uuid"),
        one(2, "kind"),
        one(3, "cluster id"),
        one(4, "topic"),
        one(5, "topic id"),
        one(6, "partition"),
        one(7, "level"),
        one(8, "base"),
        one(9, "span"),
        part(10, "gaps in the page", MAX_GAPS, &GAP),
        part(11, "entries in the page", MAX_ENTRIES, &ENTRY),
        part(12, "references in the page", MAX_REFS_PER_LEVEL, &PAGE_REF),
    ],
};

static WRITER: Shape =
    Shape { name: "writer", fields: &[one(1, "node"), one(2, "leader epoch"), one(3, "incarnation")] };

static EPOCH_START: Shape = Shape { name: "epoch start", fields: &[one(1, "epoch"), one(2, "start")] };

static GAP: Shape =
    Shape { name: "gap", fields: &[one(1, "base"), one(2, "span"), one(3, "reason"), one(4, "recorded at")] };

static CLAIM: Shape = Shape {
    name: "claim",
    fields: &[one(1, "epoch"), one(2, "node"), part(3, "ranges wanted", MAX_WANTED, &RANGE)],
};

static RANGE: Shape = Shape { name: "range", fields: &[one(1, "base"), one(2, "span")] };

static OPEN_TRANSACTION: Shape = Shape {
    name: "open transaction",
    fields: &[one(1, "producer"), one(2, "first offset"), one(3, "last timestamp")],
};

static TOMBSTONE: Shape = Shape { name: "tombstone", fields: &[one(1, "at"), one(2, "last bound")] };

static TOTALS: Shape = Shape {
    name: "totals",
    fields: &[one(1, "entries"), one(2, "log bytes"), one(3, "object bytes"), one(4, "records")],
};

static PAGE_REF: Shape = Shape {
    name: "page reference",
    fields: &[
        one(1, "uuid"),
        one(2, "level"),
        one(3, "base"),
        one(4, "span"),
        one(5, "max timestamp"),
        part(6, "totals", 1, &TOTALS),
        one(7, "length"),
        one(8, "crc"),
    ],
};

static DEAD_BRANCH: Shape = Shape {
    name: "dead branch",
    fields: &[
        one(1, "cut at"),
        one(2, "reason"),
        one(3, "recorded at"),
        part(4, "entries in a dead branch", MAX_DEAD_ENTRIES, &ENTRY),
        part(5, "pages of a dead branch", MAX_DEAD_PAGES, &PAGE_REF),
    ],
};

static ENTRY: Shape = Shape {
    name: "entry",
    fields: &[
        one(1, "uuid"),
        one(2, "base"),
        one(3, "span"),
        one(4, "key epoch"),
        part(5, "epochs in an entry", MAX_ENTRY_EPOCHS, &EPOCH_START),
        one(6, "length"),
        one(7, "tail length"),
        one(8, "log bytes"),
        one(9, "records"),
        one(10, "batches"),
        one(11, "blocks"),
        one(12, "min timestamp"),
        one(13, "max timestamp"),
        one(14, "undecided"),
        part(15, "first aborts in an entry", MAX_FIRST_ABORTS, &FIRST_ABORT),
        one(16, "aborts truncated"),
        one(17, "object crc"),
        one(18, "committed at"),
        one(19, "kind"),
        many(20, "replaced pieces in an entry", MAX_REPLACED),
        one(21, "storage class"),
        one(22, "key id"),
        one(23, "location key"),
        one(24, "location start"),
        part(25, "kip405", 1, &KIP405),
    ],
};

static FIRST_ABORT: Shape = Shape { name: "first abort", fields: &[one(1, "producer"), one(2, "marker")] };

static KIP405: Shape = Shape {
    name: "kip405",
    fields: &[one(1, "segment id"), part(2, "epochs of a kip405 segment", MAX_ENTRY_EPOCHS, &EPOCH_START)],
};

const fn one(number: u32, what: &'static str) -> Field {
    Field { number, what, max: 1, message: None }
}

const fn many(number: u32, what: &'static str, max: usize) -> Field {
    Field { number, what, max, message: None }
}

const fn part(number: u32, what: &'static str, max: usize, message: &'static Shape) -> Field {
    Field { number, what, max, message: Some(message) }
}
