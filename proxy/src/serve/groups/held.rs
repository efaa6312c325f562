//! All groups that somebody has asked for: found, taken, kept, lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::GroupName;
use firnline_index::group::{GroupObject, GroupOwner};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::bucket::{Bucket, BucketError, Found, Written};
use super::group::{Group, Object};
use super::lost::Lost;
use super::machine::{Event, Reply, Rules};
use super::owner::{Claim, claim};
use super::positions::{Change, Topics};
use super::reach::Reach;
use super::settings::{GroupLimits, GroupSettings};
use crate::serve::catalog::Catalog;
use crate::serve::kafka_error::KafkaError;
use crate::serve::stop::Stop;

/// How often a write is made anew because others, or an earlier one of ours, came before it.
const ATTEMPTS: usize = 4;
/// Answers about other servers that are remembered.
const REACHED: usize = 1000;
/// Groups that are new to the bucket: so many at once,
const NEW_AT_ONCE: u32 = 1000;
/// and one more each time that this has passed. Nobody deletes their objects.
const NEW_EACH: Duration = Duration::from_secs(10);
/// When the timer looks though nothing is to happen.
const FAR: Duration = Duration::from_secs(3600);

/// The groups of a server.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(super) bucket: Bucket,
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: GroupSettings,
    rules: Rules,
    reach: Arc<dyn Reach>,
    held: Mutex<BTreeMap<GroupName, Arc<Group>>>,
    reached: Mutex<HashMap<(String, u16), (Instant, bool)>>,
    lost: Lost,
    bytes: AtomicUsize,
    /// When as many new groups may be begun at once as ever.
    rested: Mutex<Option<Instant>>,
    /// When the timer looks next; it is woken where that is too late.
    looks: Mutex<Option<Instant>>,
    wake: Notify,
}

impl Groups {
    pub(crate) fn new(
        bucket: Bucket,
        catalog: Arc<Catalog>,
        settings: GroupSettings,
        reach: Arc<dyn Reach>,
    ) -> Self {
        let limits = &settings.limits;
        let rules = Rules {
            initial_delay: limits.initial_delay,
            session: limits.session.clone(),
            max_rebalance: limits.rebalance,
            max_members: limits.members,
        };
        Self {
            bucket,
            catalog,
            settings,
            rules,
            reach,
            held: Mutex::default(),
            reached: Mutex::default(),
            lost: Lost::default(),
            bytes: AtomicUsize::new(0),
            rested: Mutex::default(),
            looks: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(crate) const fn limits(&self) -> &GroupLimits {
        &self.settings.limits
    }

    /// Text that nobody guesses, for the name of a member.
    pub(crate) fn fresh_name(&self) -> String {
        self.bucket.fresh_name()
    }

    /// Lets time pass in all groups. Never returns.
    pub(crate) async fn run(&self) {
        loop {
            // First: whoever sets a deadline while they are read wakes the timer.
            *lock(&self.looks) = Some(Instant::now() + FAR);
            let groups: Vec<_> = self.held().values().cloned().collect();
            let next = groups.iter().filter_map(|group| group.deadline()).min();
            let next = next.unwrap_or_else(|| Instant::now() + FAR);
            *lock(&self.looks) = Some(next);
            drop(groups);
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.wake.notified() => {}
            }
            let groups: Vec<_> = self.held().values().cloned().collect();
            let now = Instant::now();
            for group in groups.iter().filter(|group| group.deadline().is_some_and(|until| until <= now)) {
                group.step(Event::Time, None);
                self.count(group);
            }
        }
    }

    /// The group of a name. One without members gives its place to it where all are taken.
    pub(crate) fn group(&self, name: &str) -> Result<Arc<Group>, KafkaError> {
        let name = GroupName::new(name).map_err(|_| KafkaError::InvalidGroupId)?;
        let mut held = self.held();
        if let Some(group) = held.get(&name) {
            return Ok(Arc::clone(group));
        }
        if held.len() >= self.limits().groups {
            self.forget_idle(&mut held);
        }
        if held.len() >= self.limits().groups {
            tracing::warn!(group = %name, groups = held.len(), "there is no place for one more group");
            return Err(KafkaError::CoordinatorNotAvailable);
        }
        let group = Arc::new(Group::new(name.clone(), self.rules.clone()));
        held.insert(name, Arc::clone(&group));
        Ok(group)
    }

    /// Forgets groups without members that nobody asks for right now; their objects stay.
    fn forget_idle(&self, held: &mut BTreeMap<GroupName, Arc<Group>>) {
        held.retain(|_, group| {
            let idle = Arc::strong_count(group) == 1 && group.is_idle();
            if idle {
                self.bytes.fetch_sub(group.count().0, Ordering::Relaxed);
            }
            !idle
        });
    }

    /// All groups of ours, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.held().values().filter(|group| group.is_ours()).cloned().collect()
    }

