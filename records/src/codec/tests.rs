use std::io::Read;

use proptest::prelude::*;

use super::*;

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn unpack(compression: Compression, packed: &[u8], magic: u8) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    reader(compression, Bytes::copy_from_slice(packed), magic, 1 << 20)?
        .take(1 << 20)
        .read_to_end(&mut plain)?;
    Ok(plain)
}

proptest! {
    #[test]
    fn what_was_packed_comes_back(
        plain in prop::collection::vec(any::<u8>(), 0..5_000),
        repeat in 1_usize..40,
        magic in 0_u8..3,
    ) {
        let plain = plain.repeat(repeat);
        for codec in CODECS {
            let packed = compress(codec, &plain, magic).unwrap();
            prop_assert_eq!(&unpack(codec, &packed, magic).unwrap(), &plain, "{:?}", codec);
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300), magic in 0_u8..3) {
        for codec in CODECS {
            let _ = unpack(codec, &noise, magic);
        }
    }
}

#[test]
fn a_bare_snappy_block_is_read_as_well_as_xerials_framing() {
    let plain = b"bare ".repeat(2_000);
    let bare = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    assert_eq!(unpack(Compression::Snappy, &bare, 2).unwrap(), plain);
}

#[test]
fn snappy_streams_end_to_end_are_read_as_one() {
    let mut packed = compress(Compression::Snappy, b"first ", 2).unwrap();
    packed.extend(compress(Compression::Snappy, b"second", 2).unwrap());
    assert_eq!(unpack(Compression::Snappy, &packed, 2).unwrap(), b"first second");
}

#[test]
fn a_snappy_block_that_claims_gigabytes_is_refused_before_it_is_allocated() {
    // A varint of 2^32 - 1, then nothing.
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let error = unpack(Compression::Snappy, &lie, 2).unwrap_err();
    assert_eq!(error.to_string(), "a block claims to be longer than the limit");
}

#[test]
fn a_chunk_longer_than_the_rest_is_refused() {
    let mut packed = compress(Compression::Snappy, &b"x".repeat(100), 2).unwrap();
    packed.pop();
    let error = unpack(Compression::Snappy, &packed, 2).unwrap_err();
    assert_eq!(error.to_string(), "a chunk is longer than what is left");
}
