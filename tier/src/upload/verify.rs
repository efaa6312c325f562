//! Reading a stored object back whole, where the store compared no checksum that we computed.

use crc_fast::{CrcAlgorithm, Digest};
use firnline_index::ids::Crc32c;
use firnline_store::StoreUrl;
use futures::StreamExt;

use super::UploadError;
use crate::{Step, Tier};

/// Bytes per request: at 8 MiB a request costs little beside what it moves.
const REMOTE_BYTES: u64 = 8 << 20;
/// Bytes per read of a local file: small enough to stay in the processor's cache between copy and checksum.
const LOCAL_BYTES: u64 = 1 << 20;
/// Requests under way at once.
const PARALLEL: usize = 3;

impl Tier {
    /// Reads the object and compares its checksum. One GET per 8 MiB. The bytes are counted against the upload budget, of
    /// which the upload has given back its share by now.
    pub(super) async fn read_back(
        &self,
        key: &str,
        length: u64,
        expected: Crc32c,
    ) -> Result<(), UploadError> {
        let local = matches!(self.store().settings().url, StoreUrl::Directory { .. });
        let step = if local { LOCAL_BYTES } else { REMOTE_BYTES };
        let parallel = if local { 1 } else { PARALLEL };
        let _held = self.budget().reserve(length.min(step * parallel as u64)).await;
        let starts = (0..length.div_ceil(step)).map(|n| n * step);
        let mut chunks = futures::stream::iter(starts)
            .map(|start| async move {
                self.before(Step::VerifyRead).await;
                self.store().get_range(key, start..length.min(start + step)).await
            })
            .buffered(parallel);
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk
                .map_err(|source| UploadError::ReadBack { key: key.to_owned(), source: Box::new(source) })?;
            digest = self
                .workers()
                .run(move || {
                    digest.update(&chunk);
                    digest
                })
                .await;
        }
        let found = Crc32c::new(u32::try_from(digest.finalize()).expect("a crc32c has 32 bits"));
        if found == expected {
            return Ok(());
        }
        Err(UploadError::Differs { key: key.to_owned(), expected, found })
    }
}
