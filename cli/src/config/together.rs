//! What single keys cannot tell: values that are each in order and do not fit together.

use firnline_config::source::{Origin, Problem, Set};
use firnline_store::StoreUrl;

use super::Config;
use super::sections::{KafkaSection, ProxySection, ServeSection};
use super::value::{CatalogAuth, CatalogKind, CdcMode, Mechanism, PartMode};

/// Everything that does not fit together, each named by the line of one of its keys.
pub fn together(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    firnline_config::together::cache(&config.cache, &mut problems);
    kafka(&config.kafka, &mut problems);
    let encrypt = config.topics.iter().map(|topic| &topic.encrypt);
    firnline_config::together::encryption(&config.encryption, encrypt, &mut problems);
    serve(&config.serve, &mut problems);
    export(config, &mut problems);
    proxy(&config.proxy, &mut problems);
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

fn export(config: &Config, problems: &mut Vec<Problem>) {
    let export = &config.export;
    let mut problem = |line: Option<usize>, what: &str| {
        problems.push(Problem { line: line.unwrap_or(0), what: what.to_owned() });
    };
    let kind = at(&export.catalog_kind);
    if export.catalog_kind.value == CatalogKind::Rest && export.catalog_url.value.is_none() {
        problem(kind, "export.catalog.kind: rest needs export.catalog.url");
    }
    let auth = at(&export.catalog_auth);
    match export.catalog_auth.value {
        CatalogAuth::Bearer if export.catalog_token.value.is_none() => {
            problem(auth, "export.catalog.auth: bearer needs export.catalog.token");
        }
        CatalogAuth::OAuth2 if export.catalog_credential.value.is_none() => {
            problem(auth, "export.catalog.auth: oauth2 needs export.catalog.oauth2.credential");
        }
        _ => {}
    }
    if export.registry_login.value.is_some() && export.registry_token.value.is_some() {
        problem(
            line(&export.registry_token),
            "export.registry.token: there is a login already, export.registry.login",
        );
    }
    for topic in &config.export_topics {
        let registry = [&topic.key, &topic.value].into_iter().find(|part| part.value == PartMode::Registry);
        if let Some(part) = registry
            && export.registry_urls.value.0.is_empty()
        {
            problem(at(part), "export.topic: registry needs export.registry.urls");
        }
        for (part, fields, name) in
            [(&topic.key, &topic.key_fields, "key"), (&topic.value, &topic.value_fields, "value")]
        {
            if part.value == PartMode::Json && fields.value.is_none() {
                problem(at(part), &format!("export.topic.{name}: json needs export.topic.{name}_fields"));
            }
        }
        if topic.cdc_current.value && topic.cdc.value == CdcMode::Nothing {
            problem(at(&topic.cdc_current), "export.topic.cdc_current: needs export.topic.cdc");
        }
        // Of changes that carry their schema with them the columns of such a table do not come to rest.
        if topic.cdc_current.value && topic.value.value != PartMode::Registry {
            problem(
                at(&topic.cdc_current),
                "export.topic.cdc_current: needs export.topic.value = \"registry\"",
            );
        }
    }
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

fn serve(serve: &ServeSection, problems: &mut Vec<Problem>) {
    let mut problem = |line: usize, what: &str| problems.push(Problem { line, what: what.to_owned() });
    match (line(&serve.tls_cert_file), line(&serve.tls_key)) {
        (Some(line), None) => problem(line, "serve.tls.cert_file: its key is missing, serve.tls.key"),
        (None, Some(line)) => problem(line, "serve.tls.key: its certificate is missing, serve.tls.cert_file"),
        _ => {}
    }
    if let (None, Some(line)) = (line(&serve.tls_cert_file), line(&serve.tls_client_ca_file)) {
        problem(
            line,
            "serve.tls.client_ca_file: clients show certificates within TLS; set serve.tls.cert_file",
        );
    }
    if let (None, Some(line)) = (line(&serve.users_file), line(&serve.login_lifetime)) {
        problem(line, "serve.login_lifetime: nobody logs in; set serve.users_file");
    }
}

fn proxy(proxy: &ProxySection, problems: &mut Vec<Problem>) {
    let mut problem = |line: usize, what: &str| problems.push(Problem { line, what: what.to_owned() });
    match (line(&proxy.tls_cert_file), line(&proxy.tls_key)) {
        (Some(line), None) => problem(line, "proxy.tls.cert_file: its key is missing, proxy.tls.key"),
        (None, Some(line)) => problem(line, "proxy.tls.key: its certificate is missing, proxy.tls.cert_file"),
        _ => {}
    }
    match (line(&proxy.broker_tls_cert_file), line(&proxy.broker_tls_key)) {
        (Some(line), None) => {
            problem(line, "proxy.broker_tls.cert_file: its key is missing, proxy.broker_tls.key");
        }
        (None, Some(line)) => {
            problem(line, "proxy.broker_tls.key: its certificate is missing, proxy.broker_tls.cert_file");
        }
        _ => {}
    }
    if line(&proxy.tls_cert_file).is_none() {
        if let Some(line) = line(&proxy.tls_client_ca_file) {
            problem(
                line,
                "proxy.tls.client_ca_file: clients show certificates within TLS; set proxy.tls.cert_file",
            );
        }
        if let Some(line) = line(&proxy.sni_hosts) {
            problem(line, "proxy.sni.hosts: names are told within TLS; set proxy.tls.cert_file");
        }
    }
    if let (Some(line), None) = (line(&proxy.sni_port), line(&proxy.sni_hosts)) {
        problem(line, "proxy.sni.port: there are no names that it could be told with; set proxy.sni.hosts");
    }
    let named =
        [line(&proxy.broker_tls_ca_file), line(&proxy.broker_tls_cert_file), line(&proxy.broker_tls_key)];
    if let Some(line) = named.into_iter().flatten().next()
        && !proxy.broker_tls_enabled.value
    {
        problem(line, "proxy.broker_tls: a certificate is named, and proxy.broker_tls.enabled is not true");
    }
}

/// The line of a key that stands in the file.
fn at<T>(set: &Set<T>) -> Option<usize> {
    match set.origin {
        Origin::File(line) => Some(line),
        _ => None,
    }
}

/// Where the file says something, if it does.
fn line<T>(set: &Set<Option<T>>) -> Option<usize> {
    set.value.as_ref().map(|_| set.origin.line())
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
    fn a_cache_on_disk_is_large_enough_and_has_a_directory() {
        for (text, says) in [
            ("cache.disk.max_size = '1GiB'", "cache.disk.dir"),
            ("cache.disk.max_size = '63MiB'\ncache.disk.dir = '/c'", "64MiB at least"),
            ("cache.disk.dir = 'c'", "not an absolute path"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:?}");
        }
        for text in [
            "cache.disk.max_size = '64MiB'\ncache.disk.dir = '/c'",
            "cache.disk.max_size = '0B'",
            "cache.disk.dir = '/c'",
        ] {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn rings_that_do_not_fit_together_are_refused() {
        let keys = "encryption.keys = ['a=file:/k']\n";
        for (text, says) in [
            (keys.to_owned(), "encryption.active: missing"),
            ("encryption.active = 'a'".to_owned(), "there is no ring"),
            (format!("{keys}encryption.active = 'b'"), "none of encryption.keys"),
            (format!("{keys}encryption.active = 'a'\nencryption.command = ['/kms']"), "not both"),
            ("encryption.keys = ['a=env:A', 'a=env:B']\nencryption.active = 'a'".to_owned(), "twice"),
            ("encryption.topics = true".to_owned(), "no ring"),
            ("[[topic]]\nname = 'x'\nencrypt = true".to_owned(), "no ring"),
            ("encryption.keys = ['hunter2']".to_owned(), "expected NAME=file:/PATH"),
        ] {
            let found = problems(&text);
            assert!(found.iter().any(|found| found.contains(says)), "{text}: {found:?}");
            assert!(!found.iter().any(|found| found.contains("hunter2")), "{found:?}");
        }
        for text in [
            format!("{keys}encryption.active = 'a'\nencryption.topics = true"),
            "encryption.command = ['/kms', '--quiet']\nencryption.active = 'arn:1'".to_owned(),
            "encryption.topics = false".to_owned(),
        ] {
            assert_eq!(problems(&text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn doors_of_a_server_that_do_not_fit_together_are_refused() {
        for (text, says) in [
            ("serve.tls.cert_file = '/c'", "serve.tls.key"),
            ("serve.tls.key = 'file:/k'", "serve.tls.cert_file"),
            ("serve.tls.client_ca_file = '/a'", "within TLS"),
            ("serve.login_lifetime = '1h'", "serve.users_file"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:?}");
        }
        let whole = "serve.tls.cert_file = '/c'\nserve.tls.key = 'file:/k'\nserve.tls.client_ca_file = '/a'\n\
                     serve.users_file = '/u'\nserve.login_lifetime = '1h'";
        assert_eq!(problems(whole), Vec::<String>::new());
    }

    #[test]
    fn legs_of_a_proxy_that_do_not_fit_together_are_refused() {
        for (text, says) in [
            ("proxy.tls.cert_file = '/c'", "proxy.tls.key"),
            ("proxy.tls.key = 'file:/k'", "proxy.tls.cert_file"),
            ("proxy.tls.client_ca_file = '/a'", "within TLS"),
            ("proxy.sni.hosts = 'kafka-{id}.example'", "within TLS"),
            ("proxy.sni.port = 443", "proxy.sni.hosts"),
            ("proxy.broker_tls.ca_file = '/a'", "broker_tls.enabled"),
            ("proxy.broker_tls.enabled = true\nproxy.broker_tls.key = 'file:/k'", "broker_tls.cert_file"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:?}");
        }
        let whole = "proxy.tls.cert_file = '/c'\nproxy.tls.key = 'file:/k'\nproxy.sni.hosts = 'kafka-{id}.example'\n\
                     proxy.sni.port = 443\nproxy.broker_tls.enabled = true\nproxy.broker_tls.ca_file = '/a'\n\
                     proxy.broker_tls.cert_file = '/c'\nproxy.broker_tls.key = 'file:/k'";
        assert_eq!(problems(whole), Vec::<String>::new());
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
