//! AWS Signature Version 4 in the `Authorization` header: what Glue and S3 Tables want of a request.
//!
//! A pure function of the request, the keys and the time: it asks for nothing and keeps nothing. The path is encoded once
//! more than it stands in the request line, as all services but S3 have it; S3 itself is not signed here (the store does
//! that).

use super::auth::AwsKeys;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signable<'a> {
    /// `GET`, `POST`, …
    pub(crate) method: &'a str,
    /// As it stands in the request line, without the query; empty means `/`.
    pub(crate) path: &'a str,
    /// As it stands in the request line, without the question mark.
    pub(crate) query: &'a str,
    /// All headers that are to be signed, in any order and case; `host` has to be one of them.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub(crate) body: &'a [u8],
}

/// For whom and when it is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// `eu-central-1`
    pub(crate) region: &'a str,
    /// `glue`, `s3tables`
    pub(crate) service: &'a str,
    /// The time of the request, as it stands in its header `x-amz-date` ([`amz_date`]).
    pub(crate) date: &'a str,
}

/// The value of the header `Authorization`.
pub(crate) fn authorization(request: Signable<'_>, scope: Scope<'_>, keys: &AwsKeys) -> String {
    let headers = canonical_headers(request.headers);
    let signed = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let canonical = canonical_request(request, &headers, &signed);
    let day = scope.date.get(..8).unwrap_or(scope.date);
    let credential = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{credential}\n{}", scope.date, sha256_hex(canonical.as_bytes()));
    let key = signing_key(keys.secret_access_key.expose(), day, scope);
    let signature = hex(&hmac(&key, to_sign.as_bytes()));
    let id = &keys.access_key_id;
    format!("AWS4-HMAC-SHA256 Credential={id}/{credential}, SignedHeaders={signed}, Signature={signature}")
}

/// A moment as AWS writes it: `20150830T123600Z`.
pub(crate) fn amz_date(now_ms: i64) -> String {
    let seconds = now_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The SHA-256 of some bytes in lowercase hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`): years begin in March there,
/// so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn canonical_request(request: Signable<'_>, headers: &[(String, String)], signed: &str) -> String {
    let path = if request.path.is_empty() { "/" } else { request.path };
    let mut text =
        format!("{}\n{}\n{}\n", request.method, encode(path, true), canonical_query(request.query));
    for (name, value) in headers {
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{signed}\n{}", sha256_hex(request.body));
    text
}

/// Names in lower case and order, values trimmed and with single spaces; of one name several values are joined.
fn canonical_headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut canonical: Vec<(String, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        match canonical.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => canonical.push((name, value)),
        }
    }
    canonical.sort();
    canonical
}

/// Pairs in the order of their encoded names and values. What the request line has encoded is decoded first, so that
/// either way of encoding signs the same.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode_bytes(&decode(name), false), encode_bytes(&decode(value), false))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Percent-encoding as AWS wants it: everything but letters, digits and `-._~`, and slashes where they part a path.
pub(crate) fn encode(text: &str, keep_slashes: bool) -> String {
    encode_bytes(text.as_bytes(), keep_slashes)
}

fn encode_bytes(bytes: &[u8], keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slashes && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Undoes percent-encoding; a percent sign that is followed by no two hex digits stands for itself.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = text
            .get(at + 1..at + 3)
            .filter(|digits| byte == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

fn signing_key(secret: &str, day: &str, scope: Scope<'_>) -> [u8; 32] {
    let date = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    let region = hmac(&date, scope.region.as_bytes());
    let service = hmac(&region, scope.service.as_bytes());
    hmac(&service, b"aws4_request")
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
