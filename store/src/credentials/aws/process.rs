//! `credential_process`: a program of the user's that prints credentials.
//!
//! The program is started without a shell, with this process's environment, no input, and limits on time and output. Its
//! standard error is repeated in a message when it fails, as Amazon's own tools do: such programs must not print secrets
//! there. Dropping the fetch, or running out of time, kills the program.

use crate::credentials::CredentialError;
use crate::credentials::cache::{Expires, Fetched, Source};
use crate::credentials::http::{moment, tidy};
use async_trait::async_trait;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// A program may open a connection of its own, but nobody waits at a prompt.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The most that is read of what the program prints, in bytes.
const OUTPUT_LIMIT: u64 = 64 << 10;

/// Runs the program of one profile.
#[derive(Debug)]
pub(super) struct ProcessSource {
    profile: String,
    /// The program and its arguments; never empty.
    command: Vec<String>,
}

impl ProcessSource {
    pub(super) fn new(profile: String, command: Vec<String>) -> Self {
        Self { profile, command }
    }

    fn failed(&self, why: impl Into<String>, source: Option<io::Error>) -> CredentialError {
        CredentialError::Process {
            profile: self.profile.clone(),
            program: self.command.first().cloned().unwrap_or_default(),
            why: why.into(),
            source,
        }
    }

    async fn run(&self) -> Result<Vec<u8>, CredentialError> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| self.failed("names no program", None))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed("did not start", Some(error)))?;
        let ended = tokio::time::timeout(TIME_LIMIT, output_of(child)).await;
        let (status, stdout, stderr) = ended
            .map_err(|_| self.failed(format!("did not end within {} s", TIME_LIMIT.as_secs()), None))?
            .map_err(|error| self.failed("could not be read", Some(error)))?;
        if stdout.len() as u64 > OUTPUT_LIMIT {
            return Err(self.failed(format!("printed more than {OUTPUT_LIMIT} bytes"), None));
        }
        if !status.success() {
            let said = tidy(&String::from_utf8_lossy(&stderr));
            let said = if said.is_empty() { "without a word".to_owned() } else { format!("saying: {said}") };
            return Err(self.failed(format!("ended with {status} {said}"), None));
        }
        Ok(stdout)
    }
}

async fn output_of(mut child: Child) -> io::Result<(std::process::ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
    // Both ends are read or closed by now: a program that prints on and on gets a broken pipe and ends.
    Ok((child.wait().await?, stdout, stderr))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

#[async_trait]
impl Source for ProcessSource {
    type Credential = AwsCredential;

    async fn fetch(&self) -> Result<Fetched<AwsCredential>, CredentialError> {
        let stdout = self.run().await?;
        let output: Output = serde_json::from_slice(&stdout).map_err(|_| {
            self.failed(
                "printed something other than JSON with Version, AccessKeyId and SecretAccessKey",
                None,
            )
        })?;
        if output.version != 1 {
            return Err(self.failed(format!("printed Version {}; only 1 is known", output.version), None));
        }
        let expires = match &output.expiration {
            None => Expires::Never,
            Some(text) => Expires::At(moment(self.name(), text)?),
        };
        Ok(Fetched {
            expires,
            credential: AwsCredential {
                key_id: output.access_key_id,
                secret_key: output.secret_access_key,
                token: output.session_token.filter(|token| !token.is_empty()),
            },
        })
    }

    fn name(&self) -> String {
        format!("credential_process of AWS profile {:?}", self.profile)
    }
}
