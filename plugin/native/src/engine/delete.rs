//! A segment that the broker does not need any more. It may call this often, and for what never was.

use std::sync::atomic::Ordering;

use firnline_reader::SegmentRef;

use super::segment::{Owner, Segment};
use super::{Core, Engine, Failure, Inner};

impl Engine {
    /// Deletes a segment's object. `true`: nothing of it is there any more. `false`: it is not ours; whoever has copied it must
    /// be asked. One DELETE; where the broker has no custom metadata of it, a HEAD before that, by which alone what a copy
    /// of ours has left can be told from what was never here.
    ///
    /// # Errors
    /// The store's. An object that is not there is none.
    pub fn delete(&self, segment: &Segment) -> Result<bool, Failure> {
        let inner = &self.inner;
        let of = match segment.owner(&inner.settings.cluster_id) {
            Owner::Ours(of) => of,
            Owner::Another => return Ok(false),
        };
        let what = format!("delete {}", segment.name());
        let gone = inner.call("delete a segment", inner.settings.deadlines.delete, async {
            inner.remove(&what, inner.core().await?, &of).await
        })?;
        inner.counts.deletes.fetch_add(1, Ordering::Relaxed);
        if gone {
            inner.projection.removed(&segment.tip, segment.uuid, segment.range.start());
        }
        Ok(gone)
    }
}

impl Inner {
    async fn remove(&self, what: &str, core: &Core, of: &SegmentRef) -> Result<bool, Failure> {
        let (store, key) = (core.tier.store(), of.object_key());
        let failed = |error| Failure::store(what, error);
        if of.place.is_none() {
            match store.head(&key).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error) => return Err(failed(error)),
            }
        }
        store.delete(&key).await.map_err(failed)?;
        core.reader.forget_segment(of);
        Ok(true)
    }
}
