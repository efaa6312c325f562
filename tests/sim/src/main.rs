//! Plays histories and says what they came to.
//!
//! `firnline-sim --seeds N [--from N] [--threads N]`, `--seconds N`, or `--seed N` for one, told in full.

use std::process::ExitCode;

use firnline_sim::careless::Careless;
use firnline_sim::run::{Asked, run};

fn main() -> ExitCode {
    match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => run(&asked, &Careless::default()),
        Err(what) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}
