//! The messages of SASL PLAIN (RFC 4616) and OAUTHBEARER (RFC 7628, as Kafka reads it).

use firnline_store::Secret;

use crate::wire::Wiped;

/// The one message of PLAIN.
pub(super) fn plain(user: &str, password: &Secret) -> Wiped {
    joined(&[b"\0", user.as_bytes(), b"\0", password.expose().as_bytes()])
}

/// The first message of OAUTHBEARER; `None` where the token holds what a token cannot (RFC 6750), such as an end of line,
/// which would cut the message short.
pub(super) fn bearer(token: &Secret) -> Option<Wiped> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let token = token.expose().as_bytes();
    let sound = !token.is_empty() && token.iter().all(|&b| legal(b));
    sound.then(|| joined(&[b"n,,\x01auth=Bearer ", token, b"\x01\x01"]))
}

/// The answer to a refusal, which ends the exchange.
pub(super) const BEARER_END: &[u8] = b"\x01";

pub(super) fn joined(parts: &[&[u8]]) -> Wiped {
    let mut all = Wiped::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        all.bytes_mut().extend_from_slice(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_rfcs_say() {
        assert_eq!(&*plain("tim", &"tanstaaf".into()), b"\0tim\0tanstaaf");
        assert_eq!(&*bearer(&"ab.c-1=".into()).unwrap(), b"n,,\x01auth=Bearer ab.c-1=\x01\x01");
        for bad in ["", "a b", "a\x01b", "a\nb", "\u{e9}"] {
            assert!(bearer(&bad.into()).is_none(), "{bad:?}");
        }
    }
}
