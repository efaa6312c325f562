//! A producer snapshot: what a broker knows of the producers of a partition where a segment ends.
//!
//! ```text
//! 0          2           6            10
//! ┌──────────┬───────────┬────────────┬─────────┬─────────┬───┐
//! │ version  │ crc32c    │ entries    │ entry 0 │ entry 1 │ … │
//! └──────────┴───────────┴────────────┴─────────┴─────────┴───┘
//!                         ╰─ what the checksum covers ─────────╯
//! entry of 46 bytes: producer id 8, epoch 2, last sequence 4, last offset 8, offset delta 4, timestamp 8,
//!                    coordinator epoch 4, first offset of the open transaction 8
//! ```
//! Numbers are big-endian. Version 1 is the only one that brokers up to 4.4 write.

use firnline_index::transactions::OpenTransaction;
use firnline_index::{Crc32c, Offset, ProducerId, TimestampMs};

const VERSION: i16 = 1;
const HEADER_LEN: usize = 10;
/// What stands before the bytes that the checksum covers.
const COVERED_AT: usize = 6;
const ENTRY_LEN: usize = 46;

/// A producer snapshot that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Shorter than a snapshot of no producers.
    #[error("it has {length} bytes, a producer snapshot has {HEADER_LEN} at least")]
    Short {
        /// How many there are.
        length: usize,
    },
    /// A version that this build does not know.
    #[error("its version is {version}; version {VERSION} is known")]
    Version {
        /// What stands there.
        version: i16,
    },
    /// The checksum does not match.
    #[error("its crc32c is {stored}, computed {computed}")]
    Crc {
        /// The checksum in it.
        stored: Crc32c,
        /// The checksum of its bytes.
        computed: Crc32c,
    },
    /// Another number of entries than there is room for.
    #[error("it announces {announced} entries in {length} bytes")]
    Entries {
        /// What it says.
        announced: i32,
        /// How many bytes of entries follow.
        length: usize,
    },
    /// A producer with an id that cannot be.
    #[error("entry {number} is of producer {id}")]
    Producer {
        /// Counted from 0.
        number: usize,
        /// The id.
        id: i64,
    },
}

/// The transactions that a snapshot tells as open, by first offset.
///
/// # Errors
/// Anything that is not a whole snapshot of a known version.
pub fn open_transactions(snapshot: &[u8]) -> Result<Vec<OpenTransaction>, SnapshotError> {
    let short = SnapshotError::Short { length: snapshot.len() };
    let (header, entries) = snapshot.split_at_checked(HEADER_LEN).ok_or(short)?;
    let version = i16::from_be_bytes(field(header, 0));
    if version != VERSION {
        return Err(SnapshotError::Version { version });
    }
    let stored = Crc32c::new(u32::from_be_bytes(field(header, 2)));
    let computed = Crc32c::of(&snapshot[COVERED_AT..]);
    if stored != computed {
        return Err(SnapshotError::Crc { stored, computed });
    }
    let announced = i32::from_be_bytes(field(header, 6));
    let (entries, rest) = entries.as_chunks::<ENTRY_LEN>();
    if !rest.is_empty() || usize::try_from(announced) != Ok(entries.len()) {
        let length = entries.len() * ENTRY_LEN + rest.len();
        return Err(SnapshotError::Entries { announced, length });
    }
    let mut open = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let id = i64::from_be_bytes(field(entry, 0));
        let producer = ProducerId::new(id).map_err(|_| SnapshotError::Producer { number, id })?;
        let Some(first_offset) = Offset::from_kafka(i64::from_be_bytes(field(entry, 38))) else { continue };
        let last_timestamp = TimestampMs::from_kafka(i64::from_be_bytes(field(entry, 26)));
        open.push(OpenTransaction { producer, first_offset, last_timestamp });
    }
    open.sort_by_key(|transaction| (transaction.first_offset, transaction.producer));
    Ok(open)
}

