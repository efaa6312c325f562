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
use firnline_index::manifest::{Manifest, ManifestKind};

/// The first offset of the first transaction open at the tier's end, else the tier's end. No request: the manifest's head
/// repeats what its writer knew; a broker's own manifest (`kip405`) does so only in its entries.
pub(crate) fn stable_end_of(manifest: &Manifest) -> Offset {
    let first = match manifest.kind {
        ManifestKind::Sidecar => manifest.open_transactions.iter().map(|open| open.first_offset).min(),
        ManifestKind::Kip405 => manifest.entries.last().map(|entry| entry.stable_end),
    };
    first.map_or(manifest.tier_end, |first| first.min(manifest.tier_end))
}
