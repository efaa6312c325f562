//! Random requests, asked of brokers and then through the proxy, told to be the same or not.
//!
//! `firnline-differential [--version V]… [--nodes N] [--seed S] [--requests N] [--only NUMBER]`

use std::process::ExitCode;

use firnline_differential::run::{Plan, Sum, run};

const USAGE: &str =
    "usage: firnline-differential [--version V]... [--nodes N] [--seed S] [--requests N] [--only NUMBER]";

#[expect(clippy::print_stdout, reason = "what the run prints is its result")]
fn main() -> ExitCode {
    let plans = match plans(std::env::args().skip(1)) {
        Ok(plans) => plans,
        Err(what) => {
            eprintln!("{what}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut all = Sum::default();
    for plan in plans {
        eprintln!(
            "differential: --version {} --nodes {} --seed {} --requests {}",
            plan.version, plan.nodes, plan.seed, plan.requests
        );
        let sum = run(&plan);
        all = Sum { same: all.same + sum.same, other: all.other + sum.other };
    }
    println!("{} passed, {} failed", all.same, all.other);
    ExitCode::from(u8::from(all.other > 0))
}

fn plans(mut arguments: impl Iterator<Item = String>) -> Result<Vec<Plan>, String> {
    let mut versions: Vec<&'static str> = Vec::new();
    let (mut nodes, mut seed, mut requests, mut only) = (1, 1, 5000, None);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{flag} {value}: {error}"));
        match flag.as_str() {
            // A few names, for the whole of a process.
            "--version" => versions.push(value.leak()),
            "--nodes" => {
                nodes = u16::try_from(number()?).map_err(|error| format!("{flag} {value}: {error}"))?
            }
            "--seed" => seed = number()?,
            "--requests" => requests = number()?,
            "--only" => only = Some(number()?),
            _ => return Err(format!("unknown argument {flag}")),
        }
    }
    if versions.is_empty() {
        versions.push("4.3.1");
    }
    Ok(versions.into_iter().map(|version| Plan { version, nodes, seed, requests, only }).collect())
}
