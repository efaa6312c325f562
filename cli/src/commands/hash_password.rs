//! `firnline hash-password`

use crate::args::HashPasswordArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::Out;
use crate::surroundings::Surroundings;

#[cfg(feature = "serve")]
pub fn run(args: HashPasswordArgs, around: &Surroundings, out: &mut Out) -> Result<Exit> {
    use std::num::NonZeroU32;

    use firnline_proxy::serve::{Hash, Hashed, is_name};
    use firnline_store::env::SystemRandom;

    use super::selection::usage;

    let HashPasswordArgs { name, password, iterations } = args;
    if !is_name(&name) {
        let what =
            format!("{name:?} is no user's name: at most 255 bytes, without white space, '=', ',' and '#'");
        return Err(usage(what).into());
    }
    let count = Some(iterations).filter(|count| (4_096..=200_000).contains(count)).and_then(NonZeroU32::new);
    let count =
        count.ok_or_else(|| usage(format!("--iterations is {iterations}, 4096 to 200000 are taken")))?;
    let password = secret(password.as_deref(), around)?;
    for hash in Hash::ALL {
        out.line(Hashed::new(hash, &password, count, &SystemRandom).line(&name))?;
    }
    Ok(Exit::Fine)
}

/// The password, from where it was said to stand.
#[cfg(feature = "serve")]
fn secret(named: Option<&str>, around: &Surroundings) -> Result<firnline_store::Secret> {
    use std::io::{IsTerminal as _, Read as _};

    use super::selection::usage;
    use crate::config::{SecretRef, Value as _};

    /// The longest password, in bytes; the server hashes no longer one.
    const MAX: u64 = 1024;

    if let Some(named) = named {
        let named = SecretRef::parse(named).map_err(|error| usage(format!("--password: {error}")))?;
        return Ok(named.resolve(around).map_err(|error| Failure::new(&codes::SECRET, error))?);
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        let what = "a password typed here would be seen";
        return Err(usage(what.to_owned())
            .help("pipe it in, or name where it stands with --password")
            .into());
    }
    let mut text = String::new();
    let read = input.lock().take(MAX + 1).read_to_string(&mut text);
    let secret = firnline_store::Secret::new(text);
    read.map_err(|error| {
        Failure::new(&codes::SECRET, "read the password from standard input").caused_by(error)
    })?;
    match secret.expose().trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::new(&codes::SECRET, "standard input holds no password").into()),
        long if long.len() as u64 > MAX => {
            Err(Failure::new(&codes::SECRET, format!("the password is longer than {MAX} bytes")).into())
        }
        text => Ok(firnline_store::Secret::new(text)),
    }
}

#[cfg(not(feature = "serve"))]
pub fn run(args: HashPasswordArgs, _around: &Surroundings, _out: &mut Out) -> Result<Exit> {
    let HashPasswordArgs { name: _, password: _, iterations: _ } = args;
    Err(Failure::new(&codes::NO_SERVER, "this build has no server for users to log in to").into())
}
