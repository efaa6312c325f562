//! The format of AWS's `config` and `credentials` files.
//!
//! `config` names its sections `[default]` and `[profile NAME]`, `credentials` names them `[NAME]`; where both hold a
//! profile, the keys of `credentials` win. A line that begins with blank space goes on the value before; under an empty
//! value it is a nested setting, of which none matters here.

use crate::credentials::{CredentialError, NamedText};
use crate::secret::Secret;
use std::collections::BTreeMap;

/// All profiles of both files.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    profiles: BTreeMap<String, Profile>,
    files: Vec<String>,
}

/// One profile's keys, in lower case.
#[derive(Debug, Default)]
pub(super) struct Profile(BTreeMap<String, Secret>);

impl Profile {
    /// A value that is there and not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(Secret::expose).filter(|value| !value.is_empty())
    }
}

impl Profiles {
    pub(super) fn read(
        config: Option<&NamedText>,
        credentials: Option<&NamedText>,
    ) -> Result<Self, CredentialError> {
        let mut all = Self::default();
        for (file, name_of) in
            [(config, config_section as fn(&str) -> Option<String>), (credentials, credentials_section)]
        {
            if let Some(file) = file {
                all.files.push(file.path.display().to_string());
                parse(file, name_of, &mut all.profiles)?;
            }
        }
        Ok(all)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// The profile, or an error that lists those there are.
    pub(super) fn require(&self, name: &str) -> Result<&Profile, CredentialError> {
        self.get(name).ok_or_else(|| CredentialError::NoProfile {
            name: name.to_owned(),
            files: self.files(),
            known: match self.profiles.keys().map(String::as_str).collect::<Vec<_>>().as_slice() {
                [] => "none".to_owned(),
                names => names.join(", "),
            },
        })
    }

    /// The files that were read, in words.
    pub(super) fn files(&self) -> String {
        if self.files.is_empty() {
            "the AWS config files (none found)".to_owned()
        } else {
            self.files.join(" and ")
        }
    }
}

fn config_section(title: &str) -> Option<String> {
    if title == "default" {
        return Some(title.to_owned());
    }
    let name = title.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']))?.trim();
    Some(name.trim_matches('"').to_owned())
}

fn credentials_section(title: &str) -> Option<String> {
    Some(title.trim_matches('"').to_owned())
}

fn parse(
    file: &NamedText,
    name_of: fn(&str) -> Option<String>,
    into: &mut BTreeMap<String, Profile>,
) -> Result<(), CredentialError> {
    // Sections that are not profiles (`sso-session`, `services`) are read and dropped.
    let mut section: Option<String> = None;
    let mut in_section = false;
    let mut last_key: Option<String> = None;
    for (at, line) in file.text.expose().lines().enumerate() {
        let broken = || CredentialError::Syntax { file: file.path.display().to_string(), line: at + 1 };
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && in_section {
            if let (Some(name), Some(key)) = (&section, &last_key) {
                go_on(into, name, key, text);
            }
            continue;
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (title, after) = rest.split_once(']').ok_or_else(broken)?;
            if !(after.trim().is_empty() || after.trim_start().starts_with(['#', ';'])) {
                return Err(broken());
            }
            section = name_of(title.trim());
            if let Some(name) = &section {
                into.entry(name.clone()).or_default();
            }
            (in_section, last_key) = (true, None);
            continue;
        }
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| in_section && !key.trim().is_empty())
            .ok_or_else(broken)?;
        let key = key.trim().to_ascii_lowercase();
        if let Some(name) = &section {
            let value = Secret::new(without_comment(value).trim());
            into.entry(name.clone()).or_default().0.insert(key.clone(), value);
        }
        last_key = Some(key);
    }
    Ok(())
}

fn go_on(into: &mut BTreeMap<String, Profile>, name: &str, key: &str, text: &str) {
    let Some(value) = into.get_mut(name).and_then(|profile| profile.0.get_mut(key)) else { return };
    if !value.is_empty() {
        *value = Secret::new(format!("{}\n{text}", value.expose()));
    }
}

/// A comment behind a value begins with blank space: keys may hold `#` and `;`.
fn without_comment(value: &str) -> &str {
    let ends = [" #", " ;", "\t#", "\t;"];
    ends.iter().filter_map(|mark| value.find(mark)).min().map_or(value, |end| &value[..end])
}
