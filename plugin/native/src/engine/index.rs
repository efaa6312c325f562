//! The broker's files, as they were handed in.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::segment::{IndexType, Segment};
use super::{Engine, Failure, FailureKind, attached};

impl Engine {
    /// A file of a segment, byte for byte; `None` where it was copied without one, which only transactions may be. No request
    /// where the files are held, else one GET.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] where the segment is not here; a file that every segment has, and this one has not.
    pub fn index(&self, segment: &Segment, of_type: IndexType) -> Result<Option<Bytes>, Failure> {
        let file = of_type.file();
        let what = format!("get the {} of {}", file.section(), segment.name());
        let inner = &self.inner;
        let of = segment.ours(&what, &inner.settings.cluster_id)?;
        let found = inner.call("get an index", inner.settings.deadlines.read, async {
            let failed = |error| Failure::read(&what, error);
            let handle = inner.core().await?.reader.segment(&of).await.map_err(failed)?;
            if segment.is_attached() {
                return attached::file(&what, segment, &handle, of_type).await;
            }
            handle.broker_file(file).await.map_err(failed)
        })?;
        inner.counts.indexes.fetch_add(1, Ordering::Relaxed);
        match found {
            None if of_type != IndexType::Transaction => {
                Err(Failure::new(FailureKind::Other, format!("{what}: it was copied without one")))
            }
            found => Ok(found),
        }
    }
}
