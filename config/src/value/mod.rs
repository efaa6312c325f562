//! The kinds of value that a key can have.

mod key;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use firnline_store::StoreUrl;
use toml::de::DeValue;

use crate::units::{Size, Span};

pub use key::{NamedKey, RingKeyName};

/// A kind of value: read from TOML or from text, shown as TOML.
pub trait Value: Sized {
    /// What the reference calls the kind, with its range.
    fn kind() -> Cow<'static, str>;

    /// From text: a TOML string, a default, an environment variable.
    fn parse(text: &str) -> Result<Self, String>;

    /// From a TOML value. Kinds that are not written as strings say so themselves.
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(text) => Self::parse(text),
            other => Err(expected("a string", other)),
        }
    }

    /// As TOML; `None` if there is nothing to write.
    fn show(&self) -> Option<String>;
}

/// What a key's value should have been, and what it is.
pub fn expected(what: &str, found: &DeValue<'_>) -> String {
    format!("expected {what}, found {}", type_name(found))
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// Text as a TOML basic string.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl<T: Value> Value for Option<T> {
    fn kind() -> Cow<'static, str> {
        T::kind()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        // An empty text in a file is a mistake, not "nothing": an empty template variable must not pass unseen.
        T::read(value).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl Value for bool {
    fn kind() -> Cow<'static, str> {
        "true or false".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            other => Err(expected("true or false", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Value for Text {
    fn kind() -> Cow<'static, str> {
        "text".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Self(text.to_owned())) }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

impl Value for StoreUrl {
    fn kind() -> Cow<'static, str> {
        "address of a store".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: firnline_store::UrlError| error.to_string())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// A file or directory on this machine, absolute: a service has no useful working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(pub PathBuf);

impl Value for FilePath {
    fn kind() -> Cow<'static, str> {
        "absolute path".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        if path.is_absolute() { Ok(Self(path)) } else { Err(format!("{text:?} is not an absolute path")) }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0.to_string_lossy()))
    }
}

/// A list of values in TOML's brackets; an environment variable or default separates them by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: Value> Value for List<T> {
    fn kind() -> Cow<'static, str> {
        format!("list of {}", T::kind()).into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.split(',').filter(|item| !item.is_empty()).map(T::parse).collect::<Result<_, _>>().map(Self)
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Array(items) => {
                items.iter().map(|item| T::read(item.get_ref())).collect::<Result<_, _>>().map(Self)
            }
            other => Err(expected("a list", other)),
        }
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.0.iter().filter_map(T::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// The name of a storage class, as manifests take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassName(pub String);

impl Value for ClassName {
    fn kind() -> Cow<'static, str> {
        "1 to 64 of `A-Z a-z 0-9 _ -`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        match (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{text:?} is no name of a storage class, such as STANDARD_IA")),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// With zstd at this level.
    Zstd(i32),
}

impl Value for Codec {
    fn kind() -> Cow<'static, str> {
        "`none`, `zstd`, or `zstd:1` to `zstd:19`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is neither none, nor zstd with a level from 1 to 19 such as zstd:3");
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "zstd" => Ok(Self::Zstd(3)),
            Some(("zstd", level)) => {
                let level = level.parse().ok().filter(|level| (1..=19).contains(level));
                level.map(Self::Zstd).ok_or_else(bad)
            }
            _ => Err(bad()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(match self {
            Self::None => quoted("none"),
            Self::Zstd(level) => quoted(&format!("zstd:{level}")),
        })
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> Value for Count<MIN, MAX> {
    fn kind() -> Cow<'static, str> {
        format!("whole number, {MIN} to {MAX}").into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text} is not a whole number from {MIN} to {MAX}");
        let number = text.parse().map_err(|_| bad())?;
        if (MIN..=MAX).contains(&number) { Ok(Self(number)) } else { Err(bad()) }
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Integer(number) => {
                match u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                    Ok(value) => Self::parse(&value.to_string()),
                    Err(_) => Self::parse(number.as_str()),
                }
            }
            other => Err(expected("a whole number", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// A size within bounds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> Value for Bytes<MIN, MAX> {
    fn kind() -> Cow<'static, str> {
        format!("size, {} to {}", Size(MIN), Size(MAX)).into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let size: Size = text.parse()?;
        if (Size(MIN)..=Size(MAX)).contains(&size) {
            return Ok(Self(size.0));
        }
        Err(format!("{text} is not between {} and {}", Size(MIN), Size(MAX)))
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(text) => Self::parse(text),
            other => Err(expected("a size with its unit, such as \"10GiB\"", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&Size(self.0).to_string()))
    }
}

/// A duration within bounds, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait<const MIN: u64, const MAX: u64>(pub Duration);

impl<const MIN: u64, const MAX: u64> Value for Wait<MIN, MAX> {
    fn kind() -> Cow<'static, str> {
        let show = |ms| Span(Duration::from_millis(ms));
        format!("duration, {} to {}", show(MIN), show(MAX)).into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let Span(wait) = text.parse()?;
        if (Duration::from_millis(MIN)..=Duration::from_millis(MAX)).contains(&wait) {
            return Ok(Self(wait));
        }
        let show = |ms| Span(Duration::from_millis(ms));
        Err(format!("{text} is not between {} and {}", show(MIN), show(MAX)))
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(text) => Self::parse(text),
            other => Err(expected("a duration with its unit, such as \"30s\"", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&Span(self.0).to_string()))
    }
}
