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

use super::group::Group;
use super::held::Groups;
use super::machine::{Caller, Event, Reply};
use crate::serve::kafka_error::KafkaError;
use crate::serve::stop::Stop;
use crate::serve::view::View;

/// The longest name of a client that is kept, in bytes.
const CLIENT_BYTES: usize = 200;

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
