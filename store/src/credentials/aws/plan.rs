//! Which AWS credentials to use: a pure function of what the binary read.

use super::container::Endpoint;
use super::profiles::{Profile, Profiles};
use super::sts::Role;
use crate::credentials::{AwsKeys, CredentialError, CredentialInputs};
use crate::secret::Secret;

/// What to do for a credential: start from the base, then assume the roles one after the other.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) base: Base,
    pub(super) roles: Vec<Role>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) sts_endpoint: Option<String>,
    pub(super) origin: String,
}

#[derive(Debug)]
pub(super) enum Base {
    Keys(AwsKeys),
    Process { profile: String, command: Vec<String> },
    WebIdentity { token_file: String, role_arn: String, session_name: Option<String> },
    Container(Endpoint),
    Instance { endpoint: Option<String> },
}

pub(super) fn plan(inputs: &CredentialInputs) -> Result<Plan, CredentialError> {
    let profiles = Profiles::read(inputs.aws_config.as_ref(), inputs.aws_credentials.as_ref())?;
    let named = inputs.aws_profile.as_deref();
    let from_environment = inputs.variable("AWS_PROFILE").or_else(|| inputs.variable("AWS_DEFAULT_PROFILE"));
    let current = named.or(from_environment).unwrap_or("default");

    let (base, roles, origin) = if let Some(keys) = &inputs.aws_keys {
        (Base::Keys(keys.clone()), Vec::new(), "keys in the configuration".to_owned())
    } else if let Some(name) = named {
        of_profile(inputs, &profiles, name)?
    } else if let Some(keys) = environment_keys(inputs)? {
        (Base::Keys(keys), Vec::new(), "keys in the environment".to_owned())
    } else if from_environment.is_some() || profiles.get(current).is_some_and(has_credentials) {
        of_profile(inputs, &profiles, current)?
    } else {
        of_machine(inputs, &profiles)?
    };

    let in_profile =
        |key: &str| profiles.get(current).and_then(|profile| profile.get(key)).map(str::to_owned);
    let variable = |name: &str| inputs.variable(name).map(str::to_owned);
    Ok(Plan {
        base,
        roles,
        region: variable("AWS_REGION")
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| in_profile("region")),
        endpoint: variable("AWS_ENDPOINT_URL_S3")
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .or_else(|| in_profile("endpoint_url")),
        sts_endpoint: variable("AWS_ENDPOINT_URL_STS"),
        origin,
    })
}

type Found = (Base, Vec<Role>, String);

/// Walks from the profile asked for to the one that holds credentials, collecting roles on the way.
fn of_profile(inputs: &CredentialInputs, profiles: &Profiles, first: &str) -> Result<Found, CredentialError> {
    let mut roles = Vec::new();
    let mut way: Vec<&str> = Vec::new();
    let mut name = first;
    loop {
        let profile = profiles.require(name)?;
        let broken = |why: String| CredentialError::Profile { name: name.to_owned(), why };
        way.push(name);
        // A profile reached as somebody's source gives its own keys first: it may name itself as its source.
        let own_keys = profile_keys(profile).map_err(broken)?;
        if let (Some(keys), true) = (own_keys, way.len() > 1) {
            return Ok(found(Base::Keys(keys), roles, &way));
        }
        let source = (profile.get("source_profile"), profile.get("credential_source"));
        let Some(arn) = profile.get("role_arn").filter(|_| source != (None, None)) else {
            return Ok(found(base_of(name, profile).map_err(broken)?, roles, &way));
        };
        if profile.get("mfa_serial").is_some() {
            return Err(broken(
                "it asks for a one-time code (mfa_serial), and a service cannot type one".to_owned(),
            ));
        }
        roles.push(role(profile, arn).map_err(broken)?);
        match source {
            (Some(_), Some(_)) => {
                return Err(broken("it has both source_profile and credential_source; keep one".to_owned()));
            }
            (Some(next), None) if next == name => {
                let keys = profile_keys(profile).map_err(broken)?;
                let keys = keys.ok_or_else(|| {
                    broken("it names itself as source_profile but holds no keys".to_owned())
                })?;
                return Ok(found(Base::Keys(keys), roles, &way));
            }
            (Some(next), None) if way.contains(&next) => {
                return Err(broken(format!("its source_profile {next:?} leads back to itself")));
            }
            (Some(next), None) => name = next,
            (None, place) => {
                let place = place.unwrap_or_default();
                return Ok(found(credential_source(inputs, place).map_err(broken)?, roles, &way));
            }
        }
    }
}

fn found(base: Base, mut roles: Vec<Role>, way: &[&str]) -> Found {
    // The role nearest to the keys is assumed first.
    roles.reverse();
    (base, roles, format!("AWS profile {}", way.join(" from ")))
}

fn credential_source(inputs: &CredentialInputs, place: &str) -> Result<Base, String> {
    match place {
        "Environment" => {
            let keys = environment_keys(inputs).map_err(|error| error.to_string())?;
            keys.map(Base::Keys).ok_or_else(|| {
                "its credential_source is Environment, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned()
            })
        }
        "EcsContainer" => container(inputs).map_err(|error| error.to_string())?.ok_or_else(|| {
            "its credential_source is EcsContainer, but no container variable is set".to_owned()
        }),
        "Ec2InstanceMetadata" => Ok(instance(inputs)),
        other => Err(format!(
            "its credential_source is {other:?}; it can be Environment, EcsContainer or Ec2InstanceMetadata"
        )),
    }
}

