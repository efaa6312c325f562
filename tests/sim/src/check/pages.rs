//! A manifest with all that its pages list, as if it stood in one object.

use std::collections::BTreeSet;

use bytes::Bytes;
use firnline_index::TopicIdPartition;
use firnline_index::manifest::{Entry, Gap, Manifest, Page, PageBody, PageRef};

/// Where objects are looked at.
pub(super) type Peek<'a> = &'a dyn Fn(&str) -> Option<Bytes>;

/// The manifest with the entries and gaps of its pages in front of its own, and the keys of those pages. A page that is not
/// there, or cannot be read, is told.
pub(super) fn whole(mut head: Manifest, peek: Peek<'_>) -> Result<(Manifest, BTreeSet<String>), String> {
    let mut keys = BTreeSet::new();
    let (mut entries, mut gaps) = (Vec::new(), Vec::new());
    for page in &head.pages {
        open(page, &head.tip, peek, &mut keys, &mut entries, &mut gaps)?;
    }
    // A page stays as it is while some of it is live; what lies below the start is named no more.
    entries.retain(|entry: &Entry| entry.range.end() > head.tier_start);
    gaps.retain(|gap: &Gap| gap.range.end() > head.tier_start);
    entries.append(&mut head.entries);
    gaps.append(&mut head.gaps);
    (head.entries, head.gaps) = (entries, gaps);
    for branch in &mut head.dead_branches {
        let mut entries = Vec::new();
        for page in &branch.pages {
            open(page, &head.tip, peek, &mut keys, &mut entries, &mut Vec::new())?;
        }
        entries.append(&mut branch.entries);
        branch.entries = entries;
    }
    Ok((head, keys))
}

fn open(
    page: &PageRef,
    tip: &TopicIdPartition,
    peek: Peek<'_>,
    keys: &mut BTreeSet<String>,
    entries: &mut Vec<Entry>,
    gaps: &mut Vec<Gap>,
) -> Result<(), String> {
    let key = page.object_key(tip).to_string();
    let bytes = peek(&key).ok_or_else(|| format!("{key} is named and not there"))?;
    let body = Page::decode(&bytes).map_err(|error| format!("{key} cannot be read: {error}"))?.body;
    keys.insert(key);
    match body {
        PageBody::Refs(refs) => {
            for page in &refs {
                open(page, tip, peek, keys, entries, gaps)?;
            }
        }
        PageBody::Entries { entries: of_page, gaps: of_gaps } => {
            entries.extend(of_page.iter());
            gaps.extend(of_gaps);
        }
    }
    Ok(())
}
