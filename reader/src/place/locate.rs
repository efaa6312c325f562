//! The way from an offset or a time to an entry.

use firnline_index::manifest::{Entry, Found, FoundTime, Gap, Manifest, PageFound, PageFoundTime, PageRef};
use firnline_index::{Offset, TimestampMs};

use super::Pages;
use crate::error::ReadError;

/// What is at an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Located {
    Entry(Box<Entry>),
    Gap(Gap),
    BelowStart,
    AtOrBeyondEnd,
    /// Nothing, and no reason for it.
    Hole,
}

impl Pages {
    /// What is at `offset`. At most one GET for each level of pages between. Cancel safe.
    pub(crate) async fn locate(&self, manifest: &Manifest, offset: Offset) -> Result<Located, ReadError> {
        if offset < manifest.tier_start {
            return Ok(Located::BelowStart);
        }
        let mut named: PageRef = match manifest.find(offset) {
            Found::Entry(entry) => return Ok(Located::Entry(Box::new(entry.clone()))),
            Found::Gap(gap) => return Ok(Located::Gap(*gap)),
            Found::BelowStart => return Ok(Located::BelowStart),
            Found::AtOrBeyondEnd => return Ok(Located::AtOrBeyondEnd),
            Found::Hole => return Ok(Located::Hole),
            Found::Page(named) => *named,
        };
        // Levels fall by one with each page: decoding has checked it, so this ends.
        loop {
            let page = self.get(manifest, &named).await?;
            named = match page.find(offset) {
                PageFound::Entry(entry) => return Ok(Located::Entry(entry)),
                PageFound::Gap(gap) => return Ok(Located::Gap(*gap)),
                PageFound::Nothing => return Ok(Located::Hole),
                PageFound::Page(below) => *below,
            };
        }
    }

    /// The first entry that reaches beyond `from` and has a timestamp at or after `at`. At most one GET for each level of
    /// pages on the way. Cancel safe.
    pub(crate) async fn locate_time(
        &self,
        manifest: &Manifest,
        at: TimestampMs,
        from: Offset,
    ) -> Result<Option<Box<Entry>>, ReadError> {
        let mut from = from;
        loop {
            let mut named: PageRef = match manifest.find_timestamp(at, from) {
                None => return Ok(None),
                Some(FoundTime::Entry(entry)) => return Ok(Some(Box::new(entry.clone()))),
                Some(FoundTime::Page(named)) => *named,
            };
            let outermost = named.range;
            loop {
                let page = self.get(manifest, &named).await?;
                named = match page.find_timestamp(at, from) {
                    Some(PageFoundTime::Entry(entry)) => return Ok(Some(entry)),
                    Some(PageFoundTime::Page(below)) => *below,
                    // What made the page look right lies below `from`.
                    None => break,
                };
            }
            from = outermost.end();
        }
    }
}
