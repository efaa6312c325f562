//! Host names of nodes, by which clients that speak TLS say whom they mean (SNI).

use std::sync::Arc;

/// What stands for a node's id in the pattern.
const ID: &str = "{id}";

/// How nodes are named: `kafka-{id}.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNames {
    before: Box<str>,
    after: Box<str>,
}

impl NodeNames {
    /// Takes a pattern, in which `{id}` stands once. `None` where it does not, or the rest is no host's name.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        let (before, after) = pattern.split_once(ID)?;
        let is_plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        };
        // A digit beside the id would be read as a part of it.
        let is_apart = !before.ends_with(|c: char| c.is_ascii_digit())
            && !after.starts_with(|c: char| c.is_ascii_digit());
        let is_name = is_plain(before) && is_plain(after) && !(before.is_empty() && after.is_empty());
        let (before, after) = (before.to_ascii_lowercase().into(), after.to_ascii_lowercase().into());
        (is_apart && is_name).then_some(Self { before, after })
    }

    /// The name of a node.
    #[must_use]
    pub fn of(&self, node: u16) -> Arc<str> {
        format!("{}{node}{}", self.before, self.after).into()
    }

    /// The node that a name means, if it means one.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<u16> {
        let name = name.to_ascii_lowercase();
        let id = name.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        let is_plain = id == "0" || !id.starts_with('0') && id.bytes().all(|byte| byte.is_ascii_digit());
        id.parse().ok().filter(|_| is_plain)
    }
}

impl std::fmt::Display for NodeNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{ID}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_node_and_no_other_does() {
        let names = NodeNames::new("Kafka-{id}.example").unwrap();
        assert_eq!(&*names.of(7), "kafka-7.example");
        for (name, node) in [
            ("kafka-7.example", Some(7)),
            ("KAFKA-65535.Example", Some(65535)),
            ("kafka-0.example", Some(0)),
            ("kafka-07.example", None),
            ("kafka-+7.example", None),
            ("kafka-65536.example", None),
            ("kafka-.example", None),
            ("kafka.example", None),
            ("kafka-7.example.org", None),
        ] {
            assert_eq!(names.node(name), node, "{name}");
        }
    }

    #[test]
    fn a_pattern_names_every_node_differently() {
        for bad in
            ["kafka.example", "{id}", "kafka1{id}.example", "kafka-{id}1.example", "a b{id}", "{id}{id}"]
        {
            assert!(NodeNames::new(bad).is_none(), "{bad}");
        }
        assert_eq!(NodeNames::new("{id}.example").unwrap().to_string(), "{id}.example");
    }
}
