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
                Err(need) if self.page_needed(manifest, &need, &mut loaded).await? => {}
                Err(_) => return Ok(Coverage::Missing { from: range.start() }),
            }
        }
    }

    /// Whether dead branches hold every byte of `range`: see [`Manifest::dead_covers`]. One GET for each page of a branch
    /// that reaches into the range.
    pub async fn dead_covers(
        &self,
        manifest: &Manifest,
        range: OffsetRange,
        epochs: &[EpochStart],
    ) -> Result<bool, ReadError> {
        let mut loaded = Loaded::new();
        loop {
            match manifest.dead_covers(range, epochs, &loaded) {
                Ok(covered) => return Ok(covered),
                Err(need) if self.page_needed(manifest, &need, &mut loaded).await? => {}
                Err(_) => return Ok(false),
            }
        }
    }

    /// Reads a page that is needed; nothing else is for coverage, which is a matter of entries.
    async fn page_needed(
        &self,
        manifest: &Manifest,
        need: &Need,
        loaded: &mut Loaded,
    ) -> Result<bool, ReadError> {
        let Need::Page(page) = need else { return Ok(false) };
        loaded.add_page(self.page(&manifest.tip, page).await?);
        Ok(true)
    }
}
