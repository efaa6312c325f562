//! `[[topic]]`

use crate::config::section::section;
use crate::selector::TopicPattern;

section! {
    /// What holds for some topics. Sections are tried in the order of the file, and the first whose `name` matches a topic's
    /// whole name holds for it, alone.
    TopicSection as "topic" {
        /// Which topics. Required.
        "name" => name: Option<TopicPattern> = "";
        /// Whether these topics are offloaded. `--topic` on the command line stands before it.
        "offload" => offload: bool = "true";
    }
}
