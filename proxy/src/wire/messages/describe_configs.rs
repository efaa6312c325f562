//! What is set. Version 0, of Kafka 3, is passed on.

use super::{List, message, structs};

structs! {
    struct DescribeConfigsRequest<'a> {
        resources: List<'a, DescribeConfigsResource<'a>> [0+] = List::new();
        include_synonyms: bool [0+] = false;
        include_documentation: bool [3+] = false;
    }

    struct DescribeConfigsResource<'a> {
        resource_type: i8 [0+] = 0;
        resource_name: &'a str [0+] = "";
        configuration_keys: Option<List<'a, &'a str>> [0+] = Some(List::new());
    }
}

message!(DescribeConfigsRequest<'a>, Request, DESCRIBE_CONFIGS);

structs! {
    struct DescribeConfigsResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        results: List<'a, DescribeConfigsResult<'a>> [0+] = List::new();
    }

    struct DescribeConfigsResult<'a> {
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = Some("");
        resource_type: i8 [0+] = 0;
        resource_name: &'a str [0+] = "";
        configs: List<'a, DescribeConfigsResourceResult<'a>> [0+] = List::new();
    }

    struct DescribeConfigsResourceResult<'a> {
        name: &'a str [0+] = "";
        value: Option<&'a str> [0+] = Some("");
        read_only: bool [0+] = false;
        config_source: i8 [0+] = -1;
        is_sensitive: bool [0+] = false;
        synonyms: List<'a, DescribeConfigsSynonym<'a>> [0+] = List::new();
        config_type: i8 [3+] = 0;
        documentation: Option<&'a str> [3+] = Some("");
    }

    struct DescribeConfigsSynonym<'a> {
        name: &'a str [0+] = "";
        value: Option<&'a str> [0+] = Some("");
        source: i8 [0+] = 0;
    }
}

message!(DescribeConfigsResponse<'a>, Response, DESCRIBE_CONFIGS);
