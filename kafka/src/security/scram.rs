//! SCRAM (RFC 5802, RFC 7677), the client's half, without channel binding, which Kafka does not have. Passwords are taken as
//! UTF-8 without SASLprep, as Kafka takes them.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firnline_store::Secret;
use ring::{digest, hmac, pbkdf2};

use super::plain::joined;
use crate::wire::Wiped;

/// Kafka stores credentials with 4,096 to 16,384 iterations. A server that asks for fewer makes a stolen exchange cheap to
/// guess from; one that asks for very many holds us up.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=100_000;

/// The hash that a SCRAM login is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// What the other side may do wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScramError {
    #[error("its message is not of the form the RFC gives")]
    Form,
    #[error("its nonce does not go on from ours")]
    Nonce,
    #[error("it asks for {0} iterations, 4096 to 100000 are taken")]
    Iterations(u32),
    #[error("it does not prove that it knows the password")]
    Proof,
    #[error("it refuses: {0}")]
    Refused(String),
}

/// A login that has sent its first message.
pub(super) struct Begun {
    hash: Hash,
    nonce: String,
    first_bare: String,
}

/// A login that has sent its second message: what the server must answer.
pub(super) struct Proven {
    server_key: hmac::Key,
    auth_message: Vec<u8>,
}

impl Begun {
    /// `nonce` is random text without a comma.
    pub(super) fn new(hash: Hash, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { hash, first_bare: format!("n={user},r={nonce}"), nonce }
    }

    /// The first message.
    pub(super) fn message(&self) -> Vec<u8> {
        format!("n,,{}", self.first_bare).into_bytes()
    }

    /// The second message, in answer to the server's first. Takes milliseconds of computing.
    pub(super) fn prove(
        &self,
        server_first: &[u8],
        password: &Secret,
    ) -> Result<(Wiped, Proven), ScramError> {
        let text = std::str::from_utf8(server_first).map_err(|_| ScramError::Form)?;
        let [nonce, salt, iterations] = fields(text, ["r=", "s=", "i="])?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(ScramError::Nonce);
        }
        let salt = STANDARD.decode(salt).map_err(|_| ScramError::Form)?;
        let iterations: u32 = iterations.parse().map_err(|_| ScramError::Form)?;
        if !ITERATIONS.contains(&iterations) {
            return Err(ScramError::Iterations(iterations));
        }
        let iterations = NonZeroU32::new(iterations).ok_or(ScramError::Form)?;

        let length = self.hash.digest().output_len();
        let mut salted = Wiped::with_capacity(length);
        salted.bytes_mut().resize(length, 0);
        let password = password.expose().as_bytes();
        pbkdf2::derive(self.hash.pbkdf2(), iterations, &salt, password, salted.bytes_mut());
        let key = hmac::Key::new(self.hash.hmac(), &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());

        let without_proof = format!("c=biws,r={nonce}");
        let auth_message = format!("{},{text},{without_proof}", self.first_bare).into_bytes();
        let signature = hmac::sign(&hmac::Key::new(self.hash.hmac(), stored_key.as_ref()), &auth_message);
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let message = joined(&[without_proof.as_bytes(), b",p=", STANDARD.encode(proof).as_bytes()]);
        let server_key = hmac::Key::new(self.hash.hmac(), hmac::sign(&key, b"Server Key").as_ref());
        Ok((message, Proven { server_key, auth_message }))
    }
}

impl Proven {
    /// Checks the server's last message: it must know the password, too.
    pub(super) fn check(&self, server_final: &[u8]) -> Result<(), ScramError> {
        let text = std::str::from_utf8(server_final).map_err(|_| ScramError::Form)?;
        if let Some(reason) = text.strip_prefix("e=") {
            return Err(ScramError::Refused(reason.chars().take(300).collect()));
        }
        let [signature] = fields(text, ["v="])?;
        let signature = STANDARD.decode(signature).map_err(|_| ScramError::Form)?;
        hmac::verify(&self.server_key, &self.auth_message, &signature).map_err(|_| ScramError::Proof)
    }
}

/// The values of a message's first attributes, which must have these names in this order. What follows is an extension.
fn fields<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[&'a str; N], ScramError> {
    let mut parts = text.split(',');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = parts.next().and_then(|part| part.strip_prefix(name)).ok_or(ScramError::Form)?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of RFC 7677.
    const FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn begun() -> Begun {
        Begun::new(Hash::Sha256, "user", "rOprNGfwEbeRWgbNEkqO".to_owned())
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        assert_eq!(begun().message(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (message, proven) = begun().prove(FIRST, &"pencil".into()).unwrap();
        let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(std::str::from_utf8(&message).unwrap(), expected);
        proven.check(LAST).unwrap();
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        let (_, proven) = begun().prove(FIRST, &"pencils".into()).unwrap();
        assert_eq!(proven.check(LAST), Err(ScramError::Proof));
        assert_eq!(proven.check(b"e=invalid-proof"), Err(ScramError::Refused("invalid-proof".to_owned())));
        assert_eq!(proven.check(b"v=!"), Err(ScramError::Form));
        assert_eq!(proven.check(b""), Err(ScramError::Form));
    }

    #[test]
    fn wrong_messages_are_refused() {
        let refused = |first: &str| begun().prove(first.as_bytes(), &"pencil".into()).map(drop).unwrap_err();
        assert_eq!(refused("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), ScramError::Nonce);
        assert_eq!(refused("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), ScramError::Nonce);
        let with = |i: &str| refused(&format!("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={i}"));
        assert_eq!(with("1"), ScramError::Iterations(1));
        assert_eq!(with("4294967295"), ScramError::Iterations(u32::MAX));
        assert_eq!(with("-1"), ScramError::Form);
        assert_eq!(refused("s=,r=,i="), ScramError::Form);
        assert_eq!(refused(""), ScramError::Form);
    }

    #[test]
    fn a_user_name_cannot_add_attributes() {
        let begun = Begun::new(Hash::Sha512, "a,b=c", "n".to_owned());
        assert_eq!(begun.message(), b"n,,n=a=2Cb=3Dc,r=n");
    }
}
