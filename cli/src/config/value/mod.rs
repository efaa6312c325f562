//! The kinds of value that a key can have; those that the plugin has, too, are `firnline_config`'s.

mod export;
mod net;
mod nodes;
mod reader;

use std::borrow::Cow;

pub use firnline_config::value::{Bytes, ClassName, Codec, Count, FilePath, List, Text, Value, Wait, quoted};

use crate::selector::TopicPattern;

pub use export::{CatalogAuth, CatalogKind, CdcMode, HeadersMode, PartMode, TruncatePolicy};
pub use net::{Address, Host, HostPattern, Listen, Mechanism, Port};
pub use nodes::NodeIds;
pub use reader::Reader;

impl Value for TopicPattern {
    fn kind() -> Cow<'static, str> {
        "regular expression for a whole topic name".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}
