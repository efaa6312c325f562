//! TLS of both sides: that of ports clients come to, and that to brokers. rustls on ring; host names are always checked.
//!
//! Certificates and keys come as PEM text; who reads the files is none of this crate.

mod error;
mod listener;
mod pem;
mod upstream;

pub use error::TlsError;
pub use listener::{Tls, TlsMaterial};
pub use upstream::{ClientCertificate, UpstreamMaterial, UpstreamTls};
