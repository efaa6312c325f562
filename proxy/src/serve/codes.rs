//! The stable codes of this server's errors. A code is never given another meaning; a retired one stays listed as such.

/// A code with the lines that its page is headed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `FIRN-Pxxx`.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// What to do about it, in one line.
    pub cure: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: Code = Code { code: $code, title: $title, cure: $cure };)*
        /// Every code of this crate, ascending.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    LISTEN = "FIRN-P001", "The port cannot be opened",
        "see the cause; another process may have it, or the address may not be this machine's";
    OPEN = "FIRN-P002", "The server would be open to other machines without a login",
        "listen on a loopback address, or set up TLS, a login and rules; `--insecure-anonymous` where that is meant";
    CLOSED = "FIRN-P003", "Nobody could use the server",
        "set up a login, or let in whoever is on this machine";
    NOWHERE = "FIRN-P004", "Clients have no address to connect to",
        "name the host and port that clients reach the server by: --advertise HOST:PORT";
    TOPICS = "FIRN-P005", "The topics of the tier cannot be read",
        "see the cause; a right to list may be missing";
    TOO_MANY = "FIRN-P006", "The tier has more topics or partitions than one server holds",
        "serve a tier with fewer";
    PATTERN = "FIRN-P007", "A rule names its topics by something that is no regular expression",
        "correct the expression; it has to match a topic's whole name";
    USERS = "FIRN-P008", "The users file cannot be used",
        "correct the line that is named; `firnline hash-password` makes lines";
    TLS = "FIRN-P009", "A certificate or key for TLS cannot be used",
        "see the cause; both are PEM, the key is not encrypted and belongs to the first certificate of the chain";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_well_formed_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in ALL {
            let digits = code.code.strip_prefix("FIRN-P").expect("prefix");
            assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", code.code);
            assert!(!code.title.ends_with('.') && !code.cure.is_empty());
        }
    }
}
