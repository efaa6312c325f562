//! R and S: codes that the reader and the store crate own. Here they get their exit codes and the rest of their pages.

use firnline_reader::Code as ReaderCode;
use firnline_store::codes as store;

use super::Code;
use crate::exit::Exit;

/// The page of a code of the store crate.
pub fn of_store(code: store::Code) -> Code {
    let (exit, cause, effect) = store_page(code.code);
    Code { id: code.code, exit, title: code.title, cause, effect, action: code.cure }
}

/// The page of a code of the reader crate.
pub fn of_reader(code: ReaderCode) -> Code {
    let (exit, cause, effect) = reader_page(code.code);
    Code { id: code.code, exit, title: code.title, cause, effect, action: code.cure }
}

pub(super) fn pages() -> Vec<Code> {
    let reader = firnline_reader::CODES.iter().copied().map(of_reader);
    reader.chain(store::ALL.iter().copied().map(of_store)).collect()
}

const UNTOUCHED: &str = "nothing was changed; what was committed before stays";
const UNREADABLE: &str = "no byte of it was passed on; other ranges can be read";

fn reader_page(code: &str) -> (Exit, &'static str, &'static str) {
    match code {
        "FIRN-R001" => {
            (Exit::Usage, "nothing of the partition was offloaded, or its id is another", "nothing was read")
        }
        "FIRN-R002" => (
            Exit::Environment,
            "the request failed for the reason that the store gives",
            "what was read before was passed on",
        ),
        "FIRN-R003" => (
            Exit::Environment,
            "segments are retired while they are read",
            "what was read before was passed on",
        ),
        "FIRN-R004" => (Exit::Environment, "the process is ending", "what was read before was passed on"),
        "FIRN-R005" => (
            Exit::Environment,
            "the topic is encrypted, and the key ring of [encryption] is not set, lacks the key, or cannot be asked",
            "no byte of it was passed on",
        ),
        "FIRN-R006" => (
            Exit::Environment,
            "a broker was started on the directory, its files were changed, or the tier has grown over them",
            "no byte of it was passed on; clients are told to ask again, and it is looked at again every half a minute",
        ),
        "FIRN-R007" => (
            Exit::Environment,
            "its directory cannot be opened, locked or written to, another process works with it, others may write to it, or it \
             was taken away",
            "nobody is refused anything: what it would give comes from the store, and it is tried again, at first after a second \
             and then less and less often, every ten minutes at last",
        ),
        "FIRN-R008" => (
            Exit::Environment,
            "the disk gave other bytes than were written, a file was cut short or changed, or a crash has torn the last of them",
            "no byte of it was passed on: the store gave the block instead. It is told once and counted in \
             firnline_disk_cache_damaged_total",
        ),
        "FIRN-R010" => (Exit::Difference, "something other than Firnline deleted or moved it", UNREADABLE),
        "FIRN-R015" => (
            Exit::Difference,
            "the manifest was changed by something other than Firnline, or by a bug",
            UNREADABLE,
        ),
        _ => (
            Exit::Difference,
            "bytes are not those that were written: a checksum, length or structure does not hold",
            UNREADABLE,
        ),
    }
}

fn store_page(code: &str) -> (Exit, &'static str, &'static str) {
    let same = |is: store::Code| is.code == code;
    if same(store::BAD_URL) {
        (Exit::Usage, "the address has an unknown scheme, or lacks a bucket or path", "nothing was done")
    } else if same(store::BAD_SETTING) {
        (Exit::Usage, "a key of [store] does not fit this kind of store", "nothing was done")
    } else if same(store::NOT_BUILT_IN) {
        (
            Exit::Usage,
            "the build was made without this cloud, as the lean build of `make demo` is",
            "nothing was done",
        )
    } else if same(store::BEYOND_END) || same(store::TOO_LARGE) || same(store::NOT_FOUND) {
        (
            Exit::Difference,
            "the object is not as it was written, or has gone",
            "its range cannot be read; others can",
        )
    } else if same(store::CORRUPTED) {
        (
            Exit::Environment,
            "bytes changed between this machine's memory and the store",
            "the object was not committed",
        )
    } else if same(store::PROBE_FAILED) {
        let effect =
            "nothing was written but the probe's own objects, which are removed where that is allowed";
        (Exit::Refused, "the store ignores conditions on writes, ranges, or its own earlier answers", effect)
    } else if same(store::NO_BUCKET) {
        (Exit::Environment, "the address is misspelt, or nobody made the bucket", "nothing was done")
    } else if same(store::DENIED) || same(store::UNAUTHENTICATED) {
        (
            Exit::Environment,
            "the identity in use lacks a right, or the store does not know it (any more)",
            UNTOUCHED,
        )
    } else if same(store::CLOCK_SKEW) || same(store::WRONG_REGION) {
        (
            Exit::Environment,
            "requests are signed with time and region, and the store refuses these",
            UNTOUCHED,
        )
    } else if same(store::UNAVAILABLE) || same(store::TRUNCATED) {
        (Exit::Environment, "the network, a proxy in between, or the store itself is in trouble", UNTOUCHED)
    } else if same(store::AMBIGUOUS) {
        (
            Exit::Environment,
            "the answer to a write was lost",
            "either the old or the new state stands, never a mixture",
        )
    } else if same(store::FULL) || same(store::NOT_DURABLE) {
        (Exit::Environment, "the disk or quota behind the store is full or failing", UNTOUCHED)
    } else {
        (
            Exit::Environment,
            "the store refused the request for a reason of its own, named in the message",
            UNTOUCHED,
        )
    }
}
