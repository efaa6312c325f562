//! Who a client is: SASL, from the mechanism to the proof. A state machine from messages to answers; the socket is
//! `connection`'s.
//!
//! ```text
//!              SaslHandshake            token             proof
//!   Nobody ───────────────────► Chosen ───────► Asked ───────────► somebody
//!     ▲                            │  (SCRAM)                       │  SaslHandshake: again, KIP-368
//!     └── refused: the connection ◄┴──── PLAIN: one token ──────────┘
//! ```
//!
//! A refusal tells neither whether the name is known nor what was wrong, and comes after a second. Passwords are compared
//! in constant time, by their hashes.

mod attempts;
mod hash;
mod plain;
mod scram;
mod users;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firnline_store::env::Random;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::kafka_error::KafkaError;
use super::rights::Principal;
pub(crate) use attempts::network;
use attempts::{Attempts, PENALTY};
pub use hash::{Hash, Hashed, ITERATIONS};
pub use users::{Users, UsersError, is_name};

/// The mechanisms that are offered, by Kafka's names.
pub(crate) const MECHANISMS: [&str; 3] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"];

/// What all logins share.
pub(crate) struct Logins {
    users: watch::Receiver<Arc<Users>>,
    /// How long a login holds; `None` as long as its connection.
    lifetime: Option<Duration>,
    attempts: Attempts,
    random: Arc<dyn Random>,
    /// For what users who are not there seem to have.
    secret: [u8; 32],
}

/// Somebody who has proved who he is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    name: Arc<str>,
    mechanism: Mechanism,
    /// The hash of the password that he proved to know.
    proven: Arc<Hashed>,
    until: Option<Instant>,
}

/// One client's login.
pub(crate) struct Login<'l> {
    logins: &'l Logins,
    from: IpAddr,
    stage: Stage,
    /// Who he was before he began to log in again.
    identity: Option<Identity>,
}

enum Stage {
    Nobody,
    Chosen { mechanism: Mechanism, bare: bool },
    Asked { mechanism: Mechanism, bare: bool, asked: scram::Asked },
    Somebody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram(Hash),
}

/// What a token is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) token: Vec<u8>,
    /// How long the login holds, in milliseconds; 0 for as long as the connection.
    pub(crate) lifetime_ms: i64,
}

/// A login that failed; its connection is closed once that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the mechanism is not offered")]
    Mechanism,
    #[error("the login is out of order")]
    State,
    #[error("the login failed")]
    Credentials,
}

impl Refused {
    pub(crate) const fn kafka(self) -> KafkaError {
        match self {
            Self::Mechanism => KafkaError::UnsupportedSaslMechanism,
            Self::State => KafkaError::IllegalSaslState,
            Self::Credentials => KafkaError::SaslAuthenticationFailed,
        }
    }
}

