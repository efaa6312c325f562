//! Requests and answers as bytes: encoded by `kafka-protocol`, decoded by it only after their shape was checked.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, DescribeAclsRequest, DescribeAclsResponse,
    DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    DescribeProducersRequest, DescribeProducersResponse, FetchRequest, FetchResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetFetchRequest, OffsetFetchResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, ProduceRequest, ProduceResponse,
    RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::shape::Shape::{self, Array, Fixed, OldArray, OldText, Tags, Text};
use super::{Api, Wiped, shape};

/// An answer that is none.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProtocolError {
    /// The answer belongs to another request.
    #[error("the answer is to request {found}, not {expected}")]
    Correlation {
        /// The number sent.
        expected: i32,
        /// The number answered.
        found: i32,
    },
    /// It ends too early.
    #[error("the answer ends in the middle")]
    Short,
    /// It goes on behind its end.
    #[error("{bytes} bytes are left over behind the answer")]
    LeftOver {
        /// How many.
        bytes: usize,
    },
    /// A count that its bytes cannot hold.
    #[error("the answer claims {claimed} elements in {bytes} bytes")]
    Count {
        /// The count claimed.
        claimed: u32,
        /// The bytes that remain.
        bytes: usize,
    },
    /// A number of more than 32 bits.
    #[error("a number in the answer is longer than 32 bits")]
    Varint,
    /// A frame with a length that no answer has.
    #[error("the answer claims {claimed} bytes, at most {limit} are taken")]
    Length {
        /// The length claimed.
        claimed: i32,
        /// The longest taken.
        limit: usize,
    },
    /// The decoder refuses it.
    #[error("the answer cannot be decoded: {why}")]
    Decode {
        /// The decoder's words.
        why: String,
    },
    /// The request cannot be said in this version.
    #[error("the request cannot be encoded: {why}")]
    Encode {
        /// The encoder's words.
        why: String,
    },
    /// The broker speaks other versions.
    #[error(
        "the broker speaks versions {min} to {max} of {api}, this client {ours}; brokers from 3.3 to 4.4 are supported"
    )]
    Version {
        /// The request.
        api: Api,
        /// Our version.
        ours: i16,
        /// The broker's lowest.
        min: i16,
        /// The broker's highest.
        max: i16,
    },
    /// The broker does not know the request.
    #[error("the broker does not answer {api}; brokers from 3.3 to 4.4 are supported")]
    Unsupported {
        /// The request.
        api: Api,
    },
    /// Something that was asked for is not in the answer.
    #[error("the answer says nothing of {what}")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The answer names what was not asked for, or names it twice.
    #[error("the answer names {what} {how}")]
    Unasked {
        /// What it names.
        what: String,
        /// In what way it should not.
        how: &'static str,
    },
    /// A value that its kind cannot have.
    #[error("the answer has {what}, which cannot be")]
    Value {
        /// The value.
        what: String,
    },
}

/// A request of ours with its answer's shape.
pub(crate) trait Exchange: Encodable + HeaderVersion {
    /// What answers it. (The crate's own trait of this kind is there only with the code of a broker besides.)
    type Response: Decodable + HeaderVersion;
    /// Its kind and version.
    const API: Api;
    /// What follows the header of its answer.
    const ANSWER: &'static [Shape];
}

/// No tagged field that the decoder would look into.
const END: Shape = Tags(&[]);

macro_rules! exchange {
    ($request:ident, $response:ident, $api:ident, $answer:expr) => {
        impl Exchange for $request {
            type Response = $response;
            const API: Api = Api::$api;
            const ANSWER: &'static [Shape] = &$answer;
        }
    };
}

