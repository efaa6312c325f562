//! Where a broker listens.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A host and a port, as operators and brokers give them. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: Arc<str>,
    port: u16,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a broker's address: {why}")]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl Address {
    /// The longest host name that DNS knows.
    pub const MAX_HOST: usize = 255;

    /// An address from outside.
    ///
    /// # Errors
    /// Where the host is empty, too long or holds anything but visible ASCII, or the port is 0 or above 65535.
    pub fn new(host: &str, port: i32) -> Result<Self, AddressError> {
        let fault = |why| AddressError { text: format!("{host}:{port}").chars().take(300).collect(), why };
        if host.is_empty() || host.len() > Self::MAX_HOST || !host.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(fault("a host of 1 to 255 visible ASCII characters is expected"));
        }
        match u16::try_from(port) {
            Ok(port) if port > 0 => Ok(Self { host: host.into(), port }),
            _ => Err(fault("a port from 1 to 65535 is expected")),
        }
    }

    /// The host's name or IP address, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `host:port`, with an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fault = |why| AddressError { text: text.chars().take(300).collect(), why };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| fault("expected host:port"))?;
        let port = port.parse().map_err(|_| fault("the port is no number"))?;
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match inner {
            Some(host) => Self::new(host, port),
            None if host.contains(':') => Err(fault("an IPv6 address belongs in brackets")),
            None => Self::new(host, port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        for text in ["broker-1.example:9092", "127.0.0.1:1", "[::1]:65535"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:9092".parse::<Address>().unwrap().host(), "::1");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "host", "host:", ":9092", "host:0", "host:65536", "::1:9092", "ho st:1", "h\u{0}:1"]
        {
            text.parse::<Address>().expect_err(text);
        }
    }
}
