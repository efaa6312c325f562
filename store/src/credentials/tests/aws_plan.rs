use super::*;
use crate::credentials::aws::describe;
use crate::credentials::{AwsKeys, CredentialFiles};
use std::path::Path;

const CONFIG: &str = r"
# the region only
[default]
region = eu-west-1

[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = a#b;c ; a comment behind a space
aws_session_token = TOKEN
endpoint_url = https://s3.example.net
[profile process]
credential_process = /opt/bin/creds --user 'a b' --out json
[profile role]
role_arn = arn:aws:iam::1:role/r1
source_profile = keys
[profile chain]
role_arn = arn:aws:iam::1:role/r2
source_profile = role
duration_seconds = 900
[profile own]
role_arn = arn:aws:iam::1:role/own
source_profile = own
aws_access_key_id = AKIDOWN
aws_secret_access_key = s
[profile loop-a]
role_arn = a
source_profile = loop-b
[profile loop-b]
role_arn = b
source_profile = loop-a
[profile env]
role_arn = arn:env
credential_source = Environment
[profile ec2]
role_arn = arn:ec2
credential_source = Ec2InstanceMetadata
[profile ecs]
role_arn = arn:ecs
credential_source = EcsContainer
[profile moon]
role_arn = arn:moon
credential_source = Moon
[profile both]
role_arn = arn:both
credential_source = Environment
source_profile = keys
[profile web]
role_arn = arn:web
web_identity_token_file = /var/run/token
[profile sso]
sso_session = corp
[profile mfa]
role_arn = arn:mfa
source_profile = keys
mfa_serial = arn:aws:iam::1:mfa/me
[profile half]
aws_access_key_id = AKIDHALF
[profile long]
role_arn = arn:long
source_profile = keys
duration_seconds = 10
[profile quoted]
credential_process = /opt/bin/creds 'no end
[profile empty]
s3 =
  max_concurrent_requests = 20
[sso-session corp]
sso_region = eu-west-1
[services x]
s3 =
  endpoint_url = http://ignored
";

fn profile(name: &str) -> String {
    let mut inputs = with(&[("AWS_PROFILE", name)]);
    inputs.aws_config = Some(text("/home/u/.aws/config", CONFIG));
    describe(&inputs)
}

#[test]
fn profiles_lead_to_their_source() {
    for (name, plan) in [
        ("keys", "keys AKIDKEYS (AWS profile keys)"),
        (
            "process",
            "process [\"/opt/bin/creds\", \"--user\", \"a b\", \"--out\", \"json\"] (AWS profile process)",
        ),
        ("role", "keys AKIDKEYS -> arn:aws:iam::1:role/r1 (AWS profile role from keys)"),
        (
            "chain",
            "keys AKIDKEYS -> arn:aws:iam::1:role/r1 -> arn:aws:iam::1:role/r2 (AWS profile chain from role from keys)",
        ),
        ("own", "keys AKIDOWN -> arn:aws:iam::1:role/own (AWS profile own)"),
        ("ec2", "instance  -> arn:ec2 (AWS profile ec2)"),
        ("web", "web arn:web (AWS profile web)"),
    ] {
        assert_eq!(profile(name), plan, "{name}");
    }
}

#[test]
fn profiles_that_cannot_work_say_what_to_do() {
    for (name, part) in [
        ("loop-a", "profile \"loop-b\" cannot be used: its source_profile \"loop-a\" leads back to itself"),
        ("env", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        ("ecs", "no container variable is set"),
        ("moon", "its credential_source is \"Moon\"; it can be"),
        ("both", "both source_profile and credential_source; keep one"),
        ("sso", "`credential_process = aws configure export-credentials --profile sso --format process`"),
        ("mfa", "one-time code (mfa_serial)"),
        ("half", "aws_access_key_id but no aws_secret_access_key"),
        ("long", "duration_seconds is \"10\"; it can be 900 to 43200"),
        ("quoted", "unfinished quotation"),
        ("empty", "it holds no credentials"),
        ("nobody", "there is no AWS profile \"nobody\" in /home/u/.aws/config (there: both, chain, default,"),
    ] {
        let plan = profile(name);
        assert!(plan.starts_with("error: ") && plan.contains(part), "{name}: {plan}");
    }
}

#[test]
fn sources_are_tried_in_the_order_of_the_sdks() {
    let everything = [
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", "arn:irsa"),
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let mut inputs = with(&everything);
    let default = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = s\n";
    inputs.aws_credentials = Some(text("/c", default));
    inputs.aws_profile = Some("other".to_owned());
    inputs.aws_keys = Some(AwsKeys {
        access_key_id: "AKIDCONF".to_owned(),
        secret_access_key: Secret::from("s"),
        session_token: None,
    });
    let mut plans = vec![describe(&inputs)];
    inputs.aws_keys = None;
    plans.push(describe(&inputs));
    inputs.aws_profile = None;
    plans.push(describe(&inputs));
    inputs.environment.remove("AWS_SECRET_ACCESS_KEY");
    plans.push(describe(&inputs));
    inputs.environment.remove("AWS_ACCESS_KEY_ID");
    plans.push(describe(&inputs));
    inputs.aws_credentials = None;
    plans.push(describe(&inputs));
    inputs.environment.remove("AWS_WEB_IDENTITY_TOKEN_FILE");
    plans.push(describe(&inputs));
    inputs.environment.remove("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    plans.push(describe(&inputs));
    inputs.environment.insert("AWS_EC2_METADATA_DISABLED".to_owned(), Secret::from("True"));
    plans.push(describe(&inputs));
    assert_eq!(
        plans,
        [
            "keys AKIDCONF (keys in the configuration)",
            "keys AKIDOTHER (AWS profile other)",
            "keys AKIDENV (keys in the environment)",
            "error: AWS_ACCESS_KEY_ID cannot be used: it is set without AWS_SECRET_ACCESS_KEY",
            "keys AKIDFILE (AWS profile default)",
            "web arn:irsa (web identity of the environment)",
            "container http://169.254.170.2/v2/x (container credentials)",
            "instance  (instance metadata)",
            "error: no AWS credentials found: looked at the environment, the AWS config files (none found), web identity \
             and container variables, and instance metadata is disabled by AWS_EC2_METADATA_DISABLED",
        ]
    );
}

#[test]
fn a_default_profile_with_only_a_region_does_not_hide_the_machine() {
    let mut inputs = with(&[]);
    inputs.aws_config = Some(text("/c", "[default]\nregion = eu-west-1\n"));
    assert_eq!(describe(&inputs), "instance  (instance metadata)");
}

#[test]
fn the_credentials_file_wins_over_the_config_file() {
    let mut inputs = with(&[("AWS_PROFILE", "p")]);
    inputs.aws_config =
        Some(text("/config", "[profile p]\naws_access_key_id = OLD\naws_secret_access_key = s\n"));
    inputs.aws_credentials = Some(text("/credentials", "[p]\naws_access_key_id = NEW\n"));
    assert_eq!(describe(&inputs), "keys NEW (AWS profile p)");
}

#[test]
fn broken_lines_are_named_and_never_repeated() {
    for (broken, line) in [
        ("[default]\nSECRET without equals\n", 2),
        ("SECRET = before any section\n", 1),
        ("[default\n", 1),
        ("[default] SECRET\n", 1),
        ("[default]\n= SECRET\n", 2),
    ] {
        let mut inputs = with(&[]);
        inputs.aws_credentials = Some(text("/credentials", broken));
        let plan = describe(&inputs);
        assert_eq!(
            plan,
            format!("error: /credentials, line {line}: expected `[section]`, `key = value` or a comment")
        );
    }
}

#[test]
fn a_token_goes_in_the_clear_only_to_this_machine() {
    for (url, fine) in [
        ("http://127.0.0.1:9000/x", true),
        ("http://[::1]/x", true),
        ("http://localhost/x", true),
        ("http://169.254.170.23/v1/credentials", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("https://anywhere.example.com/x", true),
        ("http://169.254.169.254/x", false),
        ("http://anywhere.example.com/x", false),
        ("ftp://127.0.0.1/x", false),
        ("no address", false),
    ] {
        let plan = describe(&with(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]));
        assert_eq!(plan.starts_with("container "), fine, "{url}: {plan}");
    }
}

#[test]
fn files_are_looked_for_where_the_sdks_do() {
    let at_home = CredentialFiles::of(&with(&[]).environment, Some(Path::new("/home/u")));
    assert_eq!(at_home.aws_config.as_deref(), Some(Path::new("/home/u/.aws/config")));
    assert_eq!(at_home.aws_credentials.as_deref(), Some(Path::new("/home/u/.aws/credentials")));
    let google = "/home/u/.config/gcloud/application_default_credentials.json";
    assert_eq!((at_home.gcp_default.as_deref(), at_home.gcp_default_named), (Some(Path::new(google)), false));
    let named = with(&[("AWS_CONFIG_FILE", "/c"), ("GOOGLE_APPLICATION_CREDENTIALS", "/g.json")]);
    let named = CredentialFiles::of(&named.environment, None);
    assert_eq!(named.aws_config.as_deref(), Some(Path::new("/c")));
    assert_eq!(named.aws_credentials, None);
    assert_eq!((named.gcp_default.as_deref(), named.gcp_default_named), (Some(Path::new("/g.json")), true));
}

#[test]
fn debug_output_holds_no_secret() {
    let mut inputs = with(&[("AWS_SECRET_ACCESS_KEY", "hunter2")]);
    inputs.aws_credentials = Some(text("/c", "[default]\naws_secret_access_key = hunter2\n"));
    inputs.azure_access_key = Some(Secret::from("hunter2"));
    assert!(!format!("{inputs:?}").contains("hunter2"));
}
