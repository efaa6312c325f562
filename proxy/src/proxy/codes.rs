//! The stable codes of the proxy's errors. A code is never given another meaning; a retired one stays listed as such.

use crate::serve::Code;

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: Code = Code { code: $code, title: $title, cure: $cure };)*
        /// Every code of the proxy, ascending.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    LISTEN = "FIRN-P201", "The proxy's port cannot be opened",
        "see the cause; another process may have it, or the address may not be this machine's";
    NOWHERE = "FIRN-P202", "Clients have no address to come to",
        "name the host that clients reach the proxy by: --advertise-host HOST";
    UPSTREAM = "FIRN-P203", "No broker is named that the proxy could stand before",
        "name at least one: --upstream HOST:PORT";
    NODE = "FIRN-P204", "A broker cannot be given a port of the proxy",
        "choose a base port above which the ports of all broker ids are free: --base-port PORT";
    NAMES = "FIRN-P205", "Nodes are told apart by name, and clients have no way to name one",
        "names are told within TLS: set up a certificate for the proxy's port";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_well_formed_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in ALL {
            let digits = code.code.strip_prefix("FIRN-P2").expect("prefix");
            assert!(digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", code.code);
            assert!(!code.title.ends_with('.') && !code.cure.is_empty());
        }
    }
}
