//! Config that several programs share: each key is declared once, with its type, default and meaning, and read from a TOML
//! file or from the properties that a broker passes on to its plugin.
//!
//! [`section!`] declares; [`sections`] has what is shared; [`wiring`] makes of it the settings of components.
//!
//! This crate must never hold logic of its own, and never read the environment but through [`surroundings`], which the
//! programs fill.

#![forbid(unsafe_code)]

pub mod environment;
mod error;
pub mod nearest;
pub mod plugin;
mod secret;
pub mod section;
pub mod sections;
pub mod source;
pub mod surroundings;
pub mod together;
pub mod units;
pub mod value;
pub mod wiring;

pub use error::{ConfigError, ErrorKind};
pub use secret::SecretRef;