exchange!(
    ApiVersionsRequest,
    ApiVersionsResponse,
    ApiVersions,
    [
        Fixed(2),
        Array(&[Fixed(6), END]),
        Fixed(4),
        Tags(&[
            (0, &[Array(&[Text, Fixed(4), END])]),
            (1, &[Fixed(8)]),
            (2, &[Array(&[Text, Fixed(4), END])]),
            (3, &[Fixed(1)]),
        ]),
    ]
);
exchange!(SaslHandshakeRequest, SaslHandshakeResponse, SaslHandshake, [Fixed(2), OldArray(&[OldText])]);
exchange!(
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslAuthenticate,
    [Fixed(2), Text, Text, Fixed(8), END]
);
exchange!(
    MetadataRequest,
    MetadataResponse,
    Metadata,
    [
        Fixed(4),
        Array(&[Fixed(4), Text, Fixed(4), Text, END]),
        Text,
        Fixed(4),
        Array(&[
            Fixed(2),
            Text,
            Fixed(17),
            Array(&[Fixed(14), Array(&[Fixed(4)]), Array(&[Fixed(4)]), Array(&[Fixed(4)]), END]),
            Fixed(4),
            END,
        ]),
        END,
    ]
);
exchange!(
    DescribeClusterRequest,
    DescribeClusterResponse,
    DescribeCluster,
    [Fixed(6), Text, Text, Fixed(4), Array(&[Fixed(4), Text, Fixed(4), Text, END]), Fixed(4), END,]
);
exchange!(
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsets,
    [Fixed(4), Array(&[Text, Array(&[Fixed(26), END]), END]), END,]
);
exchange!(
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderEpoch,
    [Fixed(4), Array(&[Text, Array(&[Fixed(18), END]), END]), END,]
);
exchange!(
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    DescribeConfigs,
    [
        Fixed(4),
        Array(&[
            Fixed(2),
            Text,
            Fixed(1),
            Text,
            Array(&[Text, Text, Fixed(3), Array(&[Text, Text, Fixed(1), END]), Fixed(1), Text, END]),
            END,
        ]),
        END,
    ]
);
exchange!(
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeProducers,
    [Fixed(4), Array(&[Text, Array(&[Fixed(6), Text, Array(&[Fixed(36), END]), END]), END]), END,]
);
exchange!(
    ListGroupsRequest,
    ListGroupsResponse,
    ListGroups,
    [Fixed(6), Array(&[Text, Text, Text, END]), END]
);
exchange!(
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetch,
    [
        Fixed(4),
        Array(&[Text, Array(&[Text, Array(&[Fixed(16), Text, Fixed(2), END]), END]), Fixed(2), END]),
        END,
    ]
);
exchange!(
    DescribeAclsRequest,
    DescribeAclsResponse,
    DescribeAcls,
    [Fixed(6), Text, Array(&[Fixed(1), Text, Fixed(1), Array(&[Text, Text, Fixed(2), END]), END]), END,]
);
exchange!(
    ProduceRequest,
    ProduceResponse,
    Produce,
    [Array(&[Text, Array(&[Fixed(30), Array(&[Fixed(4), Text, END]), Text, END]), END,]), Fixed(4), END,]
);
exchange!(
    FetchRequest,
    FetchResponse,
    Fetch,
    [
        Fixed(10),
        Array(&[
            Fixed(16),
            Array(&[
                Fixed(30),
                Array(&[Fixed(16), END]),
                Fixed(4),
                Text,
                Tags(&[(0, &[Fixed(12), END]), (1, &[Fixed(8), END]), (2, &[Fixed(12), END])]),
            ]),
            END,
        ]),
        END,
    ]
);

exchange!(
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    FindCoordinator,
    [Fixed(4), Array(&[Text, Fixed(4), Text, Fixed(6), Text, END]), END]
);
// Bytes have the form of texts.
exchange!(
    JoinGroupRequest,
    JoinGroupResponse,
    JoinGroup,
    [Fixed(10), Text, Text, Text, Text, Array(&[Text, Text, Text, END]), END]
);
exchange!(SyncGroupRequest, SyncGroupResponse, SyncGroup, [Fixed(6), Text, Text, Text, END]);
exchange!(HeartbeatRequest, HeartbeatResponse, Heartbeat, [Fixed(6), END]);
exchange!(
    LeaveGroupRequest,
    LeaveGroupResponse,
    LeaveGroup,
    [Fixed(6), Array(&[Text, Text, Fixed(2), END]), END]
);

/// A request as a frame, its length included.
pub(crate) fn encode<R: Exchange>(
    request: &R,
    correlation: i32,
    client_id: &StrBytes,
) -> Result<Wiped, ProtocolError> {
    let refused = |why: &dyn std::fmt::Display| ProtocolError::Encode { why: why.to_string() };
    let version = R::API.version();
    let header = RequestHeader::default()
        .with_request_api_key(R::API.key())
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(client_id.clone()));
    let header_version = R::header_version(version);
    let size = header
        .compute_size(header_version)
        .and_then(|header| request.compute_size(version).map(|body| header + body))
        .map_err(|error| refused(&error))?;
    let length = i32::try_from(size).map_err(|error| refused(&error))?;
    let mut frame = Wiped::with_capacity(4 + size);
    frame.bytes_mut().extend_from_slice(&length.to_be_bytes());
    header
        .encode(frame.bytes_mut(), header_version)
        .and_then(|()| request.encode(frame.bytes_mut(), version))
        .map_err(|error| refused(&error))?;
    if frame.len() != 4 + size {
        return Err(refused(&"its size was computed wrongly"));
    }
    Ok(frame)
}

/// The answer in a frame. Never panics, and sets aside no more than a fixed multiple of the frame's bytes.
pub(crate) fn decode<R: Exchange>(mut frame: Bytes, correlation: i32) -> Result<R::Response, ProtocolError> {
    let found = frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes)).ok_or(ProtocolError::Short)?;
    if found != correlation {
        return Err(ProtocolError::Correlation { expected: correlation, found });
    }
    let version = R::API.version();
    let header_version = <R::Response as HeaderVersion>::header_version(version);
    let header: &[Shape] = if header_version == 0 { &[Fixed(4)] } else { &[Fixed(4), END] };
    shape::check_two(header, R::ANSWER, &frame)?;
    let refused = |error: &dyn std::fmt::Display| ProtocolError::Decode { why: error.to_string() };
    ResponseHeader::decode(&mut frame, header_version).map_err(|error| refused(&error))?;
    let answer = R::Response::decode(&mut frame, version).map_err(|error| refused(&error))?;
    match frame.remaining() {
        0 => Ok(answer),
        bytes => Err(ProtocolError::LeftOver { bytes }),
    }
}
