//! From sections to the settings of the components: key by key, each section taken apart in full, so that a key that nothing
//! uses does not compile.

mod encryption;
mod reader;
mod store;
mod tier;

pub use encryption::{ReaderKeys, encryption, key_ring, open_to_everybody};
pub use reader::{disk, reader};
pub use store::{credentials, named, read, store};
pub use tier::{compression, tier};

/// A count that the config has bounded far below what any number type holds.
pub fn count<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("the config bounds its counts"))
}
