//! A key of a ring that is kept in files: wraps topic keys by AES-256-GCM.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{KEY_LEN, TopicKey};
use crate::ids::{ClusterId, KeyId, TopicId};

/// Random bytes that each wrapping takes. 2^32 wrappings under one ring key stay far from a collision.
pub const WRAP_NONCE_LEN: usize = 12;

/// What a wrapped key is bound to: it opens as this key of this topic alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapContext {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The topic.
    pub topic_id: TopicId,
    /// The topic key's id.
    pub key_id: KeyId,
}

impl WrapContext {
    fn aad(&self) -> Vec<u8> {
        // Only the first part varies in length, so that no two contexts have one text.
        [self.cluster_id.as_str().as_bytes(), self.topic_id.as_bytes(), self.key_id.as_bytes()].concat()
    }
}

/// The wrapped bytes do not open: another ring key of the same name, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the wrapped topic key does not authenticate: it was wrapped by another key of this name, or it was changed"
)]
pub struct WrapError;

/// A text that is no key. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected 32 bytes as base64 (44 characters) or hexadecimal (64 characters)")]
pub struct RingKeyTextError;

/// A ring key in the clear; wiped when dropped.
pub struct RingKey(Zeroizing<[u8; KEY_LEN]>);

impl RingKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(secret: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(secret)
    }

    /// Reads a key as base64 or hexadecimal; white space around it is ignored.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Self, RingKeyTextError> {
        let text = text.trim();
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        if text.len() == 2 * KEY_LEN && text.is_ascii() {
            for (at, byte) in secret.iter_mut().enumerate() {
                let digits = text.get(2 * at..2 * at + 2).ok_or(RingKeyTextError)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(RingKeyTextError);
                }
                *byte = u8::from_str_radix(digits, 16).map_err(|_| RingKeyTextError)?;
            }
            return Ok(Self(secret));
        }
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| RingKeyTextError)?);
        if bytes.len() != KEY_LEN {
            return Err(RingKeyTextError);
        }
        secret.copy_from_slice(&bytes);
        Ok(Self(secret))
    }

    /// Wraps a topic key: nonce ‖ ciphertext ‖ tag. `nonce` is drawn afresh for each call.
    #[must_use]
    pub fn wrap(&self, context: &WrapContext, key: &TopicKey, nonce: [u8; WRAP_NONCE_LEN]) -> Vec<u8> {
        // At its full size from the start: a buffer that grew would leave the key behind in freed memory.
        let mut sealed = Vec::with_capacity(KEY_LEN + 16);
        sealed.extend_from_slice(key.expose());
        self.cipher()
            .encrypt_in_place(&Nonce::from(nonce), &context.aad(), &mut sealed)
            .expect("a key is far below the length that AES-GCM takes");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`Self::wrap`] made.
    ///
    /// # Errors
    /// Bytes that this key did not wrap for this context.
    pub fn unwrap(&self, context: &WrapContext, wrapped: &[u8]) -> Result<TopicKey, WrapError> {
        let (nonce, sealed) = wrapped.split_first_chunk::<WRAP_NONCE_LEN>().ok_or(WrapError)?;
        if sealed.len() != KEY_LEN + 16 {
            return Err(WrapError);
        }
        let mut opened = Zeroizing::new(sealed.to_vec());
        self.cipher()
            .decrypt_in_place(&Nonce::from(*nonce), &context.aad(), &mut *opened)
            .map_err(|_| WrapError)?;
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        secret.copy_from_slice(opened.get(..KEY_LEN).ok_or(WrapError)?);
        Ok(TopicKey::new(context.key_id, secret))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(&self.0[..]).expect("a key of 32 bytes")
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingKey(…)")
    }
}
