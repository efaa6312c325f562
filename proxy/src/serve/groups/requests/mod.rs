//! From a request about groups to its answer. What a request says is taken out of its frame before anything is waited for.

pub(crate) mod commit;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod fetch;
pub(crate) mod heartbeat;
pub(crate) mod join;
pub(crate) mod leave;
pub(crate) mod list;
pub(crate) mod sync;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::group::Group;
use super::held::Groups;
use super::machine::{Caller, Event, Reply};
use crate::serve::kafka_error::KafkaError;
use crate::serve::once::once;
use crate::serve::stop::Stop;
use crate::serve::view::View;

/// The longest name of a client that is kept, in bytes.
const CLIENT_BYTES: usize = 200;

/// Groups of one request that are looked for at once.
const LOOKS: usize = 16;
/// How long all that one request names may take: nobody can stop it meanwhile, as its client's going is not seen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time that one request has for all that it names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(Instant);

impl Time {
    /// Does something, if there is time for it; whoever asked for what is not reached is to ask again.
    pub(crate) async fn of<R>(
        self,
        work: impl Future<Output = Result<R, KafkaError>>,
    ) -> Result<R, KafkaError> {
        if Instant::now() >= self.0 {
            return Err(KafkaError::CoordinatorNotAvailable);
        }
        timeout_at(self.0, work).await.unwrap_or(Err(KafkaError::CoordinatorNotAvailable))
    }
}

/// Asks for each of these names, once, several at a time, and gives the answers in their order.
pub(crate) async fn each<F: Future>(names: Vec<&str>, ask: impl Fn(String, Time) -> F) -> Vec<F::Output> {
    let time = Time(Instant::now() + PATIENCE);
    let names: Vec<_> = once(names, |name| *name).map(str::to_owned).collect();
    stream::iter(names).map(|name| ask(name, time)).buffered(LOOKS).collect().await
}

/// Everything that a request about groups is answered with.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'s> {
    pub(crate) groups: &'s Groups,
    pub(crate) view: &'s View,
    pub(crate) stop: &'s Stop,
}

impl Desk<'_> {
    /// The group of a name that its principal may use.
    fn group(&self, name: &str) -> Result<Arc<Group>, KafkaError> {
        self.view.may_use_group(name)?;
        self.groups.group(name)
    }

    /// Asks the members of a group as it is; one that is nobody's has none.
    async fn ask(&self, name: &str, event: Event) -> Reply {
        let group = match self.group(name) {
            Ok(group) => group,
            Err(error) => return Reply::Refused(error),
        };
        if !group.is_ours() {
            let elsewhere = match self.groups.is_elsewhere(&group).await {
                Ok(true) => KafkaError::NotCoordinator,
                Ok(false) => KafkaError::UnknownMemberId,
                Err(error) => error,
            };
            return Reply::Refused(elsewhere);
        }
        self.groups.ask(&group, event, self.stop).await
    }
}

fn caller(member: &str, instance: Option<&str>, generation: i32) -> Caller {
    Caller { member: member.into(), instance: instance.map(Arc::from), generation }
}

/// A time that a client asks for; below zero there is none.
fn time(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// What a client calls itself, as far as it can be shown.
fn client(id: Option<&[u8]>) -> String {
    let id = id.unwrap_or_default();
    let id = &id[..id.len().min(CLIENT_BYTES)];
    String::from_utf8_lossy(id).chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_reached_in_time_is_to_be_asked_for_again() {
        let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().chain(&names).map(String::as_str).collect();
        let began = Instant::now();
        let asked = each(names, |_, time| async move {
            let look = async {
                tokio::time::sleep(Duration::from_secs(9)).await;
                Ok(())
            };
            time.of(look).await
        });
        let reached: Vec<_> = asked.await;
        assert_eq!(began.elapsed(), PATIENCE);
        assert_eq!(reached.len(), 100);
        assert_eq!(reached.iter().filter(|one| one.is_ok()).count(), 2 * LOOKS);
        assert_eq!(reached[99], Err(KafkaError::CoordinatorNotAvailable));
    }
}
