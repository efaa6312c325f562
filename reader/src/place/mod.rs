//! Where an offset lies: manifests and their pages, and the way through them.

mod locate;
mod manifests;
mod pages;
mod replan;

pub(crate) use locate::Located;
pub(crate) use manifests::{Age, Manifests};
pub(crate) use pages::Pages;
pub(crate) use replan::Replan;

use firnline_index::Offset;
use firnline_index::manifest::Manifest;

/// The first offset that may be served: what retention, or an explicit DeleteRecords, has left.
pub(crate) fn start_of(manifest: &Manifest) -> Offset {
    manifest.floor.map_or(manifest.tier_start, |floor| floor.max(manifest.tier_start))
}

/// The same within the newest span.
pub(crate) fn serving_start_of(manifest: &Manifest) -> Offset {
    manifest.floor.map_or(manifest.serving_start, |floor| floor.max(manifest.serving_start))
}

/// The first offset of the first transaction open at the tier's end, else the tier's end. No request: the manifest's
/// head repeats it.
pub(crate) fn stable_end_of(manifest: &Manifest) -> Offset {
    let open = manifest.open_transactions.iter().map(|open| open.first_offset).min();
    let by_entry = manifest.entries.last().map(|entry| entry.stable_end);
    open.into_iter().chain(by_entry).min().unwrap_or(manifest.tier_end).min(manifest.tier_end)
}
