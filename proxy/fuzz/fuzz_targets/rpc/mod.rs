//! One RPC, its request and its answer, from any bytes: what is read is written, and what was written is read as the same.
//! A frame that is cut or changed nowhere comes out of a splice to the byte.

use std::fmt::Debug;

use bytes::Bytes;
use firnline_proxy::wire::{
    Message, RequestHeader, Side, WireError, read_request, read_response, splice, write_request, write_response,
};

/// The longest frame that is also put into words.
const SAID_BYTES: usize = 200;

/// `rpc!(Request, Response)`, or the answer alone where nobody reads the request.
macro_rules! rpc {
    ($($type:ty),+ $(,)?) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            let [which, pick, body @ ..] = bytes else { return };
            let sides = [$(<$type as firnline_proxy::wire::Message>::SIDE),+].len();
            let mut at = 0;
            $(
                if at == usize::from(*which) % sides {
                    let (version, frame) = rpc::frame::<$type>(*pick, body);
                    if let Some(written) = rpc::come_back::<$type>(&frame, version) {
                        let again = rpc::come_back::<$type>(&written, version);
                        assert_eq!(again.as_deref(), Some(&written[..]));
                        rpc::pass_unchanged(&frame);
                    }
                }
                at += 1;
            )+
            let _ = at;
        });
    };
}

/// Any version that is read, and the body as a frame of it, its length cut off.
pub fn frame<'f, M: Message<'f>>(pick: u8, body: &[u8]) -> (i16, Vec<u8>) {
    let walked = M::API.row().and_then(|row| row.walked).expect("every message here has a table");
    let version = walked.min + i16::from(pick) % (walked.max - walked.min + 1);
    let mut frame = Vec::new();
    if M::SIDE == Side::Request {
        frame.extend_from_slice(&M::API.key().to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
    }
    frame.extend_from_slice(body);
    (version, frame)
}

/// The frame as it is written again; `None` where it is refused.
pub fn come_back<'f, M: Message<'f> + Debug>(frame: &'f [u8], version: i16) -> Option<Vec<u8>> {
    let message: M = read(frame, version).ok()?;
    // What is said of a long one takes more time than all that is looked for here.
    assert!(frame.len() > SAID_BYTES || !format!("{message:?}").is_empty());
    let written = match M::SIDE {
        Side::Request => write_request(&message, version, 1, None),
        Side::Response => write_response(&message, version, 1),
    };
    Some(written.expect("what was read can be written").into_bytes()[4..].to_vec())
}

/// Without a splice the frame passes to the byte.
pub fn pass_unchanged(frame: &[u8]) {
    let passed = splice(&Bytes::copy_from_slice(frame), Vec::new()).expect("nothing is cut").into_bytes();
    assert_eq!(&passed[4..], frame);
}

fn read<'f, M: Message<'f>>(frame: &'f [u8], version: i16) -> Result<M, WireError> {
    match M::SIDE {
        Side::Request => {
            let (header, body) = RequestHeader::read(frame)?;
            read_request(&header, body)
        }
        Side::Response => read_response(frame, version),
    }
}
