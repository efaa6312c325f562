//! What single keys cannot tell: values that are each in order and do not fit together.

use firnline_store::StoreUrl;

use super::Config;
use super::sections::KafkaSection;
use super::source::{Origin, Problem, Set};
use super::value::Mechanism;

/// Everything that does not fit together, each named by the line of one of its keys.
pub fn together(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    kafka(&config.kafka, &mut problems);
    let on_azure = matches!(config.store.url.value, Some(StoreUrl::Azure { .. }));
    for class in config.topics.iter().map(|topic| &topic.storage_class).filter(|_| on_azure) {
        if let Some(line) = line(class) {
            let what = "topic.storage_class: cannot be set on Azure; set the account's default access tier"
                .to_owned();
            problems.push(Problem { line, what });
        }
    }
    problems
}

fn kafka(kafka: &KafkaSection, problems: &mut Vec<Problem>) {
    let mut problem = |line: usize, what: &str| problems.push(Problem { line, what: what.to_owned() });
    let tls = [line(&kafka.tls_ca_file), line(&kafka.tls_cert_file), line(&kafka.tls_key)];
    if let Some(line) = tls.into_iter().flatten().next()
        && !kafka.tls_enabled.value
    {
        problem(line, "kafka.tls: a certificate is named, and kafka.tls.enabled is not true");
    }
    match (line(&kafka.tls_cert_file), line(&kafka.tls_key)) {
        (Some(line), None) => problem(line, "kafka.tls.cert_file: its key is missing, kafka.tls.key"),
        (None, Some(line)) => problem(line, "kafka.tls.key: its certificate is missing, kafka.tls.cert_file"),
        _ => {}
    }
    let (user, password) = (line(&kafka.sasl_username), line(&kafka.sasl_password));
    let token = line(&kafka.sasl_oauth_token);
    let at = line(&kafka.sasl_mechanism).unwrap_or(0);
    match kafka.sasl_mechanism.value {
        None => {
            if let Some(line) = [user, password, token].into_iter().flatten().next() {
                problem(line, "kafka.sasl: a login is given without kafka.sasl.mechanism");
            }
        }
        Some(Mechanism::OauthBearer) => {
            if token.is_none() {
                problem(at, "kafka.sasl.mechanism: OAUTHBEARER needs kafka.sasl.oauth.token");
            }
            if let Some(line) = [user, password].into_iter().flatten().next() {
                problem(line, "kafka.sasl: OAUTHBEARER takes no user and no password");
            }
        }
        Some(mechanism) => {
            if user.is_none() || password.is_none() {
                problem(
                    at,
                    &format!(
                        "kafka.sasl.mechanism: {} needs kafka.sasl.username and kafka.sasl.password",
                        mechanism.name()
                    ),
                );
            }
            if let Some(line) = token {
                problem(line, &format!("kafka.sasl.oauth.token: {} takes none", mechanism.name()));
            }
        }
    }
    // A bearer token is as good as a password to whoever listens in.
    let in_the_open = matches!(kafka.sasl_mechanism.value, Some(Mechanism::Plain | Mechanism::OauthBearer))
        && !kafka.tls_enabled.value;
    if in_the_open && !kafka.bootstrap.value.0.iter().all(super::Address::is_this_machine) {
        problem(
            at,
            "kafka.sasl.mechanism: it would send the secret in the open; set kafka.tls.enabled = true",
        );
    }
}

/// Where the file says something, if it does.
fn line<T>(set: &Set<Option<T>>) -> Option<usize> {
    set.value.as_ref()?;
    match set.origin {
        Origin::File(line) => Some(line),
        Origin::Default | Origin::Environment(_) | Origin::CommandLine => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::parse;
    use crate::surroundings::Surroundings;

    fn problems(text: &str) -> Vec<String> {
        match parse(text, &Surroundings::default()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.what).collect(),
        }
    }

    #[test]
    fn logins_that_are_whole_are_fine() {
        for text in [
            "kafka.bootstrap = ['a:9092']",
            "kafka.tls.enabled = true\nkafka.tls.ca_file = '/a'\nkafka.tls.cert_file = '/b'\nkafka.tls.key = 'file:/c'",
            "kafka.bootstrap = ['localhost:1']\nkafka.sasl.mechanism = 'PLAIN'\nkafka.sasl.username = 'u'\nkafka.sasl.password = 'env:P'",
            "kafka.bootstrap = ['a:1']\nkafka.sasl.mechanism = 'SCRAM-SHA-512'\nkafka.sasl.username = 'u'\nkafka.sasl.password = 'env:P'",
            "kafka.tls.enabled = true\nkafka.sasl.mechanism = 'OAUTHBEARER'\nkafka.sasl.oauth.token = 'file:/t'",
        ] {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn logins_that_are_not_are_refused() {
        for (text, says) in [
            ("kafka.tls.ca_file = '/a'", "kafka.tls.enabled"),
            ("kafka.tls.enabled = true\nkafka.tls.cert_file = '/b'", "kafka.tls.key"),
            ("kafka.tls.enabled = true\nkafka.tls.key = 'file:/b'", "kafka.tls.cert_file"),
            ("kafka.sasl.username = 'u'", "kafka.sasl.mechanism"),
            ("kafka.sasl.mechanism = 'SCRAM-SHA-256'\nkafka.sasl.username = 'u'", "kafka.sasl.password"),
            ("kafka.tls.enabled = true\nkafka.sasl.mechanism = 'OAUTHBEARER'", "kafka.sasl.oauth.token"),
            (
                "kafka.bootstrap = ['a:1']\nkafka.sasl.mechanism = 'PLAIN'\nkafka.sasl.username = 'u'\nkafka.sasl.password = 'env:P'",
                "in the open",
            ),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:?}");
        }
    }
}
