//! Listings, page by page.

use super::Store;
use crate::backend::{ListFrom, PageToken};
use crate::counts::RequestKind;
use crate::error::StoreError;
use crate::object::ListedObject;

/// Objects asked for in one request: the most that S3 gives.
const PAGE: usize = 1000;

/// A listing under way: bounded memory, one LIST per page of at most 1,000.
///
/// Each object is listed once. The order is that of the keys' bytes in memory, local directories and the clouds themselves;
/// SeaweedFS lists what is in a directory before the directory's neighbours, so sort where order matters. A listing is no
/// snapshot: objects that come or go meanwhile may be in it or not.
#[derive(Debug)]
pub struct Listing {
    store: Store,
    prefix: String,
    after: Option<String>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Start,
    Page(PageToken),
    End,
}

impl Store {
    /// Begins a listing of the keys that begin with `prefix` (any text; `""` = all) and come after `start_after`, which saves
    /// requests on the clouds themselves only. Makes no request yet.
    #[must_use]
    pub fn list(&self, prefix: &str, start_after: Option<&str>) -> Listing {
        Listing {
            store: self.clone(),
            prefix: prefix.to_owned(),
            after: start_after.map(str::to_owned),
            next: Next::Start,
        }
    }
}

impl Listing {
    /// The next objects, or `None` at the end. One LIST (more where a page comes back empty). Cancel safe: a dropped call is
    /// made again by the next one.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ListedObject>>, StoreError> {
        loop {
            let from = match &self.next {
                Next::Start => self.after.as_deref().map_or(ListFrom::Start, ListFrom::AfterKey),
                Next::Page(token) => token.from(),
                Next::End => return Ok(None),
            };
            let mut page = self
                .store
                .operation(RequestKind::List, &self.prefix, 0)
                .run(|| self.store.backend().list(&self.prefix, from, PAGE))
                .await?;
            self.next = page.next.map_or(Next::End, Next::Page);
            // Not every store can begin anywhere; what came before is dropped here.
            if let Some(after) = &self.after {
                page.objects.retain(|object| object.key.as_str() > after.as_str());
            }
            if !page.objects.is_empty() {
                return Ok(Some(page.objects));
            }
        }
    }

    /// All that is left, up to `limit` objects; the second value says whether there are more. For prefixes that are small
    /// by nature.
    pub async fn collect_up_to(mut self, limit: usize) -> Result<(Vec<ListedObject>, bool), StoreError> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page);
            if all.len() > limit {
                all.truncate(limit);
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }
}
