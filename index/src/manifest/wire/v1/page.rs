//! Pages of version 1.

use super::super::field;
use super::head::all;
use super::{entry, message, parts};
use crate::ids::ObjectUuid;
use crate::manifest::{Entry, EntryTable, ManifestError, Page, PageBody};

pub(super) fn to_wire(page: &Page) -> message::Page {
    let (gaps, entries, pages) = match &page.body {
        PageBody::Entries { entries, gaps } => (
            gaps.iter().map(parts::gap_to_wire).collect(),
            entries.iter().map(|e| entry::to_wire(&e)).collect(),
            Vec::new(),
        ),
        PageBody::Refs(refs) => (Vec::new(), Vec::new(), refs.iter().map(parts::page_ref_to_wire).collect()),
    };
    message::Page {
        uuid: page.uuid.as_bytes().to_vec(),
        kind: parts::kind_to_wire(page.kind),
        cluster_id: page.cluster_id.to_string(),
        topic: page.tip.topic.to_string(),
        topic_id: page.tip.topic_id.as_bytes().to_vec(),
        partition: field::wire_short(page.tip.partition.get()),
        level: u32::from(page.level()),
        base: field::wire(page.range.start().get()),
        span: page.range.span(),
        gaps,
        entries,
        pages,
    }
}

pub(super) fn from_wire(p: message::Page) -> Result<Page, ManifestError> {
    let level = parts::level(p.level)?;
    let body = if level == 0 {
        if !p.pages.is_empty() {
            return Err(field::invalid("page.pages", "a page of level 0 holds entries alone"));
        }
        let entries: Vec<Entry> = all(&p.entries, entry::from_wire)?;
        if entries.windows(2).any(|pair| pair[1].range.start() < pair[0].range.start()) {
            return Err(field::invalid("page.entries", "they are not in order of their bases"));
        }
        PageBody::Entries { entries: EntryTable::new(&entries), gaps: all(&p.gaps, parts::gap_from_wire)? }
    } else {
        if !p.entries.is_empty() || !p.gaps.is_empty() {
            return Err(field::invalid("page.entries", "a page above level 0 holds references alone"));
        }
        let refs = all(&p.pages, parts::page_ref_from_wire)?;
        // A reference at or above the page's own level could lead a reader in a circle.
        if refs.is_empty() || refs.iter().any(|r| r.level + 1 != level) {
            return Err(field::invalid("page.pages", "references must all be of the level below"));
        }
        PageBody::Refs(refs)
    };
    Ok(Page {
        cluster_id: field::cluster(&p.cluster_id)?,
        tip: field::tip(&p.topic, &p.topic_id, p.partition)?,
        kind: parts::kind_from_wire(p.kind)?,
        uuid: ObjectUuid::from_bytes(field::id("page.uuid", &p.uuid)?),
        range: field::range("page", p.base, p.span)?,
        body,
    })
}
