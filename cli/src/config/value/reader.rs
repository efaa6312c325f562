//! Whom a rule of a server is about.

use std::borrow::Cow;

use super::{Value, quoted};

/// Who may read, in Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Whoever did not log in.
    Anonymous,
    /// Whoever did, under any name.
    AnyUser,
    /// Whoever did under this name.
    User(String),
}

impl Value for Reader {
    fn kind() -> Cow<'static, str> {
        "`User:NAME`, `User:*` or `User:ANONYMOUS`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("User:") {
            Some("ANONYMOUS") => Ok(Self::Anonymous),
            Some("*") => Ok(Self::AnyUser),
            Some(name) if !name.is_empty() => Ok(Self::User(name.to_owned())),
            _ => Err(format!(
                "{text:?} names nobody: write User:NAME, User:* for all that log in, or User:ANONYMOUS for all that do not"
            )),
        }
    }

    fn show(&self) -> Option<String> {
        Some(match self {
            Self::Anonymous => quoted("User:ANONYMOUS"),
            Self::AnyUser => quoted("User:*"),
            Self::User(name) => quoted(&format!("User:{name}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_read_back_as_they_are() {
        for (text, reader) in [
            ("User:ann", Reader::User("ann".to_owned())),
            ("User:CN=ann,O=firm", Reader::User("CN=ann,O=firm".to_owned())),
            ("User:*", Reader::AnyUser),
            ("User:ANONYMOUS", Reader::Anonymous),
        ] {
            assert_eq!(Reader::parse(text).as_ref(), Ok(&reader));
            assert_eq!(reader.show(), Some(quoted(text)));
        }
        for bad in ["", "ann", "User:", "user:ann", "Group:ann", "*"] {
            assert!(Reader::parse(bad).is_err(), "{bad:?}");
        }
    }
}
