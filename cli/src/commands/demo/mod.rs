//! `firnline demo`: the whole job on this machine, each number computed in the run.

mod killed;
mod log;
mod next;
mod place;
mod readback;
mod screen;
mod seek;
mod trial;

use firnline_offloader::Holes;
use firnline_store::{Env, Store};

use super::offload::{self, Plan};
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::{Out, Progress};
use crate::surroundings::Surroundings;
use crate::units::Size;
use crate::wiring;
use place::Place;
use screen::Screen;

/// Less than this has too few sealed segments to show anything.
const SIZE_MIN: u64 = 32 << 20;

/// Shows everything in one screen.
pub async fn run(args: DemoArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let DemoArgs { keep, size } = args;
    let Size(size) = size.parse().map_err(super::selection::usage)?;
    if size < SIZE_MIN {
        return Err(super::selection::usage(format!(
            "--size {} is too small, the least is 32MiB",
            Size(size)
        ))
        .into());
    }
    let started = tokio::time::Instant::now();
    let place = Place::new(keep, log::segment_bytes(size))?;
    let mut screen = Screen::new(out);
    screen.head(place.root())?;

    let log_dir = place.log_dir();
    let ledger = blocking(move || log::write(&log_dir, size)).await?;
    screen.log(&ledger)?;

    let context = place.context(&place.tier(), around.clone())?;
    let passed = offload::pass(&context, plan(&place)).await?;
    expect(passed.report.is_complete(), "the offload left something out")?;
    screen.offload(&passed)?;

    let killed = killed::show(&place, &ledger, &around).await?;
    screen.killed(&killed)?;

    let (log_dir, before) = (place.log_dir(), ledger.sum(|partition| partition.log_bytes));
    let (freed, ledger) = blocking(move || Ok((log::delete_sealed(&log_dir, &ledger)?, ledger))).await?;
    screen.disk(before, before - freed)?;

    let read = {
        let progress = Progress::bytes("reading back", ledger.sum(|partition| partition.sealed_bytes));
        readback::all(&fresh(&place), &ledger, &progress).await?
    };
    screen.read_back(&read)?;
    expect(read.is_whole(), "what was read back is not what was written")?;

    let sought = seek::show(&place, &ledger).await?;
    screen.seek(&sought)?;
    let trial = trial::show(&place, &ledger).await?;
    screen.trial(&trial)?;

    screen.partitions(&ledger)?;
    let (prices, _) = wiring::prices(&context.config, None)?;
    screen.cost(&passed.report, &prices)?;
    screen.next(&next::commands(&place, &sought, &around), started.elapsed(), place.kept())?;
    place.finish()?;
    Ok(Exit::Fine)
}

fn plan(place: &Place) -> Plan {
    Plan { log_dirs: vec![place.log_dir()], patterns: Vec::new(), holes: Holes::Refuse }
}

/// The tier with empty caches and counters at zero, as another process would open it.
fn fresh(place: &Place) -> Store {
    Store::directory(place.tier(), Env::system())
}

/// Files and hashes hold up no async thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn expect(holds: bool, otherwise: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(differs(otherwise.to_owned()).into()) }
}

/// A step that did not come out as it must.
fn differs(what: String) -> Failure {
    Failure::new(&codes::DEMO, what)
}
