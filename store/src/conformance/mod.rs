//! What every store must do, as one async function per behaviour. The same suite runs against memory, the local directory
//! and the simulated store here, and against real servers in the end-to-end tests.
//!
//! Each behaviour takes a [`Store`] that may be in use by others at the same time and works under keys of its own, so all of
//! them may run at once on one bucket. A behaviour panics when the store does not show it. [`crate::conformance_suite!`]
//! makes a test of each.

mod listing;
mod reading;
mod uploading;
mod writing;

pub use listing::*;
pub use reading::*;
pub use uploading::*;
pub use writing::*;

use crate::env::{RandomExt, SystemRandom};
use crate::object::CreateOutcome;
use crate::store::Store;
use bytes::Bytes;

/// A key prefix that no other behaviour, run or process uses; ends with a slash.
fn scope() -> String {
    format!("conformance/{}/", SystemRandom.hex_id())
}

/// The start-up probe finds nothing wrong, and what this identity may do.
pub async fn probe_passes(store: &Store) {
    let capabilities = store.probe().await.expect("a good store");
    assert_eq!(capabilities, crate::Capabilities { can_delete: true, can_list: true });
}

async fn create(store: &Store, key: &str, bytes: impl Into<Bytes>) -> crate::Version {
    match store.create(key, bytes.into()).await.expect("create") {
        CreateOutcome::Created(version) => version,
        CreateOutcome::Exists => panic!("{key} exists already"),
    }
}

/// Bytes in which every run of 8 is different, so that no misplaced part goes unseen.
fn pattern(length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut at = 0_u64;
    while bytes.len() < length {
        bytes.extend_from_slice(&at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        at += 1;
    }
    bytes.truncate(length);
    bytes.into()
}

/// One test per behaviour. The argument is an expression that makes the store to test, as `async` code may: it is evaluated
/// within each test. Needs `tokio` with `macros` and `rt` in the calling crate.
#[macro_export]
macro_rules! conformance_suite {
    ($make_store:expr) => {
        $crate::conformance_suite! { $make_store;
            get_returns_what_was_put, get_of_absent_object_is_not_found, get_if_changed_is_none_until_changed,
            head_tells_length_and_time, range_is_exact, range_beyond_the_end_is_an_error, empty_range_makes_no_request,
            suffix_is_the_tail_and_tells_the_length, empty_object_round_trips, awkward_keys_round_trip,
            keys_that_leave_the_store_are_refused,
            create_takes_a_free_key_only, racing_creates_have_one_winner, update_replaces_the_named_version_only,
            update_of_an_absent_object_conflicts, racing_updates_lose_nothing, put_unique_may_be_repeated,
            delete_is_idempotent_and_frees_the_key, chain_of_buffers_is_stored_in_order,
            small_upload_is_one_put, upload_of_exactly_one_part_is_one_put, large_upload_arrives_whole_and_in_order,
            upload_is_invisible_until_complete, aborted_upload_leaves_nothing, dropped_upload_is_aborted_and_counted,
            uploaded_version_is_the_objects_version,
            listing_is_complete, listing_prefix_is_text, listing_starts_after_a_key, listing_goes_on_over_pages,
            listing_of_nothing_is_empty,
            probe_passes,
        }
    };
    ($make_store:expr; $($behaviour:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                let store: $crate::Store = $make_store;
                $crate::conformance::$behaviour(&store).await;
            }
        )*
    };
}
