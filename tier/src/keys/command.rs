//! A ring that a program keeps: a client of a key service. docs/guide/encryption.md describes what it is told and answers.
//!
//! The program is started without a shell for each key, with limits on time and output. Its standard error is repeated in
//! the message when it fails. Dropping the call, or running out of time, kills it.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firnline_index::topic_key::{KEY_LEN, MAX_WRAPPED_LEN, TopicKey, WrapContext};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::{KeyRing, RingError, Wrapping};

/// A key service may be slow, but nobody waits at a prompt.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The most that is read of what the program prints.
const OUTPUT_LIMIT: u64 = 16 << 10;
/// The most of its standard error that is repeated.
const SAID_LIMIT: usize = 500;

/// A ring that a program keeps.
#[derive(Debug)]
pub struct CommandRing {
    /// The program and its first arguments.
    command: Vec<String>,
    active: String,
    time_limit: Duration,
}

impl CommandRing {
    /// A ring kept by `command`, whose key `active` wraps new topic keys.
    #[must_use]
    pub fn new(command: Vec<String>, active: String) -> Self {
        Self { command, active, time_limit: TIME_LIMIT }
    }

    /// The same with another limit on each call.
    #[must_use]
    pub fn within(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    fn failed(&self, why: impl Into<String>, source: Option<std::io::Error>) -> RingError {
        let program = self.command.first().cloned().unwrap_or_default();
        RingError::Command { program, why: why.into(), source }
    }

    /// One call: `given` is a member of the question, `wanted` one of the answer; both are bytes as base64.
    async fn ask(
        &self,
        verb: &str,
        context: &WrapContext,
        ring_key: &str,
        given: (&str, &[u8]),
        wanted: &str,
    ) -> Result<Zeroizing<Vec<u8>>, RingError> {
        let given_text = Zeroizing::new(STANDARD.encode(given.1));
        let head = json!({
            "v": 0,
            "cluster_id": context.cluster_id.to_string(),
            "topic_id": context.topic_id.to_string(),
            "key_id": context.key_id.to_string(),
            "ring_key": ring_key,
        });
        // Put together by hand, so that the key stands in memory that is wiped.
        let head = head.to_string();
        let question = Zeroizing::new(format!(
            "{},\"{}\":\"{}\"}}\n",
            head.trim_end_matches('}'),
            given.0,
            given_text.as_str()
        ));
        let answer = tokio::time::timeout(self.time_limit, self.run(verb, question.as_bytes())).await;
        let answer = answer.map_err(|_| {
            self.failed(format!("did not end within {} s", self.time_limit.as_secs()), None)
        })??;
        let bad = || {
            self.failed(format!("printed something other than a JSON object with {wanted:?} as base64"), None)
        };
        let value: Value = serde_json::from_slice(&answer).map_err(|_| bad())?;
        let text = value.get(wanted).and_then(Value::as_str).ok_or_else(bad)?;
        STANDARD.decode(text).map(Zeroizing::new).map_err(|_| bad())
    }

    async fn run(&self, verb: &str, question: &[u8]) -> Result<Zeroizing<Vec<u8>>, RingError> {
        let (program, arguments) = self.command.split_first().ok_or_else(|| self.failed("is empty", None))?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed("did not start", Some(error)))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read what it is told says itself what is wrong.
                let _ = stdin.write_all(question).await;
            }
            Ok(())
        };
        let output = tokio::try_join!(write, read(stdout), read(stderr));
        let ((), stdout, stderr) = output.map_err(|error| self.failed("could not be read", Some(error)))?;
        // Before its status: a program that is cut off meets a closed pipe.
        if stdout.len() as u64 > OUTPUT_LIMIT {
            return Err(self.failed(format!("printed more than {OUTPUT_LIMIT} bytes"), None));
        }
        let status =
            child.wait().await.map_err(|error| self.failed("could not be waited for", Some(error)))?;
        if !status.success() {
            let said: String = String::from_utf8_lossy(&stderr).trim().chars().take(SAID_LIMIT).collect();
            let said = if said.is_empty() { "without a word".to_owned() } else { format!("saying: {said}") };
            return Err(self.failed(format!("{verb} ended with {status}, {said}"), None));
        }
        Ok(stdout)
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // At its full size from the start: a buffer that grew would leave keys behind in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(OUTPUT_LIMIT + 64).unwrap_or(0)));
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[async_trait]
impl KeyRing for CommandRing {
    fn active(&self) -> &str {
        &self.active
    }

    async fn wrap(&self, context: &WrapContext, key: &TopicKey) -> Result<Wrapping, RingError> {
        let wrapped = self.ask("wrap", context, &self.active, ("key", key.expose()), "wrapped").await?;
        if !(1..=MAX_WRAPPED_LEN).contains(&wrapped.len()) || wrapped.as_slice() == key.expose() {
            let why = format!(
                "gave {} bytes as the wrapped key, expected 1 to {MAX_WRAPPED_LEN}, not the key itself",
                wrapped.len()
            );
            return Err(self.failed(why, None));
        }
        Ok(Wrapping { ring_key: self.active.clone(), bytes: wrapped.to_vec() })
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        ring_key: &str,
        wrapped: &[u8],
    ) -> Result<TopicKey, RingError> {
        let key = self.ask("unwrap", context, ring_key, ("wrapped", wrapped), "key").await?;
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        if key.len() != KEY_LEN {
            return Err(self.failed(format!("gave a key of {} bytes, expected {KEY_LEN}", key.len()), None));
        }
        secret.copy_from_slice(&key);
        Ok(TopicKey::new(context.key_id, secret))
    }
}
