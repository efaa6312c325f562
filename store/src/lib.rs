//! The object-store seam of Firnline: open by URL, conditional put, retry and deadline, request accounting, simulated store.
//!
//! What this crate must never do: know what the bytes mean (it has no dependency on the formats); overwrite an object on
//! its own decision; repeat a conditional write whose answer was lost; hand out bytes of another length than asked for; read
//! the environment (credentials get it as a value); let two places retry.

mod backend;
mod budget;
mod checksum;
pub mod codes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod counts;
pub mod credentials;
pub mod env;
mod error;
mod fault;
mod key;
mod object;
mod outage;
pub mod price;
mod probe;
mod retry;
mod rights;
mod secret;
mod settings;
mod silence;
pub mod sim;
mod store;
mod upload;
mod url;

pub use backend::StoreChecksum;
pub use budget::{ByteBudget, Reservation};
pub use counts::{RequestCounts, RequestKind, RequestOutcome};
pub use env::Env;
pub use error::{ErrorKind, StoreError};
pub use key::{KeyError, MAX_KEY_BYTES};
pub use object::{CreateOutcome, Fetched, ListedObject, ObjectMeta, Payload, UpdateOutcome, Version};
pub use probe::{Capabilities, Flaw, ProbeError};
pub use secret::Secret;
pub use settings::{Deadlines, MAX_PARTS, MAX_WHOLE_GET, MIN_PART_SIZE, RetryPolicy, StoreSettings};
pub use silence::{Asked, Silence};
pub use store::{Listing, OpenError, Store};
pub use upload::{Upload, UploadOptions, Uploaded};
pub use url::{StoreUrl, UrlError};
