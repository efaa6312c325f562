//! Environment variables that stand before the file, or in for it.

use crate::sections::StoreSection;
use crate::source::{Origin, Problem, Set};
use crate::surroundings::Surroundings;
use crate::value::Value;

/// Lays variables of the clouds' own tools over what the config does not say of the store.
pub fn lay_over(store: &mut StoreSection, around: &Surroundings, problems: &mut Vec<Problem>) {
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        lay(&mut store.endpoint, name, false, around, problems);
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        lay(&mut store.region, name, false, around, problems);
    }
    for name in ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"] {
        lay(&mut store.account, name, false, around, problems);
    }
}

/// Lays one variable over one key, before what the config says or only in for it.
pub fn lay<T: Value>(
    set: &mut Set<Option<T>>,
    name: &'static str,
    before_the_file: bool,
    around: &Surroundings,
    problems: &mut Vec<Problem>,
) {
    let Some(text) = around.var(name).filter(|text| !text.is_empty()) else { return };
    if set.origin != Origin::Default && !before_the_file {
        return;
    }
    match T::parse(text) {
        Ok(value) => *set = Set { value: Some(value), origin: Origin::Environment(name) },
        Err(what) => problems.push(Problem { line: 0, what: format!("{name} in the environment: {what}") }),
    }
}
