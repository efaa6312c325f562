//! Who we are to the brokers, and how they prove who they are.

mod login;
mod plain;
mod scram;
mod secret;
mod tls;

pub use login::{Login, Mechanism};
pub(crate) use login::{LoginError, log_in};
pub use secret::{SecretFile, SecretSource};
pub use tls::{ClientCertificate, Tls, TlsError, TlsMaterial};
pub(crate) use tls::{failure as tls_failure, is_tls as tls_is_own};

/// How a connection is protected. The default is plaintext without a login.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// TLS; `None` is plaintext.
    pub tls: Option<Tls>,
    /// SASL; `None` is no login (or one by the client certificate).
    pub login: Option<Login>,
}