fn base_of(name: &str, profile: &Profile) -> Result<Base, String> {
    if let Some(token_file) = profile.get("web_identity_token_file") {
        let role_arn = profile.get("role_arn").ok_or("it has web_identity_token_file but no role_arn")?;
        return Ok(Base::WebIdentity {
            token_file: token_file.to_owned(),
            role_arn: role_arn.to_owned(),
            session_name: profile.get("role_session_name").map(str::to_owned),
        });
    }
    if profile.get("role_arn").is_some() {
        return Err(
            "it has role_arn but no source_profile, credential_source or web_identity_token_file".to_owned()
        );
    }
    if let Some(keys) = profile_keys(profile)? {
        return Ok(Base::Keys(keys));
    }
    if let Some(command) = profile.get("credential_process") {
        let command = shlex::split(command).filter(|words| !words.is_empty());
        let command = command.ok_or("its credential_process has an unfinished quotation")?;
        return Ok(Base::Process { profile: name.to_owned(), command });
    }
    if SSO_KEYS.iter().any(|key| profile.get(key).is_some()) {
        return Err(format!(
            "it signs in through IAM Identity Center (SSO); make a second profile with `credential_process = \
             aws configure export-credentials --profile {name} --format process` and use that one"
        ));
    }
    Err("it holds no credentials: no keys, credential_process, role_arn or web_identity_token_file"
        .to_owned())
}

const SSO_KEYS: [&str; 2] = ["sso_session", "sso_start_url"];

/// Whether a profile nobody asked for by name is meant as a source of credentials, or only holds a region.
fn has_credentials(profile: &Profile) -> bool {
    let keys = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "role_arn",
        "credential_process",
        "web_identity_token_file",
    ];
    keys.iter().chain(&SSO_KEYS).any(|key| profile.get(key).is_some())
}

fn profile_keys(profile: &Profile) -> Result<Option<AwsKeys>, String> {
    match (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(AwsKeys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from(secret),
            session_token: profile.get("aws_session_token").map(Secret::from),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err("it has aws_access_key_id but no aws_secret_access_key".to_owned()),
        (None, Some(_)) => Err("it has aws_secret_access_key but no aws_access_key_id".to_owned()),
    }
}

fn role(profile: &Profile, arn: &str) -> Result<Role, String> {
    let seconds = match profile.get("duration_seconds") {
        None => 3600,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| format!("its duration_seconds is {text:?}; it can be 900 to 43200"))?,
    };
    Ok(Role {
        arn: arn.to_owned(),
        session_name: profile.get("role_session_name").unwrap_or("firnline").to_owned(),
        external_id: profile.get("external_id").map(Secret::from),
        duration_seconds: seconds,
    })
}

fn environment_keys(inputs: &CredentialInputs) -> Result<Option<AwsKeys>, CredentialError> {
    let lone = |what: &str, other: &str| CredentialError::Setting {
        what: what.to_owned(),
        why: format!("it is set without {other}"),
    };
    match (inputs.variable("AWS_ACCESS_KEY_ID"), inputs.variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Ok(Some(AwsKeys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from(secret),
            session_token: inputs.variable("AWS_SESSION_TOKEN").map(Secret::from),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(lone("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => Err(lone("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
    }
}

fn of_machine(inputs: &CredentialInputs, profiles: &Profiles) -> Result<Found, CredentialError> {
    if let Some(token_file) = inputs.variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
        let role_arn = inputs.variable("AWS_ROLE_ARN").ok_or_else(|| CredentialError::Setting {
            what: "AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(),
            why: "it is set without AWS_ROLE_ARN".to_owned(),
        })?;
        let base = Base::WebIdentity {
            token_file: token_file.to_owned(),
            role_arn: role_arn.to_owned(),
            session_name: inputs.variable("AWS_ROLE_SESSION_NAME").map(str::to_owned),
        };
        return Ok((base, Vec::new(), "web identity of the environment".to_owned()));
    }
    if let Some(base) = container(inputs)? {
        return Ok((base, Vec::new(), "container credentials".to_owned()));
    }
    if inputs.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Err(CredentialError::NoneFound { files: profiles.files() });
    }
    Ok((instance(inputs), Vec::new(), "instance metadata".to_owned()))
}

fn container(inputs: &CredentialInputs) -> Result<Option<Base>, CredentialError> {
    let endpoint = Endpoint::find(
        inputs.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        inputs.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        inputs.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        inputs.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    )?;
    Ok(endpoint.map(Base::Container))
}

fn instance(inputs: &CredentialInputs) -> Base {
    let endpoint = inputs.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    Base::Instance { endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()) }
}

/// The plan in words, so that a test can hold many of them against a table.
#[cfg(test)]
pub(in crate::credentials) fn describe(inputs: &CredentialInputs) -> String {
    match plan(inputs) {
        Err(error) => format!("error: {error}"),
        Ok(Plan { base, roles, origin, .. }) => {
            let base = match base {
                Base::Keys(keys) => format!("keys {}", keys.access_key_id),
                Base::Process { command, .. } => format!("process {command:?}"),
                Base::WebIdentity { role_arn, .. } => format!("web {role_arn}"),
                Base::Container(endpoint) => format!("container {}", endpoint.url),
                Base::Instance { endpoint } => format!("instance {}", endpoint.unwrap_or_default()),
            };
            let roles: String = roles.iter().map(|role| format!(" -> {}", role.arn)).collect();
            format!("{base}{roles} ({origin})")
        }
    }
}
