//! Groups that were lost to other servers while this one lived: they are not taken back from who has them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::group::GroupObject;
use firnline_index::{CommitId, GroupName, Incarnation};
use tokio::time::Instant;

/// How long a run that has taken a group counts as there after it wrote the group last, whether it is reached or not: clients may
/// reach both servers where these do not reach each other.
const QUIET: Duration = Duration::from_secs(300);
/// Groups that are remembered; then the one that was quiet for longest is forgotten.
const REMEMBERED: usize = 10_000;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lost(Mutex<BTreeMap<GroupName, Loss>>);

/// A group that was lost.
#[derive(Debug)]
struct Loss {
    to: Incarnation,
    /// Its last write that was seen,
    write: CommitId,
    /// and when.
    changed: Instant,
}

impl Lost {
    /// A group has been taken by another run, as its object says.
    pub(super) fn add(&self, name: &GroupName, found: &GroupObject) {
        let mut lost = self.lock();
        if lost.len() >= REMEMBERED && !lost.contains_key(name) {
            let quiet = lost.iter().min_by_key(|(_, loss)| loss.changed).map(|(name, _)| name.clone());
            quiet.map(|name| lost.remove(&name));
        }
        let loss = Loss { to: found.owner.incarnation, write: found.write, changed: Instant::now() };
        lost.insert(name.clone(), loss);
    }

    /// The run that has taken a group from us, if one did.
    pub(super) fn to(&self, name: &GroupName) -> Option<Incarnation> {
        self.lock().get(name).map(|loss| loss.to)
    }

    /// Whether the run that a group was lost to still works on it, going by its object.
    pub(super) fn is_at_work(&self, name: &GroupName, found: &GroupObject) -> bool {
        let mut lost = self.lock();
        let Some(loss) = lost.get_mut(name).filter(|loss| loss.to == found.owner.incarnation) else {
            return false;
        };
        if loss.write != found.write {
            loss.write = found.write;
            loss.changed = Instant::now();
        }
        loss.changed.elapsed() < QUIET
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupName, Loss>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::group::GroupOwner;
    use firnline_index::{ClusterId, NodeId};

    use super::*;

    fn found(run: u8, write: u8) -> GroupObject {
        let owner = GroupOwner {
            incarnation: Incarnation::from_bytes([run; 16]),
            node: NodeId::new(1).expect("a node"),
            host: "h".to_owned(),
            port: 9,
        };
        GroupObject {
            cluster_id: ClusterId::new("test-cluster").expect("a cluster"),
            group: name("app"),
            owner,
            write: CommitId::from_bytes([write; 16]),
            generation: 0,
            saved: None,
            topics: BTreeMap::new(),
        }
    }

    fn name(group: &str) -> GroupName {
        GroupName::new(group).expect("a name")
    }

    #[tokio::test(start_paused = true)]
    async fn who_took_a_group_is_at_work_while_its_object_changes() {
        let lost = Lost::default();
        assert!(!lost.is_at_work(&name("app"), &found(2, 1)), "it was never lost");
        lost.add(&name("app"), &found(2, 1));
        assert_eq!(lost.to(&name("app")), Some(Incarnation::from_bytes([2; 16])));
        tokio::time::advance(QUIET / 2).await;
        assert!(lost.is_at_work(&name("app"), &found(2, 2)));
        tokio::time::advance(QUIET / 2).await;
        assert!(lost.is_at_work(&name("app"), &found(2, 2)));
        assert!(!lost.is_at_work(&name("app"), &found(3, 3)), "another run than that");
        tokio::time::advance(QUIET / 2).await;
        assert!(!lost.is_at_work(&name("app"), &found(2, 2)));
    }

    #[tokio::test]
    async fn what_was_quiet_for_longest_is_forgotten_first() {
        let lost = Lost::default();
        for number in 0..=REMEMBERED {
            lost.add(&name(&number.to_string()), &found(2, 1));
        }
        assert_eq!(lost.lock().len(), REMEMBERED);
        assert_eq!((lost.to(&name("0")), lost.to(&name("1")).is_some()), (None, true));
    }
}
