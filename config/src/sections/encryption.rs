//! `[encryption]`

use crate::section;
use crate::value::{List, NamedKey, RingKeyName, Text};

section! {
    /// Sealing what goes into the bucket. Each topic has a key of its own, kept in the bucket wrapped by a key of this ring; the
    /// ring itself never goes there, and **who loses it loses the data**. Every command that reads records or uploads needs
    /// it. `docs/guide/encryption.md` says how to begin, and what a lost key means. Restart to change, but for `topics`.
    EncryptionSection as "encryption" {
        /// Whether topics are encrypted whose `[[topic]]` does not say. Not set: those whose newest segment is sealed go on so,
        /// all others are stored in the clear. `false` turns it off for segments to come.
        "topics" => topics: Option<bool> = "";
        /// The ring, as `NAME=file:/PATH` or `NAME=env:VARIABLE`: each 32 bytes as base64 or hexadecimal. A file must not be
        /// readable by others. Keep every key that any topic key names (`firnline rewrap --dry-run` counts them).
        "keys" => keys: List<NamedKey> = "";
        /// The ring's key that wraps new topic keys, and that `firnline rewrap` wraps all with. Required with `keys` or
        /// `command`.
        "active" => active: Option<RingKeyName> = "";
        /// Instead of `keys`: a program that wraps and unwraps, and its first arguments. It is called with `wrap` or `unwrap`
        /// as its last argument, a JSON object on its standard input, and answers with one, within 30 s.
        "command" => command: List<Text> = "";
    }
}
