//! Any bytes as any message: what is read is written, and what was written is read as the same.
#![no_main]

use firnline_proxy::wire::{
    Message, RequestHeader, Side, WireError, read_request, read_response, write_request, write_response,
};
use libfuzzer_sys::fuzz_target;

#[macro_use]
#[path = "../../tests/it/each.rs"]
mod each;

fn read<'f, M: Message<'f>>(body: &'f [u8], version: i16) -> Result<M, WireError> {
    match M::SIDE {
        Side::Request => {
            let (header, body) = RequestHeader::read(body)?;
            read_request(&header, body)
        }
        Side::Response => read_response(body, version),
    }
}

fn come_back<'f, M: Message<'f> + std::fmt::Debug>(frame: &'f [u8], version: i16) -> Option<Vec<u8>> {
    let message: M = read(frame, version).ok()?;
    assert!(!format!("{message:?}").is_empty());
    let written = match M::SIDE {
        Side::Request => write_request(&message, version, 1, None),
        Side::Response => write_response(&message, version, 1),
    };
    Some(written.expect("what was read can be written").into_bytes()[4..].to_vec())
}

fuzz_target!(|bytes: &[u8]| {
    let [which, pick, body @ ..] = bytes else { return };
    let mut at = 0_u8;
    macro_rules! check {
        ($type:ty, $name:ident) => {
            if at == *which {
                let api = <$type as Message>::API;
                let walked = api.row().and_then(|row| row.walked).expect("every message here has a table");
                let version = walked.min + i16::from(*pick) % (walked.max - walked.min + 1);
                let mut frame = Vec::new();
                if <$type as Message>::SIDE == Side::Request {
                    frame.extend_from_slice(&api.key().to_be_bytes());
                    frame.extend_from_slice(&version.to_be_bytes());
                }
                frame.extend_from_slice(body);
                if let Some(written) = come_back::<$type>(&frame, version) {
                    let again = come_back::<$type>(&written, version);
                    assert_eq!(again.as_deref(), Some(&written[..]));
                }
            }
            at += 1;
        };
    }
    each_message!(check);
    let _ = at;
});
