//! A stream taken apart, however it comes.

use bytes::{BufMut, BytesMut};
use firnline_proxy::wire::{FrameError, Splitter};
use proptest::prelude::*;

fn stream(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for payload in payloads {
        stream.extend_from_slice(&i32::try_from(payload.len()).unwrap().to_be_bytes());
        stream.extend_from_slice(payload);
    }
    stream
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in(
        payloads in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..400), any::<bool>()), 0..20),
        steps in prop::collection::vec(1..300_usize, 1..40),
    ) {
        // No payload's length looks like TLS: all are shorter than 512 bytes.
        let (frames, passing): (Vec<_>, Vec<_>) = payloads.into_iter().unzip();
        let bytes = stream(&frames);
        let mut splitter = Splitter::new(400);
        let (mut buffer, mut taken, mut out) = (BytesMut::new(), 0, Vec::new());
        let (mut left, mut steps) = (&bytes[..], steps.iter().cycle());
        loop {
            // Whole frames are put together again with their lengths, passing ones are as they came.
            loop {
                if splitter.is_passing() {
                    let Some(piece) = splitter.piece(&mut buffer) else { break };
                    out.extend_from_slice(&piece);
                } else if taken < passing.len() && passing[taken] {
                    if !splitter.pass(&buffer).unwrap() {
                        break;
                    }
                    taken += 1;
                } else {
                    let Some(frame) = splitter.whole(&mut buffer).unwrap() else { break };
                    prop_assert_eq!(&frame[..], &frames[taken][..]);
                    out.extend_from_slice(&stream(&[frame.to_vec()]));
                    taken += 1;
                }
            }
            if left.is_empty() {
                break;
            }
            let (step, rest) = left.split_at((*steps.next().unwrap()).min(left.len()));
            buffer.put_slice(step);
            left = rest;
        }
        prop_assert_eq!(taken, frames.len());
        prop_assert_eq!(out, bytes);
    }
}

#[test]
fn a_length_is_believed_as_far_as_bytes_arrive() {
    let mut splitter = Splitter::new(1 << 20);
    let mut buffer = BytesMut::from(&(1_i32 << 20).to_be_bytes()[..]);
    assert_eq!(splitter.front(&buffer).unwrap().unwrap().length, 1 << 20);
    assert_eq!(splitter.whole(&mut buffer).unwrap(), None);
    assert!(splitter.room(&buffer).unwrap() <= 16 << 10);
    buffer.extend_from_slice(&[0; 100_000]);
    assert!(splitter.room(&buffer).unwrap() <= 100_004);

    let mut long = BytesMut::from(&((1_i32 << 20) + 1).to_be_bytes()[..]);
    let error = splitter.whole(&mut long).unwrap_err();
    assert_eq!(error, FrameError::TooLong { length: (1 << 20) + 1, limit: 1 << 20 });
    // It may pass, though, and sets nothing aside.
    assert!(splitter.pass(&long).unwrap());
    assert_eq!(splitter.piece(&mut long).unwrap().len(), 4);
    assert_eq!(splitter.piece(&mut long), None);
    assert!(splitter.room(&long).unwrap() <= 16 << 10);
    // What comes is not taken for the front of another.
    let mut inside = BytesMut::from(&[0xff; 9][..]);
    assert_eq!(splitter.front(&inside), Ok(None));
    assert_eq!(splitter.whole(&mut inside), Ok(None));
    assert!(splitter.room(&inside).unwrap() <= 16 << 10);
    assert_eq!(splitter.piece(&mut inside).unwrap().len(), 9);
}

#[test]
fn what_is_no_frame_is_refused() {
    let splitter = Splitter::new(100);
    let negative = BytesMut::from(&[0xff, 0xff, 0xff, 0xfe][..]);
    assert_eq!(splitter.front(&negative), Err(FrameError::Negative { claimed: -2 }));
    let hello = BytesMut::from(&[0x16, 3, 1, 2, 0][..]);
    assert_eq!(splitter.front(&hello), Err(FrameError::SpeaksTls));
    assert_eq!(splitter.front(&hello[..3]), Ok(None));
}
