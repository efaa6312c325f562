//! Any stream in any pieces: each byte comes out once and in order, and no more is asked for than came, plus a little.
#![no_main]

use bytes::BytesMut;
use firnline_proxy::wire::{RequestHeader, Splitter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [step, which, stream @ ..] = bytes else { return };
    let mut splitter = Splitter::new(4096);
    let (mut buffer, mut out, mut frames) = (BytesMut::new(), Vec::new(), 0_u8);
    for chunk in stream.chunks(usize::from(*step).max(1)) {
        buffer.extend_from_slice(chunk);
        loop {
            if splitter.is_passing() {
                let Some(piece) = splitter.piece(&mut buffer) else { break };
                out.extend_from_slice(&piece);
                continue;
            }
            if which >> (frames % 8) & 1 == 0 {
                match splitter.pass(&buffer) {
                    Ok(true) => frames = frames.wrapping_add(1),
                    Ok(false) => break,
                    Err(_) => return,
                }
                continue;
            }
            match splitter.whole(&mut buffer) {
                Ok(Some(frame)) => {
                    frames = frames.wrapping_add(1);
                    let _ = RequestHeader::read(&frame);
                    out.extend_from_slice(&i32::try_from(frame.len()).expect("short").to_be_bytes());
                    out.extend_from_slice(&frame);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let room = splitter.room(&buffer).expect("its front was looked at before");
        assert!(room <= buffer.len().max(16 << 10));
    }
    out.extend_from_slice(&buffer);
    assert_eq!(out, stream);
});
