//! The stable codes of this crate's errors. A code is never given another meaning; a retired one stays listed as such.

/// A code with the lines that its page is headed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `FIRN-Rxxx`.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// What to do about it, in one line.
    pub cure: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: Code = Code { code: $code, title: $title, cure: $cure };)*
        /// Every code of this crate, ascending.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    NO_MANIFEST = "FIRN-R001", "The tier holds nothing of this partition",
        "check topic, id and partition with `firnline ls`";
    STORE = "FIRN-R002", "The store did not give the bytes",
        "see the cause; most of these pass by themselves";
    UNSETTLED = "FIRN-R003", "The manifest changes faster than it can be followed",
        "try again";
    CLOSED = "FIRN-R004", "The reader was shut down",
        "nothing, if that was meant";
    LOCKED = "FIRN-R005", "A segment is sealed, and its key is not at hand",
        "set [encryption] to the key ring that the message names; docs/guide/encryption.md";
    DISK = "FIRN-R006", "What a stopped broker has on its disk is not as it was found",
        "see the cause; where a broker has been started, read from it";
    DISK_CACHE = "FIRN-R007", "The disk cache is off",
        "see the cause; give it a directory of its own on a disk with room, or set cache.disk.max_size to 0B";
    DISK_CACHE_DAMAGED = "FIRN-R008", "A record of the disk cache is damaged",
        "nothing; where it comes again and again, look at the disk";
    MISSING = "FIRN-R010", "An object that the manifest names is not there",
        "run verify; look for lifecycle rules or deletions by hand in the bucket";
    DAMAGED_MANIFEST = "FIRN-R011", "A manifest or a page of it is damaged or belongs elsewhere",
        "run verify; restore the object from a bucket version";
    DAMAGED_SEGMENT = "FIRN-R012", "A segment's end is damaged or belongs elsewhere",
        "run verify; restore the object from a bucket version or from a replica";
    DAMAGED_BLOCK = "FIRN-R013", "A block of a segment is damaged",
        "run verify; restore the object from a bucket version or from a replica";
    DAMAGED_TRANSACTIONS = "FIRN-R014", "Segments contradict each other about a transaction",
        "run verify --deep; read uncommitted in the meantime";
    HOLE = "FIRN-R015", "Offsets are missing from the manifest without a record of why",
        "run verify";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_well_formed_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in ALL {
            let digits = code.code.strip_prefix("FIRN-R").expect("prefix");
            assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", code.code);
            assert!(!code.title.ends_with('.') && !code.cure.is_empty());
        }
    }
}
