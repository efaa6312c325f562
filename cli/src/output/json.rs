//! The first field of every JSON line.

use serde::{Serialize, Serializer};

/// `"v":1`, the version of the line's shape. Stands first in each struct that becomes a line, under the name `v`.
/// Fields may be added under the same version; one that is renamed or changes its meaning makes version 2.
#[derive(Debug, Clone, Copy, Default)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}
