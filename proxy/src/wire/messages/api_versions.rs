//! What a broker speaks.

use super::{At, List, message, structs};
use crate::wire::{WireError, read_response};

structs! {
    struct ApiVersionsRequest<'a> {
        client_software_name: &'a str [3+] = "";
        client_software_version: &'a str [3+] = "";
        cluster_id: Option<&'a str> [5+] = None;
        node_id: i32 [5+] = -1;
    }
}

message!(ApiVersionsRequest<'a>, Request, API_VERSIONS);

structs! {
    struct ApiVersionsResponse<'a> {
        error_code: i16 [0+] = 0;
        api_keys: At<List<'a, ApiVersion>> [0+] = At::new(List::new());
        throttle_time_ms: i32 [1+] = 0;
    } tags {
        supported_features: List<'a, SupportedFeatureKey<'a>> [3+] = 0;
        finalized_features_epoch: i64 [3+] = 1;
        finalized_features: List<'a, FinalizedFeatureKey<'a>> [3+] = 2;
        zk_migration_ready: bool [3+] = 3;
    }

    struct FinalizedFeatureKey<'a> {
        name: &'a str [3+] = "";
        max_version_level: i16 [3+] = 0;
        min_version_level: i16 [3+] = 0;
    }

    struct SupportedFeatureKey<'a> {
        name: &'a str [3+] = "";
        min_version: i16 [3+] = 0;
        max_version: i16 [3+] = 0;
    }

    struct ApiVersion {
        api_key: i16 [0+] = 0;
        min_version: i16 [0+] = 0;
        max_version: i16 [0+] = 0;
    }
}

message!(ApiVersionsResponse<'a>, Response, API_VERSIONS);

/// Kafka's code for a version that is not spoken.
const UNSUPPORTED_VERSION: i16 = 35;

impl<'a> ApiVersionsResponse<'a> {
    /// Reads the answer to a request of this version, which may be newer than the broker knows: then its body is that of
    /// version 0, with an error. Gives the version that was answered, too.
    pub fn answered(frame: &'a [u8], version: i16) -> Result<(i16, Self), WireError> {
        let refused = frame.get(4..6) == Some(&UNSUPPORTED_VERSION.to_be_bytes());
        let version = if refused { 0 } else { version };
        Ok((version, read_response(frame, version)?))
    }
}
