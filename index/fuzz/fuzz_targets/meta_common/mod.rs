//! Fitting checksums around any bytes, so that fuzzing reaches what lies behind them.

use firnline_index::Crc32c;

/// An envelope of `kind` around `body`, as docs/formats/manifest.md describes it.
#[allow(dead_code, reason = "each target uses one of the two")]
pub fn sealed(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"FIRNLMAN".to_vec();
    bytes.extend(firnline_index::FORMAT_VERSION.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(u32::try_from(body.len()).expect("inputs are short").to_le_bytes());
    let crc = Crc32c::of(&[&bytes[..], body].concat());
    bytes.extend(crc.get().to_le_bytes());
    bytes.extend(body);
    bytes
}

/// `text` with a checksum behind it, as docs/formats/marker.md describes it.
#[allow(dead_code, reason = "each target uses one of the two")]
pub fn checked(text: &[u8]) -> Vec<u8> {
    let ending = format!(",\n  \"checksum\": \"crc32c:{}\"\n}}\n", Crc32c::of(text));
    [text, ending.as_bytes()].concat()
}
