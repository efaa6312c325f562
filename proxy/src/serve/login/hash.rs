//! Passwords as they are kept: what SCRAM (RFC 5802) stores, from which no password can be told but by guessing.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firnline_store::Secret;
use firnline_store::env::Random;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How often a password is hashed where nobody says: about 10 ms of a guess, and of a login.
pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(16_384).expect("it is not zero");

/// Below this a stolen file is too cheap to guess from; above it a login would hold a thread for long.
pub(super) const ITERATIONS_TAKEN: std::ops::RangeInclusive<u32> = 4_096..=200_000;

/// The bytes of a new salt.
const SALT_BYTES: usize = 24;

/// What a password is hashed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Kafka's name of the login with it.
    #[must_use]
    pub const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

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

    pub(super) fn bytes(self) -> usize {
        self.digest().output_len()
    }
}

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed {
    pub(super) hash: Hash,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: NonZeroU32,
    pub(super) stored_key: Vec<u8>,
    pub(super) server_key: Vec<u8>,
}

impl Hashed {
    /// Hashes a password, with a salt of its own. Takes milliseconds of computing.
    #[must_use]
    pub fn new(hash: Hash, password: &Secret, iterations: NonZeroU32, random: &dyn Random) -> Self {
        let mut salt = vec![0; SALT_BYTES];
        random.fill(&mut salt);
        Self::with_salt(hash, password.expose().as_bytes(), iterations, salt)
    }

    pub(super) fn with_salt(hash: Hash, password: &[u8], iterations: NonZeroU32, salt: Vec<u8>) -> Self {
        let mut salted = Zeroizing::new(vec![0; hash.bytes()]);
        pbkdf2::derive(hash.pbkdf2(), iterations, &salt, password, &mut salted);
        let key = hmac::Key::new(hash.hmac(), &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        Self {
            hash,
            salt,
            iterations,
            stored_key: digest::digest(hash.digest(), client_key.as_ref()).as_ref().to_vec(),
            server_key: hmac::sign(&key, b"Server Key").as_ref().to_vec(),
        }
    }

    /// What stands in the place of a user who is not there, so that an answer does not tell. The salt is the same each time
    /// that a name is tried.
    pub(super) fn of_nobody(hash: Hash, name: &str, secret: &[u8; 32]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), name.as_bytes());
        Self {
            hash,
            salt: tag.as_ref()[..SALT_BYTES].to_vec(),
            iterations: ITERATIONS,
            // No digest is likely to be all zeros, and whoever found one is refused all the same: see `Users::find`.
            stored_key: vec![0; hash.bytes()],
            server_key: vec![0; hash.bytes()],
        }
    }

    /// Whether it is this password. Takes milliseconds of computing, the same for every password.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        let tried = Self::with_salt(self.hash, password, self.iterations, self.salt.clone());
        tried.stored_key.ct_eq(&self.stored_key).into()
    }

    /// Whether a proof is that of somebody who knows the password.
    pub(super) fn is_proven(&self, auth_message: &[u8], proof: &[u8]) -> bool {
        if proof.len() != self.hash.bytes() {
            return false;
        }
        let signature = hmac::sign(&hmac::Key::new(self.hash.hmac(), &self.stored_key), auth_message);
        let client_key = proof.iter().zip(signature.as_ref()).map(|(proof, sign)| proof ^ sign);
        let client_key = Zeroizing::new(client_key.collect::<Vec<u8>>());
        digest::digest(self.hash.digest(), &client_key).as_ref().ct_eq(&self.stored_key).into()
    }

    /// Proves to the client that this side knows of the password, too.
    pub(super) fn signature(&self, auth_message: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.hash.hmac(), &self.server_key), auth_message).as_ref().to_vec()
    }

    /// As a line of a users file.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        let [salt, stored, server] =
            [&self.salt, &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        format!("{name} {} {} {salt} {stored} {server}", self.hash.mechanism(), self.iterations)
    }
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hashed({}, redacted)", self.hash.mechanism())
    }
}
