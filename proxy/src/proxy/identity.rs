//! Whether a broker knows a client by its own name.
//!
//! A client that logs in by SASL does so at the broker, through the proxy, and the broker's consent is to this client. One
//! that shows the proxy a certificate shows the broker none; and where the proxy shows one of its own, the broker knows all
//! who do not log in by that. A ticket of GSSAPI is made out to the host that the client has called. Such a consent is not
//! the client's own, so that nothing is filled for it.

use std::sync::atomic::{AtomicU8, Ordering};

const NONE: u8 = 0;
const LOGIN: u8 = 1;
const TICKET: u8 = 2;

/// What a broker's consent may rest on besides a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// A certificate that the client has shown, or that the proxy shows for all.
    pub(crate) certificates: bool,
    /// Whether all this is to be passed over.
    pub(crate) trusts_all: bool,
}

/// Why nothing is filled for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// It has not logged in, and the broker sees another certificate than its own, or none.
    Certificate,
    /// It has logged in by GSSAPI.
    Ticket,
}

impl Unproven {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Certificate, Self::Ticket];

    /// For metrics and the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Ticket => "gssapi",
        }
    }
}

/// By what the broker knows the client of one connection. Set by who sees the broker's answers, asked by who sees requests.
#[derive(Debug)]
pub(crate) struct Identity {
    grounds: Grounds,
    login: AtomicU8,
}

impl Identity {
    pub(crate) const fn new(grounds: Grounds) -> Self {
        Self { grounds, login: AtomicU8::new(NONE) }
    }

    /// The broker has agreed to a login by this mechanism. What is answered after it is answered to whoever has logged in:
    /// a broker that takes a handshake answers nothing else before the login has ended well.
    pub(crate) fn agreed(&self, mechanism: Mechanism) {
        let login = if mechanism == Mechanism::Gssapi { TICKET } else { LOGIN };
        self.login.store(login, Ordering::Release);
    }

    /// Why the broker's consent is not the client's own, where it is not.
    pub(crate) fn unproven(&self) -> Option<Unproven> {
        match self.login.load(Ordering::Acquire) {
            _ if self.grounds.trusts_all => None,
            LOGIN => None,
            TICKET => Some(Unproven::Ticket),
            _ => self.grounds.certificates.then_some(Unproven::Certificate),
        }
    }
}

/// A mechanism of SASL, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// One that proves the client's own name to the broker, through whoever passes it on.
    Own,
    Gssapi,
}

impl Mechanism {
    pub(crate) fn of(name: &str) -> Self {
        if name.eq_ignore_ascii_case("GSSAPI") { Self::Gssapi } else { Self::Own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(certificates: bool, trusts_all: bool) -> Identity {
        Identity::new(Grounds { certificates, trusts_all })
    }

    #[test]
    fn a_login_is_the_clients_own_and_a_certificate_is_not() {
        assert_eq!(identity(false, false).unproven(), None, "anonymous to the broker, as without a proxy");
        let shown = identity(true, false);
        assert_eq!(shown.unproven(), Some(Unproven::Certificate));
        shown.agreed(Mechanism::of("SCRAM-SHA-512"));
        assert_eq!(shown.unproven(), None);
    }

    #[test]
    fn a_ticket_is_not_the_clients_own_whatever_else_there_is() {
        let identity = identity(false, false);
        identity.agreed(Mechanism::of("GSSAPI"));
        assert_eq!(identity.unproven(), Some(Unproven::Ticket));
        identity.agreed(Mechanism::of("PLAIN"));
        assert_eq!(identity.unproven(), None);
    }

    #[test]
    fn an_operator_may_pass_over_it() {
        let identity = identity(true, true);
        assert_eq!(identity.unproven(), None);
        identity.agreed(Mechanism::Gssapi);
        assert_eq!(identity.unproven(), None);
    }
}
