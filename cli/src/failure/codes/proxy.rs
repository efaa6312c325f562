//! P2: the proxy before the brokers. Codes below FIRN-P250 are the library's own; here they get the rest of their pages.

use super::Code;

super::codes! { PROXY:
    PROXY_HTTP_PORT = "FIRN-P250", Environment, "The proxy's HTTP port cannot be opened" {
        cause: "another program uses the port, or the address is not this machine's",
        effect: "clients are served, without metrics and health",
        action: "set `proxy.http.listen` to a free port, or to `off`",
    }
    NO_PROXY = "FIRN-P251", Usage, "This build has no proxy" {
        cause: "the binary was built without the feature `serve`, as for `make demo`",
        effect: "nothing was done",
        action: "use a build with all features",
    }
}

/// Every code of this area, ascending.
pub(super) fn of_area() -> Vec<Code> {
    [of_library(), PROXY.to_vec()].concat()
}

#[cfg(feature = "serve")]
pub use library::of_proxy;
#[cfg(feature = "serve")]
use library::pages as of_library;

#[cfg(not(feature = "serve"))]
fn of_library() -> Vec<Code> {
    Vec::new()
}

#[cfg(feature = "serve")]
mod library {
    use firnline_proxy::proxy::CODES;
    use firnline_proxy::serve::Code as ProxyCode;

    use super::Code;
    use crate::exit::Exit;

    const UNOPENED: &str = "nothing was opened";

    /// The page of a code of the proxy.
    pub fn of_proxy(code: ProxyCode) -> Code {
        let (exit, cause, effect) = page(code.code);
        Code { id: code.code, exit, title: code.title, cause, effect, action: code.cure }
    }

    pub(super) fn pages() -> Vec<Code> {
        CODES.iter().copied().map(of_proxy).collect()
    }

    fn page(code: &str) -> (Exit, &'static str, &'static str) {
        match code {
            "FIRN-P201" => (
                Exit::Environment,
                "another program listens on it, the address is not this machine's, or the port is a privileged one",
                UNOPENED,
            ),
            "FIRN-P202" => (
                Exit::Usage,
                "it listens on all addresses of the machine, and clients must be told one of them",
                UNOPENED,
            ),
            "FIRN-P204" => (
                Exit::Environment,
                "another program listens on the port, or the broker's id lies too far above the base port",
                "a proxy that starts is not opened; one that runs closes the connections to which it would have to tell of this broker",
            ),
            _ => (Exit::Usage, "the config, or the command line, leaves out what a proxy needs", UNOPENED),
        }
    }
}
