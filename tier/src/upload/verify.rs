//! Reading a stored object back whole, where the store compared no checksum that we computed.

use crc_fast::{CrcAlgorithm, Digest};
use firnline_index::ids::Crc32c;
use futures::StreamExt;

use super::UploadError;
use crate::{Step, Tier};

/// Bytes per request: at 8 MiB a request costs little beside what it moves.
const REQUEST_BYTES: u64 = 8 << 20;
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
        let _held = self.budget().reserve(length.min(REQUEST_BYTES * PARALLEL as u64)).await;
        let starts = (0..length.div_ceil(REQUEST_BYTES)).map(|n| n * REQUEST_BYTES);
        let mut chunks = futures::stream::iter(starts)
            .map(|start| async move {
                self.before(Step::VerifyRead).await;
                self.store().get_range(key, start..length.min(start + REQUEST_BYTES)).await
            })
            .buffered(PARALLEL);
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
