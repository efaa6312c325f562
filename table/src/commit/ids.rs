//! Where ids come from.

use firnline_store::env::{Random, RandomExt as _};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Gives ids that nobody else gives.
pub trait Ids: Send + Sync {
    /// 16 bytes as a random UUID has them.
    fn bytes(&mut self) -> [u8; 16];

    /// A UUID.
    fn uuid(&mut self) -> Uuid {
        Uuid::from_bytes(self.bytes())
    }

    /// A snapshot's id: positive.
    fn snapshot_id(&mut self) -> i64 {
        let bytes = self.bytes();
        // Version and variant of a UUID lie in the middle; both halves together are random.
        let [a, b, c, d, e, f, _, _, _, g, h, ..] = bytes;
        let id = i64::from_be_bytes([a & 0x7f, b, c, d, e, f, g, h]);
        id.max(1)
    }
}

/// Ids from a source of randomness.
#[derive(Clone)]
pub struct RandomIds(Arc<dyn Random>);

impl RandomIds {
    /// Ids from there.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }
}

impl Ids for RandomIds {
    fn bytes(&mut self) -> [u8; 16] {
        self.0.uuid()
    }
}

impl fmt::Debug for RandomIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomIds")
    }
}
