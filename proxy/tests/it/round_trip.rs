//! What is read is written again to the byte, in every version; and nothing shorter or longer is taken for it.

use firnline_proxy::wire::{Message, Value, WireError, read_response};

use crate::frame::{framed, read, written};
use crate::sample::{Taste, sample};

/// How many messages of each kind and version.
const SEEDS: u64 = 40;

fn comes_back<'f, M: Message<'f> + std::fmt::Debug>(frame: &'f [u8], version: i16, named: &str) {
    let message: M = read(frame, version).unwrap_or_else(|error| panic!("{named}: {error}"));
    let bytes = written(&message, version);
    assert_eq!(&bytes[4..], frame, "{named}");
    assert_eq!(&bytes[..4], &i32::try_from(frame.len()).unwrap().to_be_bytes(), "{named}");
    assert!(!format!("{message:?}").is_empty());
    for cut in 0..frame.len().min(300) {
        let error = read::<M>(&frame[..cut], version).err();
        assert!(error.is_some(), "{named}: its first {cut} bytes were taken for it");
    }
}

#[test]
fn every_message_comes_back() {
    macro_rules! check {
        ($type:ty, $name:ident) => {
            let api = <$type as Message>::API;
            let walked = api.row().unwrap().walked.unwrap();
            for version in walked.min..=walked.max {
                for seed in 0..SEEDS {
                    let taste = Taste { unknown_tags: false };
                    let body = sample(<$type as Value>::KIND, api.form(version), seed, taste);
                    let frame = framed(api, <$type as Message>::SIDE, version, &body);
                    let named = format!("{} version {version} seed {seed}", stringify!($name));
                    comes_back::<$type>(&frame, version, &named);
                    let longer = [&frame[..], &[0]].concat();
                    let error = read::<$type>(&longer, version).err();
                    assert_eq!(error, Some(WireError::LeftOver { at: frame.len(), bytes: 1 }), "{named}");
                }
            }
        };
    }
    each_message!(check);
}

#[test]
fn tagged_fields_of_later_versions_are_passed_over() {
    let mut with_tags = 0;
    macro_rules! check {
        ($type:ty, $name:ident) => {
            let api = <$type as Message>::API;
            let version = api.row().unwrap().walked.unwrap().max;
            for seed in 0..SEEDS {
                let (form, kind) = (api.form(version), <$type as Value>::KIND);
                let body = sample(kind, form, seed, Taste { unknown_tags: true });
                with_tags += usize::from(body.windows(4).any(|window| window == [3, 1, 2, 3]));
                let frame = framed(api, <$type as Message>::SIDE, version, &body);
                let read = read::<$type>(&frame, version);
                assert!(read.is_ok(), "{} seed {seed}: {:?}", stringify!($name), read.err());
            }
        };
    }
    each_message!(check);
    assert!(with_tags > 500, "{with_tags} samples had unknown tagged fields");
}

#[test]
fn versions_without_a_table_are_refused() {
    macro_rules! check {
        ($type:ty, $name:ident) => {
            let api = <$type as Message>::API;
            let walked = api.row().unwrap().walked.unwrap();
            for version in [walked.min - 1, walked.max + 1] {
                let error = read_response::<$type>(&[0; 64], version).err();
                assert_eq!(error, Some(WireError::Version { api, version }), "{}", stringify!($name));
            }
        };
    }
    each_message!(check);
}
