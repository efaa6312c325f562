//! Who may read which topics. What no rule allows is refused, and an unknown topic is refused like a forbidden one.

use std::fmt;
use std::sync::Arc;

use firnline_index::TopicName;
use regex::Regex;

use super::codes::{self, Code};

/// Who asks, once the connection knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Somebody who did not have to say.
    Anonymous,
    /// Somebody who has proved this name.
    User(Arc<str>),
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Exactly this principal.
    Principal(Principal),
    /// Everybody who has proved any name; never the anonymous.
    AnyUser,
}

/// Topics by a regular expression that the whole name must match.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: Box<str>,
    whole: Regex,
}

/// Allows a principal to read topics.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Whom.
    pub who: Who,
    /// What.
    pub topics: TopicPattern,
}

/// Allows a principal to use consumer groups.
#[derive(Debug, Clone)]
pub struct GroupRule {
    /// Whom.
    pub who: Who,
    /// Which groups, by their whole names.
    pub groups: TopicPattern,
}

/// All rules. Empty ones allow nothing.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    rules: Vec<Rule>,
    groups: Vec<GroupRule>,
}

/// A regular expression that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no regular expression that names topics")]
pub struct PatternError {
    text: String,
    source: Box<regex::Error>,
}

impl PatternError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::PATTERN
    }
}

impl TopicPattern {
    /// Takes an expression; it has to match a name from its first to its last character.
    ///
    /// # Errors
    /// Where it is none, or too large a one.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        // Alone first: a stray bracket must not close the group that makes it the whole name.
        let whole = Regex::new(text).and_then(|_| Regex::new(&format!(r"\A(?:{text})\z")));
        match whole {
            Ok(whole) => Ok(Self { text: text.into(), whole }),
            Err(source) => Err(PatternError { text: text.to_owned(), source: Box::new(source) }),
        }
    }

    /// The expression as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Rights {
    /// The rules, in the order they were given.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// These rules.
    #[must_use]
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self { rules, groups: Vec::new() }
    }

    /// The same, where groups are used by these rules alone.
    #[must_use]
    pub fn with_groups(self, groups: Vec<GroupRule>) -> Self {
        Self { groups, ..self }
    }

    /// Whether a group may be used: by whoever any rule allows it to; where there is no rule about groups, by whoever may read any
    /// topic. What a group may keep and be told of topics is a matter of the rights to these.
    #[must_use]
    pub fn may_use_group(&self, principal: &Principal, group: &str) -> bool {
        let allows = |rule: &GroupRule| rule.who.is(principal) && rule.groups.whole.is_match(group);
        let reads = || self.rules.iter().any(|rule| rule.who.is(principal));
        if self.groups.is_empty() { reads() } else { self.groups.iter().any(allows) }
    }

    /// Whether any rule allows it.
    #[must_use]
    pub fn may_read(&self, principal: &Principal, topic: &TopicName) -> bool {
        self.rules.iter().any(|rule| rule.who.is(principal) && rule.topics.whole.is_match(topic.as_str()))
    }
}

impl Who {
    fn is(&self, principal: &Principal) -> bool {
        match self {
            Self::Principal(named) => named == principal,
            Self::AnyUser => matches!(principal, Principal::User(_)),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => write!(f, "user {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(rules: &[(Who, &str)]) -> Rights {
        let rule = |(who, topics): &(Who, &str)| Rule {
            who: who.clone(),
            topics: TopicPattern::new(topics).expect("an expression"),
        };
        Rights::new(rules.iter().map(rule).collect())
    }

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).expect("a name")
    }

    #[test]
    fn without_rules_nothing_is_allowed() {
        assert!(!Rights::default().may_read(&Principal::Anonymous, &topic("orders")));
        assert!(!Rights::default().may_read(&Principal::User("ann".into()), &topic("orders")));
    }

    #[test]
    fn a_rule_is_about_the_whole_name() {
        let rights = rights(&[(Who::Principal(Principal::Anonymous), "orders|a.*b")]);
        assert!(rights.may_read(&Principal::Anonymous, &topic("orders")));
        assert!(rights.may_read(&Principal::Anonymous, &topic("axb")));
        for other in ["orders2", "my-orders", "axbc", "xaxb"] {
            assert!(!rights.may_read(&Principal::Anonymous, &topic(other)), "{other}");
        }
    }

    #[test]
    fn no_expression_reaches_beyond_the_name() {
        for text in ["a)|(?:b", "(", "a\\"] {
            assert!(TopicPattern::new(text).is_err(), "{text}");
        }
        let several_lines = rights(&[(Who::Principal(Principal::Anonymous), "(?m)a$")]);
        assert!(!several_lines.may_read(&Principal::Anonymous, &topic("ab")));
        assert!(several_lines.may_read(&Principal::Anonymous, &topic("a")));
    }

    #[test]
    fn groups_are_everybodys_until_a_rule_is_about_them() {
        let ann = Principal::User("ann".into());
        let ben = Principal::User("ben".into());
        let open = rights(&[(Who::AnyUser, "orders")]);
        assert!(open.may_use_group(&ann, "app") && !open.may_use_group(&Principal::Anonymous, "app"));
        assert!(!Rights::default().may_use_group(&ann, "app"), "there is nothing that he could read in it");
        let groups = TopicPattern::new("ann-.*").expect("an expression");
        let ruled = open.with_groups(vec![GroupRule { who: Who::Principal(ann.clone()), groups }]);
        assert!(ruled.may_use_group(&ann, "ann-1"));
        assert!(!ruled.may_use_group(&ann, "app") && !ruled.may_use_group(&ann, "my-ann-1"));
        assert!(!ruled.may_use_group(&ben, "ann-1") && !ruled.may_use_group(&Principal::Anonymous, "ann-1"));
        assert!(!ruled.may_read(&ann, &topic("ann-1")), "a group is no topic");
    }

    #[test]
    fn nobody_gains_by_the_rule_of_another() {
        let ann = Principal::User("ann".into());
        let rights = rights(&[
            (Who::Principal(ann.clone()), "hers"),
            (Who::Principal(Principal::Anonymous), "open"),
            (Who::AnyUser, "all"),
        ]);
        let ben = Principal::User("ben".into());
        for (principal, may) in [
            (ann, [true, false, true]),
            (ben, [false, false, true]),
            (Principal::Anonymous, [false, true, false]),
            (Principal::User("anonymous".into()), [false, false, true]),
        ] {
            let topics = ["hers", "open", "all"].map(topic);
            assert_eq!(topics.map(|topic| rights.may_read(&principal, &topic)), may, "{principal}");
        }
    }
}