    /// The server that clients of a group are to go to. At most one GET, and one connection.
    pub(crate) async fn coordinator(&self, name: &str) -> Result<GroupOwner, KafkaError> {
        let group = self.group(name)?;
        if !group.is_ours() {
            let mut object = group.object.lock().await;
            self.look(&group, &mut object, self.limits().look_age).await?;
            if let Some(owner) = self.elsewhere(&group, &object).await {
                return Ok(owner);
            }
        }
        Ok(self.bucket.us.clone())
    }

    /// Makes a group ours, where it is not another's who is there.
    pub(crate) async fn take(&self, group: &Group) -> Result<(), KafkaError> {
        if group.is_ours() {
            return Ok(());
        }
        let mut object = group.object.lock().await;
        if group.is_ours() {
            return Ok(());
        }
        if !self.has_room(0) {
            tracing::warn!(group = %group.name, "there is no memory for the positions of one more group");
            return Err(KafkaError::CoordinatorNotAvailable);
        }
        let mut found = self.whole(group, &mut object).await?;
        for _ in 0..ATTEMPTS {
            if self.elsewhere(group, &object).await.is_some() {
                return Err(KafkaError::NotCoordinator);
            }
            let us = &self.bucket.us;
            if let Some(ours) = found.take_if(|found| found.group.owner.incarnation == us.incarnation) {
                group.is_taken(&mut object, ours, self.rules.clone());
                self.count(group);
                return Ok(());
            }
            if found.is_none() && !self.may_begin() {
                tracing::warn!(group = %group.name, "too many groups were begun lately; one more has to wait");
                return Err(KafkaError::CoordinatorNotAvailable);
            }
            let mut next = match &found {
                Some(found) => GroupObject { owner: us.clone(), ..found.group.clone() },
                None => self.nothing(&group.name),
            };
            next.write = self.bucket.write_id();
            if self.wants_saved(&next) {
                self.take_saved(&mut next).await.map_err(|error| refusal(&error))?;
            }
            let known = found.as_ref().map(|found| found.version.clone());
            object.last_put = Some(Instant::now());
            match self.bucket.write(&next, known.as_ref()).await {
                Ok(Written::Ours(version)) => {
                    tracing::info!(group = %group.name, generation = next.generation, "a group is taken");
                    group.set_heard(Some(Instant::now()));
                    group.is_taken(&mut object, Found { version, group: next }, self.rules.clone());
                    self.count(group);
                    return Ok(());
                }
                Ok(Written::Theirs(theirs)) => {
                    object.found = theirs.as_ref().map(Found::head);
                    found = theirs;
                }
                Err(error) => {
                    group.set_heard(None);
                    return Err(refusal(&error));
                }
            }
        }
        Err(KafkaError::CoordinatorNotAvailable)
    }

    /// Whether a group that is not ours is another's; where it is nobody's there are no members.
    pub(crate) async fn is_elsewhere(&self, group: &Group) -> Result<bool, KafkaError> {
        if group.is_ours() {
            return Ok(false);
        }
        let mut object = group.object.lock().await;
        self.look(group, &mut object, self.limits().look_age).await?;
        Ok(!group.is_ours() && self.elsewhere(group, &object).await.is_some())
    }

    /// Whether the group has an object, as far as was looked.
    pub(crate) async fn is_there(&self, group: &Group) -> bool {
        group.object.lock().await.found.is_some()
    }

    /// Asks the members of a group that is ours, and waits for the answer until it is time to stop. Cancel safe.
    pub(crate) async fn ask(&self, group: &Group, event: Event, stop: &Stop) -> Reply {
        let counts = !matches!(event, Event::Heartbeat(_) | Event::Commit(_));
        let (send, receive) = oneshot::channel();
        let next = group.step(event, Some(send));
        if counts {
            self.count(group);
        }
        let late = next.is_some_and(|next| lock(&self.looks).is_some_and(|looks| next < looks));
        if late {
            self.wake.notify_one();
        }
        tokio::select! {
            biased;
            // A sender is dropped with its group alone.
            reply = receive => reply.unwrap_or(Reply::Refused(KafkaError::NotCoordinator)),
            () = stop.stopped() => Reply::Refused(KafkaError::NotCoordinator),
        }
    }

