//! A worker and its guard.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::failure::{Failure, Result, codes};

/// Ends with its guard, however that ends: a worker that nobody guards could fill the disk, and one that goes on beside
/// the worker of another guard would be the second.
pub(super) fn belong_to(guard: u32) -> Result<()> {
    let failed =
        |what: String| Failure::new(&codes::USAGE, what).help("start `firnline offload` without --worker");
    let tied = set_parent_process_death_signal(Some(Signal::TERM));
    tied.map_err(|error| failed("be told of the guard's end".to_owned()).caused_by(error))?;
    // Asked after that: a guard that died in between has left us to another parent.
    let guard_pid = i32::try_from(guard).ok().and_then(Pid::from_raw);
    if guard_pid.is_none() || getppid() != guard_pid {
        return Err(failed(format!("process {guard} is not the guard that started this worker")).into());
    }
    Ok(())
}
