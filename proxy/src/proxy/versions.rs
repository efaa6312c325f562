//! ApiVersions: what both the broker and this proxy speak.

use bytes::Bytes;

use super::ended::Ended;
use crate::wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::wire::{Api, Frame, List, Splice, WriteError, fragment, splice, write_response};

/// Kafka's code for a version that is not spoken.
const UNSUPPORTED_VERSION: i16 = 35;

/// What a client is told that asks in a version of ApiVersions that is not known here: what a broker that does not know it
/// would say. It asks again.
pub(crate) fn too_new(correlation_id: i32) -> Result<Frame, WriteError> {
    let newest = Api::API_VERSIONS.row().and_then(|row| row.walked).map_or(0, |walked| walked.max);
    let own = ApiVersion { api_key: Api::API_VERSIONS.key(), min_version: 0, max_version: newest };
    let answer = ApiVersionsResponse {
        error_code: UNSUPPORTED_VERSION,
        api_keys: List::from(vec![own]).into(),
        ..ApiVersionsResponse::default()
    };
    write_response(&answer, 0, correlation_id)
}

/// A broker's answer, in which what this proxy looks into is capped at the versions that it knows. The lowest version of
/// each stays as the broker tells it: clients derive from the ranges what else a broker can do. Requests that came after
/// this build are left out, unless they pass.
pub(crate) fn cap(frame: &Bytes, version: i16, pass_unknown: bool) -> Result<Frame, Ended> {
    let (version, answer) = ApiVersionsResponse::answered(frame, version)?;
    let Some(span) = answer.api_keys.span else { return Ok(splice(frame, Vec::new())?) };
    let keys = answer.api_keys.value.iter().filter_map(|key| capped(key.value.into_owned(), pass_unknown));
    let keys: List<'_, ApiVersion> = keys.collect();
    let with = fragment(&keys, Api::API_VERSIONS.form(version))?;
    Ok(splice(frame, vec![Splice { span, with }])?)
}

/// What is told of one request; `None` where it is not told.
fn capped(told: ApiVersion, pass_unknown: bool) -> Option<ApiVersion> {
    let Some(row) = Api::new(told.api_key).row() else { return pass_unknown.then_some(told) };
    let max = match row.walked {
        Some(walked) if super::route::is_looked_into(row.api) => told.max_version.min(walked.max),
        _ => told.max_version,
    };
    Some(ApiVersion { max_version: max, ..told }).filter(|capped| capped.min_version <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(api_key: i16, min_version: i16, max_version: i16) -> ApiVersion {
        ApiVersion { api_key, min_version, max_version }
    }

    #[test]
    fn what_is_looked_into_is_capped_and_the_rest_is_not() {
        assert_eq!(capped(told(1, 4, 40), false), Some(told(1, 4, 18)));
        assert_eq!(capped(told(1, 4, 11), false), Some(told(1, 4, 11)));
        assert_eq!(capped(told(8, 2, 40), false), Some(told(8, 2, 40)), "commits pass unread");
        assert_eq!(capped(told(0, 0, 13), false), Some(told(0, 0, 13)), "the lowest stays");
        assert_eq!(capped(told(1, 19, 40), false), None);
    }

    #[test]
    fn what_came_later_is_told_only_where_it_passes() {
        assert_eq!(capped(told(95, 0, 3), false), None);
        assert_eq!(capped(told(95, 0, 3), true), Some(told(95, 0, 3)));
        assert_eq!(capped(told(-1, 0, 3), false), None);
    }
}
