//! From the config's shape to the settings of the components: key by key, each section taken apart in full, so that a key
//! that nothing uses does not compile.

mod encryption;
#[cfg(feature = "export")]
pub mod export;
#[cfg(feature = "sidecar")]
mod kafka;
#[cfg(feature = "serve")]
mod proxy;
mod reader;
mod reserve;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "sidecar")]
mod sidecar;
mod store;
mod tier;
#[cfg(feature = "serve")]
mod tls;

pub use encryption::{key_ring, with_keys};
pub use firnline_config::wiring::count;
#[cfg(feature = "sidecar")]
pub use kafka::kafka;
#[cfg(feature = "serve")]
pub use proxy::{Legs, legs, proxy};
pub use reader::reader;
#[cfg(feature = "serve")]
pub use reader::{reader_settings, serving_reader};
pub use reserve::{ReserveSize, reserve};
#[cfg(feature = "serve")]
pub use serve::{Doors, doors, rights, serve};
#[cfg(feature = "sidecar")]
pub use sidecar::sidecar;
pub use store::{prices, store, tier_address, unreadable};
pub use tier::{base_form, form, tier};