impl Logins {
    pub(crate) fn new(
        users: watch::Receiver<Arc<Users>>,
        lifetime: Option<Duration>,
        random: Arc<dyn Random>,
    ) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self { users, lifetime, attempts: Attempts::new(), random, secret }
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.borrow())
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl<'l> Login<'l> {
    pub(crate) fn new(logins: &'l Logins, from: IpAddr) -> Self {
        Self { logins, from, stage: Stage::Nobody, identity: None }
    }

    /// Who asks; `None` before the login, in the middle of another one, when it has run out, and when the user or his
    /// password is another one by now.
    pub(crate) fn principal(&self) -> Option<Principal> {
        let identity = self.identity.as_ref().filter(|_| matches!(self.stage, Stage::Somebody))?;
        let runs = identity.until.is_none_or(|until| Instant::now() < until);
        let stands = self.logins.users.borrow().has(&identity.name, &identity.proven);
        (runs && stands).then(|| Principal::User(Arc::clone(&identity.name)))
    }

    /// Whether no part of a login is to come.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Somebody)
    }

    /// Whether the next frame is a token without a request around it, as after version 0 of SaslHandshake.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.stage, Stage::Chosen { bare: true, .. } | Stage::Asked { bare: true, .. })
    }

    /// Takes a SaslHandshake of this version.
    pub(crate) fn choose(&mut self, mechanism: &str, version: i16) -> Result<(), Refused> {
        if !matches!(self.stage, Stage::Nobody | Stage::Somebody) {
            return Err(Refused::State);
        }
        let mechanism = Mechanism::named(mechanism).ok_or(Refused::Mechanism)?;
        if self.identity.as_ref().is_some_and(|before| before.mechanism != mechanism) {
            return Err(Refused::Mechanism);
        }
        self.stage = Stage::Chosen { mechanism, bare: version == 0 };
        Ok(())
    }

    /// Takes a token. Waits for its turn among the attempts of its address. Not cancel safe: a login that was dropped here
    /// begins anew.
    pub(crate) async fn token(&mut self, token: &[u8]) -> Result<Answer, Refused> {
        match std::mem::replace(&mut self.stage, Stage::Nobody) {
            Stage::Nobody | Stage::Somebody => Err(Refused::State),
            Stage::Chosen { mechanism: Mechanism::Plain, .. } => self.plain(token).await,
            Stage::Chosen { mechanism: mechanism @ Mechanism::Scram(hash), bare } => {
                let first = scram::First::read(token).ok_or(Refused::Credentials)?;
                let found = self.logins.users().find(&first.user, Some(hash)).cloned();
                let is_there = found.is_some();
                let nobody = || Arc::new(Hashed::of_nobody(hash, &first.user, &self.logins.secret));
                let kept = found.unwrap_or_else(nobody);
                let mut nonce = [0; 24];
                self.logins.random.fill(&mut nonce);
                let (token, asked) = first.ask(kept, is_there, &STANDARD.encode(nonce));
                self.stage = Stage::Asked { mechanism, bare, asked };
                Ok(Answer { token, lifetime_ms: 0 })
            }
            Stage::Asked { mechanism, asked, .. } => {
                let attempt = self.logins.attempts.begin(self.from).await;
                let checked = asked.check(token).map(|(answer, user, kept)| (answer, user, mechanism, kept));
                let answer = self.accept(checked);
                if answer.is_err() {
                    sleep(PENALTY).await;
                }
                drop(attempt);
                answer
            }
        }
    }

    async fn plain(&mut self, token: &[u8]) -> Result<Answer, Refused> {
        let (user, password) = plain::read(token).ok_or(Refused::Credentials)?;
        let attempt = self.logins.attempts.begin(self.from).await;
        let found = self.logins.users().find(user, None).cloned();
        let is_there = found.is_some();
        let nobody = || Arc::new(Hashed::of_nobody(Hash::Sha512, user, &self.logins.secret));
        let kept = found.unwrap_or_else(nobody);
        let (password, place) = (Zeroizing::new(password.to_vec()), self.logins.attempts.hashing().await);
        let hashed = tokio::task::spawn_blocking(move || {
            let _place = place;
            kept.is_of(&password).then_some(kept)
        });
        // One that panicked, or did not run because the process ends, proves nothing.
        let proven = hashed.await.ok().flatten().filter(|_| is_there);
        let answer = self.accept(proven.map(|kept| (Vec::new(), user.to_owned(), Mechanism::Plain, kept)));
        if answer.is_err() {
            sleep(PENALTY).await;
        }
        drop(attempt);
        answer
    }

    /// The end of a login. Who logs in again on a connection must be who he was.
    fn accept(
        &mut self,
        proven: Option<(Vec<u8>, String, Mechanism, Arc<Hashed>)>,
    ) -> Result<Answer, Refused> {
        let (token, name, mechanism, proven) = proven.ok_or(Refused::Credentials)?;
        if self.identity.as_ref().is_some_and(|before| *before.name != *name) {
            return Err(Refused::Credentials);
        }
        let lifetime = self.logins.lifetime;
        let until = lifetime.map(|lifetime| Instant::now() + lifetime);
        self.identity = Some(Identity { name: name.into(), mechanism, proven, until });
        self.stage = Stage::Somebody;
        let lifetime_ms =
            lifetime.map_or(0, |lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
        Ok(Answer { token, lifetime_ms })
    }
}

impl Mechanism {
    fn named(name: &str) -> Option<Self> {
        match name {
            "PLAIN" => Some(Self::Plain),
            _ => Hash::ALL.into_iter().find(|hash| hash.mechanism() == name).map(Self::Scram),
        }
    }
}
