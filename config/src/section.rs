//! How sections are declared: each key once, with its type, default and meaning. The struct, the reader, the printer and
//! the reference page all come from that one declaration.

use std::borrow::Cow;

use crate::source::{Origin, Source};

/// A key as the reference shows it.
#[derive(Debug, Clone)]
pub struct Key {
    /// The name, with dots, under the section.
    pub name: &'static str,
    /// The kind of value with its range.
    pub kind: Cow<'static, str>,
    /// The default as TOML; `None` = not set.
    pub default: Option<String>,
    /// What it means, one string per line of the declaration.
    pub doc: &'static [&'static str],
}

/// A key's value as `config show` prints it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The name, with dots, under the section.
    pub name: &'static str,
    /// The value as TOML; `None` = not set.
    pub value: Option<String>,
    /// Who said so.
    pub origin: Origin,
}

/// A section of the config file.
pub trait Section: Sized {
    /// The name in brackets.
    const NAME: &'static str;
    /// What the section is about.
    const DOC: &'static [&'static str];

    /// Every key with its reference.
    fn keys() -> Vec<Key>;

    /// Takes the section's keys, each named `<prefix><key>` in `source`.
    fn take(prefix: &str, source: &mut Source<'_>) -> Self;

    /// Every key with its value.
    fn show(&self) -> Vec<Shown>;
}

/// Declares a section: its struct, reader, printer and reference.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident as $name:literal {
            $( $(#[doc = $doc:literal])+ $key:literal => $field:ident: $kind:ty = $default:literal; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $field: $crate::source::Set<$kind>, )+
        }

        impl $crate::section::Section for $section {
            const NAME: &'static str = $name;
            const DOC: &'static [&'static str] = &[$($about),+];

            fn keys() -> Vec<$crate::section::Key> {
                use $crate::value::Value as _;
                vec![$( $crate::section::Key {
                    name: $key,
                    kind: <$kind>::kind(),
                    default: <$kind>::parse($default).ok().and_then(|value| value.show()),
                    doc: &[$($doc),+],
                }, )+]
            }

            fn take(prefix: &str, source: &mut $crate::source::Source<'_>) -> Self {
                Self { $( $field: source.take(&format!("{prefix}{}", $key), $default), )+ }
            }

            fn show(&self) -> Vec<$crate::section::Shown> {
                use $crate::value::Value as _;
                vec![$( $crate::section::Shown {
                    name: $key,
                    value: self.$field.value.show(),
                    origin: self.$field.origin.clone(),
                }, )+]
            }
        }
    };
}