/// A snapshot that tells nothing but the open transactions: whoever replays a log from there closes each with its marker.
///
/// Epochs are 0, below any that a marker may bear; sequences and the offset of a last batch are left out. So no batch is ever
/// taken for a duplicate or for out of order because of it.
#[must_use]
pub fn snapshot_of_open(open: &[OpenTransaction]) -> Vec<u8> {
    let mut covered = Vec::with_capacity(4 + open.len() * ENTRY_LEN);
    covered.extend(i32::try_from(open.len()).unwrap_or(i32::MAX).to_be_bytes());
    for transaction in open {
        covered.extend(transaction.producer.get().to_be_bytes());
        covered.extend(0_i16.to_be_bytes());
        covered.extend((-1_i32).to_be_bytes());
        covered.extend((-1_i64).to_be_bytes());
        covered.extend(0_i32.to_be_bytes());
        covered.extend(transaction.last_timestamp.map_or(-1, TimestampMs::get).to_be_bytes());
        covered.extend((-1_i32).to_be_bytes());
        covered.extend(transaction.first_offset.get().to_be_bytes());
    }
    let crc = Crc32c::of(&covered).get();
    [&VERSION.to_be_bytes()[..], &crc.to_be_bytes(), &covered].concat()
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(producers: &[(i64, i64, i64)]) -> Vec<u8> {
        let mut covered = i32::try_from(producers.len()).expect("few").to_be_bytes().to_vec();
        for (id, timestamp, first) in producers {
            covered.extend(id.to_be_bytes());
            covered.extend(3_i16.to_be_bytes());
            covered.extend(17_i32.to_be_bytes());
            covered.extend(900_i64.to_be_bytes());
            covered.extend(2_i32.to_be_bytes());
            covered.extend(timestamp.to_be_bytes());
            covered.extend(5_i32.to_be_bytes());
            covered.extend(first.to_be_bytes());
        }
        let mut bytes = VERSION.to_be_bytes().to_vec();
        bytes.extend(Crc32c::of(&covered).get().to_be_bytes());
        bytes.extend(covered);
        bytes
    }

    fn told(bytes: &[u8]) -> Vec<(i64, i64)> {
        let open = open_transactions(bytes).expect("sound");
        open.iter().map(|open| (open.producer.get(), open.first_offset.get())).collect()
    }

    #[test]
    fn what_is_open_is_told_by_first_offset() {
        assert_eq!(told(&snapshot(&[])), []);
        let bytes = snapshot(&[(7, 1_000, 500), (8, 2_000, -1), (9, -1, 90)]);
        assert_eq!(told(&bytes), [(9, 90), (7, 500)]);
        let open = open_transactions(&bytes).expect("sound");
        assert_eq!(open[0].last_timestamp, None);
        assert_eq!(open[1].last_timestamp, TimestampMs::from_kafka(1_000));
    }

    #[test]
    fn what_is_told_of_open_transactions_is_read_again() {
        for producers in [&[][..], &[(9, -1, 90), (7, 1_000, 500)]] {
            let open = open_transactions(&snapshot(producers)).expect("sound");
            assert_eq!(open_transactions(&snapshot_of_open(&open)).expect("sound"), open);
        }
    }

    /// Written by a broker of version 4.3.1 for a partition with one producer whose transaction was open.
    #[test]
    fn what_a_broker_wrote_is_read() {
        let bytes = [
            0x00, 0x01, 0xc7, 0x06, 0x41, 0xdb, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x07, 0xd0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x32,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xa2, 0x2c, 0x3f, 0x4f, 0xe7, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x22,
        ];
        assert_eq!(told(&bytes), [(2_000, 34)]);
        let open = open_transactions(&bytes).expect("sound");
        assert_eq!(open[0].last_timestamp, TimestampMs::from_kafka(1_796_038_676_455));
    }

    #[test]
    fn what_is_not_whole_is_refused_by_what_is_wrong() {
        let good = snapshot(&[(7, 1_000, 500)]);
        for length in 0..good.len() {
            assert!(open_transactions(&good[..length]).is_err(), "{length}");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open_transactions(&bad).is_err(), "bit {bit}");
        }
        let mut newer = good;
        newer[1] = 2;
        assert_eq!(open_transactions(&newer), Err(SnapshotError::Version { version: 2 }));
        assert!(matches!(
            open_transactions(&snapshot(&[(-1, 0, 5)])),
            Err(SnapshotError::Producer { number: 0, id: -1 })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = open_transactions(&bytes);
        }
    }
}
