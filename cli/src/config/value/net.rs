//! Addresses, and how one logs in.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::{Value, quoted};

/// A broker's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Whether it is this machine, where nothing can listen in between.
    pub fn is_this_machine(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Value for Address {
    fn kind() -> Cow<'static, str> {
        "`HOST:PORT`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().map(|_| v6).map_err(|_| bad())?,
            None => host,
        };
        if !is_host(host) {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port })
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// A name or an IP address, without brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(pub String);

impl Value for Host {
    fn kind() -> Cow<'static, str> {
        "name or IP address of a host".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if is_host(text) { Ok(Self(text.to_owned())) } else { Err(format!("{text:?} is no name of a host")) }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

/// Names of hosts, with `{id}` for what tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(pub String);

impl Value for HostPattern {
    fn kind() -> Cow<'static, str> {
        "name of a host with `{id}` in it".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no name of hosts with {{id}} in it, such as kafka-{{id}}.example");
        let (before, after) = text.split_once("{id}").ok_or_else(bad)?;
        let is_digit = |c: char| c.is_ascii_digit();
        let is_apart = !before.ends_with(is_digit) && !after.starts_with(is_digit);
        let is_good = is_apart && is_host(&format!("{before}{after}"));
        if is_good { Ok(Self(text.to_owned())) } else { Err(bad()) }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c);
    !text.is_empty() && (text.parse::<std::net::Ipv6Addr>().is_ok() || text.chars().all(plain))
}

/// Where a port of ours listens, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl Value for Listen {
    fn kind() -> Cow<'static, str> {
        "`IP:PORT` or `off`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|_| format!("{text:?} is neither IP:PORT nor off"))?;
        Ok(Self(Some(address)))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0.map_or_else(|| "off".to_owned(), |address| address.to_string())))
    }
}

/// Where a port of ours listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub SocketAddr);

impl Value for Port {
    fn kind() -> Cow<'static, str> {
        "`IP:PORT`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not IP:PORT"))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0.to_string()))
    }
}

/// How to log in at a broker, in Kafka's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// A password in the open (within TLS).
    Plain,
    /// A password that is proven, not sent.
    ScramSha256,
    /// The same with a longer hash.
    ScramSha512,
    /// A bearer token.
    OauthBearer,
}

impl Mechanism {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Plain, "PLAIN"),
        (Self::ScramSha256, "SCRAM-SHA-256"),
        (Self::ScramSha512, "SCRAM-SHA-512"),
        (Self::OauthBearer, "OAUTHBEARER"),
    ];

    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(mechanism, _)| *mechanism == self).map_or("", |(_, name)| name)
    }
}

impl Value for Mechanism {
    fn kind() -> Cow<'static, str> {
        "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        found
            .map(|(mechanism, _)| mechanism)
            .ok_or_else(|| format!("{text:?} is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_they_are() {
        for text in ["broker-1.example:9092", "127.0.0.1:9092", "[::1]:9092", "my_broker:1"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "broker", ":9092", "broker:0", "broker:65536", "a b:1", "[x]:1", "PLAINTEXT://b:9092"]
        {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["broker-1.example", "::1", "10.0.0.1"] {
            assert!(Host::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a b", "broker:9092"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
        assert!(HostPattern::parse("kafka-{id}.example").is_ok());
        for bad in ["kafka", "{id}", "kafka1{id}", "a b{id}", "{id}{id}"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Address::parse("[::1]:9").unwrap().is_this_machine());
        assert!(!Address::parse("10.0.0.1:9").unwrap().is_this_machine());
    }

    #[test]
    fn a_port_is_an_address_or_off() {
        assert_eq!(Listen::parse("off"), Ok(Listen(None)));
        assert!(Listen::parse("127.0.0.1:9655").unwrap().0.is_some());
        assert!(Listen::parse("localhost:1").is_err());
    }
}
