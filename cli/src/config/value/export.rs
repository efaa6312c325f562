//! The words of `[export]`.

use std::borrow::Cow;

use super::{Value, quoted};

/// Declares a kind of value that is one of a few words.
macro_rules! words {
    ($(#[doc = $about:literal])+ $kind:ident { $( $(#[doc = $doc:literal])+ $name:ident = $word:literal, )+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $( $(#[doc = $doc])+ $name, )+ }

        impl $kind {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$name)),+];
        }

        impl Value for $kind {
            fn kind() -> Cow<'static, str> {
                kind(Self::WORDS).into()
            }

            fn parse(text: &str) -> Result<Self, String> {
                word(Self::WORDS, text)
            }

            fn show(&self) -> Option<String> {
                Self::WORDS.iter().find(|(_, value)| value == self).map(|(word, _)| quoted(word))
            }
        }
    };
}

fn list<T>(words: &[(&'static str, T)], around: &str) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("{around}{word}{around}")).collect();
    match &*words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        words => words.concat(),
    }
}

fn kind<T>(words: &[(&'static str, T)]) -> String {
    list(words, "`")
}

fn word<T: Copy>(words: &[(&'static str, T)], text: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{text:?} is none of {}", list(words, "")))
}

words! {
    /// Who keeps the list of tables.
    CatalogKind {
        /// Files beside the tables.
        Files = "files",
        /// A server of Iceberg's REST protocol.
        Rest = "rest",
        /// AWS Glue by its own API.
        Glue = "glue",
    }
}

words! {
    /// How an exporter shows a REST catalog who it is.
    CatalogAuth {
        /// Not at all.
        Nobody = "none",
        /// By a token.
        Bearer = "bearer",
        /// By client credentials.
        OAuth2 = "oauth2",
        /// By AWS's signatures.
        SigV4 = "sigv4",
    }
}

words! {
    /// What becomes of a record's key or value.
    PartMode {
        /// Nothing.
        Nothing = "none",
        /// Its bytes.
        Binary = "binary",
        /// Its text.
        Text = "string",
        /// Fields of JSON, as they were declared.
        Json = "json",
        /// Fields, by the schema that the record names in a registry.
        Registry = "registry",
    }
}

words! {
    /// What becomes of a record's headers.
    HeadersMode {
        /// Nothing.
        Nothing = "none",
        /// A list of names and bytes.
        List = "list",
    }
}

words! {
    /// What the values of change data capture are.
    CdcMode {
        /// Nothing of the kind.
        Nothing = "none",
        /// Debezium's envelopes.
        Debezium = "debezium",
        /// What Debezium's `ExtractNewRecordState` leaves of them.
        Unwrapped = "unwrapped",
    }
}

words! {
    /// What an emptied source table means for the current state.
    TruncatePolicy {
        /// The export of the topic stops.
        Stop = "stop",
        /// The rows go.
        Delete = "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_they_are_and_others_are_named_with_those_that_are_known() {
        for (text, mode) in [("none", PartMode::Nothing), ("registry", PartMode::Registry)] {
            assert_eq!(PartMode::parse(text), Ok(mode));
            assert_eq!(mode.show(), Some(quoted(text)));
        }
        let error = CatalogKind::parse("hive").expect_err("it is none");
        assert_eq!(error, "\"hive\" is none of files, rest or glue");
        assert_eq!(CatalogKind::kind(), "`files`, `rest` or `glue`");
    }
}
