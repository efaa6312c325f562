//! Whether the tier holds certain bytes.

use firnline_index::OffsetRange;
use firnline_index::lineage::EpochStart;
use firnline_index::manifest::{Coverage, Loaded, Manifest, Need};

use crate::{ReadError, Tier};

impl Tier {
    /// What the tier has of `range`, in which `epochs` begin as the batch headers there say: see [`Manifest::covers`]. One
    /// GET for each page that reaches into the range, none where the head knows. Pass a manifest read after the question
    /// arose: a copy is given up only by what the manifest says now.
    pub async fn covers(
        &self,
        manifest: &Manifest,
        range: OffsetRange,
        epochs: &[EpochStart],
    ) -> Result<Coverage, ReadError> {
        let mut loaded = Loaded::new();
        loop {
            match manifest.covers(range, epochs, &loaded) {
                Ok(coverage) => return Ok(coverage),
                Err(Need::Page(page)) => loaded.add_page(self.page(&manifest.tip, &page).await?),
                // Coverage is a matter of entries; they stand in pages.
                Err(Need::Open(_) | Need::NewestGap { .. }) => {
                    return Ok(Coverage::Missing { from: range.start() });
                }
            }
        }
    }
}
