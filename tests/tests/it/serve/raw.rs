//! A fetch of raw record batches, by hand: what every client's library hides.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The answer for one partition.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) error: i16,
    pub(crate) high_watermark: i64,
    /// Whole batches, and perhaps the front of another.
    pub(crate) records: Vec<u8>,
}

/// A connection without a login.
pub(crate) struct Raw {
    stream: TcpStream,
    asked: i32,
}

impl Raw {
    pub(crate) fn connect(address: &str) -> Self {
        Self { stream: TcpStream::connect(address).expect("connect"), asked: 0 }
    }

    /// Fetch, version 11: the last without compact lengths, which knows every codec.
    pub(crate) fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> Fetched {
        self.asked += 1;
        let mut body = Vec::new();
        for number in [-1_i32, 500, 1, 4 << 20] {
            body.extend(number.to_be_bytes());
        }
        body.push(0);
        // No session.
        body.extend(0_i32.to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend(1_i32.to_be_bytes());
        text(&mut body, topic);
        body.extend(1_i32.to_be_bytes());
        body.extend(partition.to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend(offset.to_be_bytes());
        body.extend((-1_i64).to_be_bytes());
        body.extend((1_i32 << 20).to_be_bytes());
        body.extend(0_i32.to_be_bytes());
        text(&mut body, "");
        let mut frame = Vec::new();
        frame.extend(1_i16.to_be_bytes());
        frame.extend(11_i16.to_be_bytes());
        frame.extend(self.asked.to_be_bytes());
        text(&mut frame, "raw");
        frame.extend(body);
        let length = i32::try_from(frame.len()).expect("short").to_be_bytes();
        self.stream.write_all(&[&length[..], &frame].concat()).expect("ask");
        self.answer(topic, partition)
    }

    fn answer(&mut self, topic: &str, partition: i32) -> Fetched {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).expect("an answer");
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
        self.stream.read_exact(&mut frame).expect("all of it");
        let mut rest = &frame[..];
        assert_eq!(i32_of(&mut rest), self.asked);
        let _throttle = i32_of(&mut rest);
        assert_eq!(i16::from_be_bytes(take(&mut rest)), 0);
        let (_session, topics) = (i32_of(&mut rest), i32_of(&mut rest));
        assert_eq!(topics, 1);
        let name = i16::from_be_bytes(take(&mut rest));
        let name = bytes(&mut rest, i32::from(name));
        assert_eq!(name, topic.as_bytes());
        assert_eq!((i32_of(&mut rest), i32_of(&mut rest)), (1, partition));
        let error = i16::from_be_bytes(take(&mut rest));
        let high_watermark = i64::from_be_bytes(take(&mut rest));
        let _bounds: [u8; 16] = take(&mut rest);
        for _ in 0..i32_of(&mut rest).max(0) {
            let _aborted: [u8; 16] = take(&mut rest);
        }
        let _replica = i32_of(&mut rest);
        let length = i32_of(&mut rest);
        Fetched { error, high_watermark, records: bytes(&mut rest, length) }
    }
}

fn text(to: &mut Vec<u8>, text: &str) {
    to.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
    to.extend(text.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (front, behind) = rest.split_at(N);
    *rest = behind;
    front.try_into().expect("so many")
}

fn i32_of(rest: &mut &[u8]) -> i32 {
    i32::from_be_bytes(take(rest))
}

fn bytes(rest: &mut &[u8], length: i32) -> Vec<u8> {
    let (front, behind) = rest.split_at(usize::try_from(length).unwrap_or(0));
    *rest = behind;
    front.to_vec()
}