    /// Whether so many bytes more may be held. Groups without members give what they take where it is needed.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let fits = || self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= self.limits().bytes;
        if !fits() {
            self.forget_idle(&mut self.held());
        }
        fits()
    }

    /// Whether one more group may be begun that the bucket does not have.
    fn may_begin(&self) -> bool {
        let now = Instant::now();
        let mut rested = lock(&self.rested);
        let next = rested.map_or(now, |rested| rested.max(now)) + NEW_EACH;
        let may = next <= now + NEW_AT_ONCE * NEW_EACH;
        if may {
            *rested = Some(next);
        }
        may
    }

    /// Keeps positions of a group that is ours; returns once they are durable. One PUT for all that come within a second, a
    /// GET more where an answer was unclear. Cancelled in between, they may be kept all the same.
    pub(crate) async fn keep(&self, group: &Group, changes: Vec<Change>) -> Result<(), KafkaError> {
        let ticket = group.positions().add(changes)?;
        let Some(ticket) = ticket else { return Ok(()) };
        self.count(group);
        let kept = async {
            let mut object = group.object.lock().await;
            if let Some(outcome) = ticket.outcome() {
                return outcome;
            }
            if let Some(last) = object.last_put {
                sleep_until(last + self.limits().write_interval).await;
            }
            self.write(group, &mut object).await;
            ticket.outcome().unwrap_or(Err(KafkaError::CoordinatorNotAvailable))
        };
        let kept = timeout(self.limits().write_patience, kept).await;
        self.count(group);
        kept.unwrap_or(Err(KafkaError::RequestTimedOut))
    }

    /// Writes all that waits; each who waits is told.
    async fn write(&self, group: &Group, object: &mut Object) {
        for _ in 0..ATTEMPTS {
            let known = object.found.as_ref().filter(|_| group.is_ours()).map(|found| found.version.clone());
            let Some(known) = known else { return group.positions().fail(KafkaError::NotCoordinator) };
            let generation = group.look(super::machine::Machine::generation);
            let (last, mut next) = {
                let mut positions = group.positions();
                let (last, topics) = positions.batch();
                let saved = positions.saved();
                (last, GroupObject { topics, saved, generation, ..self.nothing(&group.name) })
            };
            object.last_put = Some(Instant::now());
            match self.bucket.write(&next, Some(&known)).await {
                Ok(Written::Ours(version)) => {
                    group.positions().is_written(last, std::mem::take(&mut next.topics));
                    object.found = Some(Found { version, group: next });
                    return group.set_heard(Some(Instant::now()));
                }
                Ok(Written::Theirs(found)) => {
                    if !self.builds_on(group, object, found) {
                        return;
                    }
                }
                Err(error) => {
                    group.set_heard(None);
                    return group.positions().fail(refusal(&error));
                }
            }
        }
        group.positions().fail(KafkaError::CoordinatorNotAvailable);
    }

    /// Takes in what stands in the store instead of what we knew; `false` where the group is lost by it.
    fn builds_on(&self, group: &Group, object: &mut Object, found: Option<Found>) -> bool {
        match found {
            // An earlier attempt of ours, given up, that arrived late.
            Some(mut found) if found.group.owner.incarnation == self.bucket.us.incarnation => {
                group.positions().rebase(std::mem::take(&mut found.group.topics), found.group.saved);
                object.found = Some(found);
                true
            }
            found => {
                let owner = found
                    .as_ref()
                    .map(|found| format!("{}:{}", found.group.owner.host, found.group.owner.port));
                tracing::warn!(group = %group.name, owner, "a group has been taken by another server");
                if let Some(found) = &found {
                    self.lost.add(&group.name, &found.group);
                }
                group.is_lost(object, found);
                self.count(group);
                false
            }
        }
    }

    /// What a group has kept, as the store has it now or had it a moment ago. One GET at most, but for the first time that saved
    /// positions are looked for; it moves no bytes where the group is ours and nothing has changed.
    pub(crate) async fn kept<R>(
        &self,
        group: &Group,
        read: impl FnOnce(&Topics) -> R,
    ) -> Result<R, KafkaError> {
        let age = self.limits().look_age;
        let fresh = || group.heard().is_some_and(|heard| heard.elapsed() < age);
        if !(group.is_ours() && fresh()) {
            let mut object = group.object.lock().await;
            if group.is_ours() {
                self.look(group, &mut object, age).await?;
            }
            if !group.is_ours() {
                let found = self.whole(group, &mut object).await?;
                if self.elsewhere(group, &object).await.is_some() {
                    return Err(KafkaError::NotCoordinator);
                }
                let found = found.as_ref().map(|found| &found.group);
                let wants_saved =
                    self.settings.from_saved && found.is_none_or(|found| self.wants_saved(found));
                if !wants_saved {
                    return Ok(read(found.map_or(&Topics::new(), |found| &found.topics)));
                }
                drop(object);
                self.take(group).await?;
            }
        }
        Ok(read(group.positions().durable()))
    }

    /// Asks the store how things stand, unless it said so within `age`. One GET, without a body where nothing changed.
    async fn look(&self, group: &Group, object: &mut Object, age: Duration) -> Result<(), KafkaError> {
        if group.heard().is_some_and(|heard| heard.elapsed() < age) {
            return Ok(());
        }
        let found = self.bucket.read(&group.name, object.found.as_ref()).await;
        let found = found.map_err(|error| refusal(&error))?;
        group.set_heard(Some(Instant::now()));
        let version = |found: &Option<Found>| found.as_ref().map(|found| found.version.clone());
        if !group.is_ours() {
            object.found = found.as_ref().map(Found::head);
        } else if version(&found) != version(&object.found) {
            self.builds_on(group, object, found);
        }
        Ok(())
    }

    /// A group's object with all its positions, as the store has it now; they do not stay in memory. One GET.
    async fn whole(&self, group: &Group, object: &mut Object) -> Result<Option<Found>, KafkaError> {
        let found = self.bucket.read(&group.name, None).await.map_err(|error| refusal(&error))?;
        group.set_heard(Some(Instant::now()));
        object.found = found.as_ref().map(Found::head);
        Ok(found)
    }

    /// The other server that the group belongs to, if it is there.
    async fn elsewhere(&self, group: &Group, object: &Object) -> Option<GroupOwner> {
        let found = object.found.as_ref()?;
        let lost_to = self.lost.to(&group.name);
        let Claim::Of(owner) = claim(Some(&found.group.owner), &self.bucket.us, lost_to) else { return None };
        let is_at_work = self.lost.is_at_work(&group.name, &found.group);
        (is_at_work || self.reaches(&owner).await).then_some(owner)
    }

    async fn reaches(&self, owner: &GroupOwner) -> bool {
        let at = (owner.host.clone(), owner.port);
        let told = lock(&self.reached).get(&at).copied();
        if let Some((when, is_there)) = told
            && when.elapsed() < self.limits().look_age
        {
            return is_there;
        }
        let is_there = self.reach.reaches(&owner.host, owner.port).await;
        let mut reached = lock(&self.reached);
        if reached.len() >= REACHED {
            reached.clear();
        }
        reached.insert(at, (Instant::now(), is_there));
        is_there
    }

    /// A group of ours that has kept nothing.
    fn nothing(&self, name: &GroupName) -> GroupObject {
        GroupObject {
            cluster_id: self.bucket.cluster_id.clone(),
            group: name.clone(),
            owner: self.bucket.us.clone(),
            write: self.bucket.write_id(),
            generation: 0,
            saved: None,
            topics: Topics::new(),
        }
    }

    fn count(&self, group: &Group) {
        let (before, now) = group.count();
        self.bytes.fetch_add(now, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<GroupName, Arc<Group>>> {
        lock(&self.held)
    }
}

/// What a client is told where the store did not do what was asked. Said here, once.
pub(super) fn refusal(error: &BucketError) -> KafkaError {
    let error_text = error as &dyn std::error::Error;
    if error.is_denied() {
        tracing::warn!(error = error_text, "the store does not let this server read or write groups");
        return KafkaError::GroupAuthorizationFailed;
    }
    if error.is_passing() {
        tracing::debug!(error = error_text, "a group could not be read or written");
    } else {
        tracing::warn!(error = error_text, "a group cannot be read or written");
    }
    KafkaError::CoordinatorNotAvailable
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
