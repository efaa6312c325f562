//! What befalls a proxy, its store and its brokers while clients read from the tier, and that no client loses a record, sees one
//! that is wrong, or is sent elsewhere by its reset policy. One thing at a time: brokers and tier are shared.

mod processes;
mod stores;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use firnline_clients::client::Client;
use firnline_clients::stage::Stage;

/// Of every family of libraries one.
const CLIENTS: [Client; 5] = [
    Client::Java("4.3.1"),
    Client::Python("confluent"),
    Client::Python("aio"),
    Client::Go("franz"),
    Client::Go("sarama"),
];
/// So slow that there is something left to be read when the fault comes.
const SLOWLY: &str = "limits.cold_rate_per_client = \"1MiB\"\n";
/// Enough for a quarter of a minute at that rate.
const SIZE: usize = 4;
/// Bytes of the tier that each client has got when the fault comes.
const SOME: u32 = 2 << 20;

/// The brokers and the tier, for one test at a time.
fn stage() -> MutexGuard<'static, Stage> {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Mutex::new(Stage::build(SIZE)));
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
