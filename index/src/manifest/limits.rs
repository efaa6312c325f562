//! How much of anything a manifest may hold. Readers refuse more; writers keep below.

/// Entries in the head, and in one page.
pub const MAX_ENTRIES: usize = 1_000;
/// References of one level, in the head and in one page.
pub const MAX_REFS_PER_LEVEL: usize = 64;
/// The highest level of a page: 1,000 × 64^6 entries are beyond any log.
pub const MAX_LEVEL: u8 = 6;
/// Commit ids kept beside the newest one.
pub const MAX_RECENT_COMMITS: usize = 16;
/// Recorded gaps in the head, and in one page.
pub const MAX_GAPS: usize = 1_000;
/// Dead branches.
pub const MAX_DEAD_BRANCHES: usize = 64;
/// Entries over all dead branches in the head; more go into pages.
pub const MAX_DEAD_ENTRIES: usize = 1_000;
/// Pages of one dead branch.
pub const MAX_DEAD_PAGES: usize = 64;
/// Ranges that a claim asks others for.
pub const MAX_WANTED: usize = 64;
/// Transactions open at the tier's end.
pub const MAX_OPEN_TRANSACTIONS: usize = 65_536;
/// Leader epochs in one entry.
pub const MAX_ENTRY_EPOCHS: usize = 1_024;
/// First markers that abort, listed in one entry; a segment with more says so in its entry and lists them in itself.
pub const MAX_FIRST_ABORTS: usize = 64;
/// Tail pieces that one segment replaces.
pub const MAX_REPLACED: usize = 1_000;
/// Characters in the name of a storage class.
pub const MAX_STORAGE_CLASS_LEN: usize = 64;
/// Bytes of a body, head or page.
pub const MAX_BODY_BYTES: usize = 16 << 20;
/// Fields in one body, at all depths together.
pub const MAX_ITEMS: usize = 1_000_000;
