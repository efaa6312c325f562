//! Every error code with its page. A code keeps its meaning for ever; docs/errors.md is generated from here.

mod command;
mod export;
mod libraries;
mod log;
mod offload;
mod proxy;
mod serve;
mod tier;

pub use command::*;
#[cfg(not(feature = "export"))]
pub use export::NO_EXPORT;
#[cfg(feature = "export")]
pub use export::{
    EXPORT_HTTP_PORT, FIELDS, NO_TABLES, NO_WAREHOUSE, TABLE_CATALOG, TABLES_LEFT, TEND, VERIFY_TABLE,
    of_export,
};
pub use libraries::{of_reader, of_store};
pub use log::*;
pub use offload::*;
#[cfg(not(feature = "serve"))]
pub use proxy::NO_PROXY;
#[cfg(feature = "serve")]
pub use proxy::{PROXY_HTTP_PORT, of_proxy};
#[cfg(not(feature = "serve"))]
pub use serve::NO_SERVER;
#[cfg(feature = "serve")]
pub use serve::{NOBODY_READS, SERVER_HTTP_PORT, of_server};
pub use tier::*;

use crate::exit::Exit;

/// A code and its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `FIRN-` and a letter for the area with three digits: C command line and config, E tables, L log directories, O sidecar,
    /// P server and proxy, R reader, S store, T tier.
    pub id: &'static str,
    /// How the run ends.
    pub exit: Exit,
    /// The head of the page.
    pub title: &'static str,
    /// What leads to it.
    pub cause: &'static str,
    /// What it means for the data and for the run.
    pub effect: &'static str,
    /// What to do, in one line; shown below the error where nothing more exact is known.
    pub action: &'static str,
}

macro_rules! codes {
    ($all:ident: $($name:ident = $id:literal, $exit:ident, $title:literal {
        cause: $cause:literal,
        effect: $effect:literal,
        action: $action:literal,
    })+) => {
        $(
            #[doc = $title]
            pub const $name: $crate::failure::codes::Code = $crate::failure::codes::Code {
                id: $id,
                exit: $crate::exit::Exit::$exit,
                title: $title,
                cause: $cause,
                effect: $effect,
                action: $action,
            };
        )+
        /// Every code of this area, ascending.
        pub(super) const $all: &[$crate::failure::codes::Code] = &[$($name),+];
    };
}

use codes;

/// Every page, in the order of docs/errors.md.
pub fn all() -> Vec<Code> {
    [
        COMMAND,
        &export::of_area(),
        LOG,
        OFFLOAD,
        &serve::of_area(),
        &proxy::of_area(),
        &libraries::pages(),
        TIER,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ascending_and_of_one_form() {
        let all = all();
        for pair in all.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for code in all {
            let tail = code.id.strip_prefix("FIRN-").unwrap();
            assert!(tail.len() == 4 && tail[1..].bytes().all(|b| b.is_ascii_digit()), "{}", code.id);
            for text in [code.title, code.cause, code.effect, code.action] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", code.id);
            }
        }
    }
}
