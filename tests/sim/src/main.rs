//! Plays histories and says what they came to.
//!
//! `firnline-sim --seeds N [--from N] [--threads N] [--minimum-hits N]`, `--seconds N`, or `--seed N` for one, told in full.

use std::process::ExitCode;

use firnline_sim::run::{Asked, run};
use firnline_sim::sidecar::Real;

fn main() -> ExitCode {
    match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => run(&asked, &Real),
        Err(what) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}
