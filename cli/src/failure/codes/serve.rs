//! P: the server without brokers. Codes below 100 are the library's own; here they get the rest of their pages.

use super::Code;

super::codes! { SERVE:
    NO_SERVER = "FIRN-P101", Usage, "This build has no server" {
        cause: "the binary was built without the feature `serve`, as for `make demo`",
        effect: "nothing was done",
        action: "use a build with all features",
    }
    NOBODY_READS = "FIRN-P102", Usage, "Nobody may read anything" {
        cause: "no rule allows anything to anybody who can get in",
        effect: "nothing was opened: every request would be refused",
        action: "add --topic '.*' for whoever is on this machine, or rules in [[serve.rule]]",
    }
    SERVER_HTTP_PORT = "FIRN-P103", Environment, "The server's HTTP port cannot be opened" {
        cause: "another program uses the port, or the address is not this machine's",
        effect: "clients are served, without metrics and health",
        action: "set `serve.http.listen` to a free port, or to `off`",
    }
}

/// Every code of this area, ascending.
pub(super) fn of_area() -> Vec<Code> {
    [of_library(), SERVE.to_vec()].concat()
}

#[cfg(feature = "serve")]
pub use library::of_server;
#[cfg(feature = "serve")]
use library::pages as of_library;

#[cfg(not(feature = "serve"))]
fn of_library() -> Vec<Code> {
    Vec::new()
}

#[cfg(feature = "serve")]
mod library {
    use firnline_proxy::serve::{CODES, Code as ServerCode};

    use super::Code;
    use crate::exit::Exit;

    const UNOPENED: &str = "nothing was opened";

    /// The page of a code of the server.
    pub fn of_server(code: ServerCode) -> Code {
        let (exit, cause, effect) = page(code.code);
        Code { id: code.code, exit, title: code.title, cause, effect, action: code.cure }
    }

    pub(super) fn pages() -> Vec<Code> {
        CODES.iter().copied().map(of_server).collect()
    }

    fn page(code: &str) -> (Exit, &'static str, &'static str) {
        match code {
            "FIRN-P001" => (
                Exit::Environment,
                "another program listens on it, the address is not this machine's, or the port is a privileged one",
                UNOPENED,
            ),
            "FIRN-P002" => (
                Exit::Refused,
                "the address is reached from other machines, and whoever reaches it would read what the rules give to the anonymous",
                UNOPENED,
            ),
            "FIRN-P003" => (Exit::Usage, "no login is set up, and nobody is let in without one", UNOPENED),
            "FIRN-P004" => (
                Exit::Usage,
                "it listens on all addresses of the machine, and clients must be told one of them",
                UNOPENED,
            ),
            "FIRN-P005" => (
                Exit::Environment,
                "the store did not answer, or refused to list the topics",
                "a server that starts is not opened; one that runs goes on with the topics that it knows",
            ),
            "FIRN-P006" => (
                Exit::Environment,
                "the topics of a tier are held in memory, and there is a limit to them",
                "a server that starts is not opened; one that runs goes on with the topics that it knows",
            ),
            "FIRN-P009" => (
                Exit::Usage,
                "the config names a file for TLS that cannot be read, or holds something else",
                "nothing was opened; a server or proxy that runs goes on with what it was told before",
            ),
            _ => (
                Exit::Usage,
                "the config, or the command line, has a value that the server does not take",
                "nothing was opened; a server that runs goes on with what it was told before",
            ),
        }
    }
}
