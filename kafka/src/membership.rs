//! A member of a consumer group in which workers share partitions: who is there, and who does what, is Kafka's own matter.
//!
//! ```text
//!  join ──► (a name) ──► join ──► in a generation ──► heartbeats ──► another generation begins ──► join …
//!                                   the leader divides                      or: nobody knows us any more ──► join anew
//! ```
//!
//! What is divided are partitions of topics, in Kafka's own form, so that `kafka-consumer-groups --describe --members --verbose` shows
//! them. The topics need not be known to the brokers. No offset is committed, and nothing rests on being alone: between the
//! end of a generation and the moment at which a member hears of it two may believe that a partition is theirs. Whoever
//! uses this must stand that; here it only keeps them from doing the same work for long.
//!
//! It starts no task: whoever has it calls [`Membership::heartbeat`] every [`Membership::heartbeat_interval`] at most. Not
//! cancel safe between calls only in that a dropped join leaves a name behind that the brokers forget by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use firnline_index::{NodeId, PartitionIndex, TopicName};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition;
use kafka_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::client::Client;
use crate::error::RequestError;
use crate::requests::members::{FindCoordinator, Heartbeat, JoinAnswer, JoinGroup, LeaveGroup, SyncGroup};
use crate::wire::{Code, ProtocolError};

/// How the work is divided, in the group's own words: by the leader, who knows all of it.
const PROTOCOL: &str = "firnline";
/// The version of Kafka's messages for members and their shares.
const VERSION: i16 = 0;
/// How many joins are tried before it is given up: each names a code that goes by itself. With the pauses between them as long as a
/// coordinator takes that has to make the brokers' own topic about groups first.
const ATTEMPTS: u32 = 12;
/// The first pause before another attempt; each is twice the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Partitions by topic.
pub type Share = BTreeMap<TopicName, Vec<PartitionIndex>>;

/// Why a member is not in a group, or not any more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MembershipError {
    /// The brokers do not answer, or refuse.
    #[error("be a member of group {group:?}")]
    Request {
        /// The group.
        group: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// The group goes on changing.
    #[error(
        "group {group:?} has not come to rest after {ATTEMPTS} attempts to join it; the last answer was {code}"
    )]
    Restless {
        /// The group.
        group: String,
        /// The last answer.
        code: Code,
    },
    /// Somebody else uses the group for something else.
    #[error("a share of group {group:?} cannot be read: does something else use this group?")]
    Share {
        /// The group.
        group: String,
        /// What is wrong.
        #[source]
        source: ProtocolError,
    },
}

/// What a heartbeat tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// All is as it was.
    Stable,
    /// Another generation begins: join again. What is being done may be brought to its end first, within the rebalance timeout.
    Rebalance,
    /// The group does not know this member: whatever it does may be another's work by now. Join again.
    Gone,
}

/// A member.
#[derive(Debug)]
pub struct Membership {
    client: Client,
    group: String,
    session_timeout: Duration,
    rebalance_timeout: Duration,
    member: String,
    generation: i32,
    coordinator: Option<NodeId>,
}

/// What a member is in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The generation.
    pub generation: i32,
    /// Its own name.
    pub member: String,
    /// What is its own to do.
    pub share: Share,
}

impl Membership {
    /// A member that is nowhere yet. `client` is its alone: a join may take as long as `rebalance_timeout`, which must be
    /// shorter than the client's own time for a request. Makes no request.
    #[must_use]
    pub fn new(
        client: Client,
        group: String,
        session_timeout: Duration,
        rebalance_timeout: Duration,
    ) -> Self {
        let (member, generation, coordinator) = (String::new(), -1, None);
        Self { client, group, session_timeout, rebalance_timeout, member, generation, coordinator }
    }

    /// How often it has to say that it is there.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        self.session_timeout / 3
    }

    /// Joins the next generation. `divide` is asked where this member leads it: given all members' names, in order, it says
    /// what each is to do; whom it does not name has nothing to do.
    ///
    /// # Errors
    /// Where the brokers do not answer or refuse, or the group does not come to rest.
    pub async fn join(
        &mut self,
        divide: impl Fn(&[String]) -> BTreeMap<String, Share>,
    ) -> Result<Joined, MembershipError> {
        let (mut last, mut pause) = (None, FIRST_PAUSE);
        for _ in 0..ATTEMPTS {
            match self.join_once(&divide).await {
                Ok(Some(joined)) => return Ok(joined),
                Ok(None) => {}
                Err(MembershipError::Request { source, .. }) if self.passes(&source) => {
                    last = source.code();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        // Without a code it was given names alone.
        let code = last.unwrap_or(Code::MEMBER_ID_REQUIRED);
        Err(MembershipError::Restless { group: self.group.clone(), code })
    }

    async fn join_once(
        &mut self,
        divide: &impl Fn(&[String]) -> BTreeMap<String, Share>,
    ) -> Result<Option<Joined>, MembershipError> {
        let group = self.group.clone();
        let failed = |source| MembershipError::Request { group: group.clone(), source };
        let coordinator = match self.coordinator {
            Some(node) => node,
            None => self.client.ask_any(&FindCoordinator(&group)).await.map_err(failed)?,
        };
        self.coordinator = Some(coordinator);
        let mut lease = self.client.lease(coordinator).await.map_err(failed)?;
        let question = JoinGroup {
            group: &group,
            member: &self.member,
            session_timeout: self.session_timeout,
            rebalance_timeout: self.rebalance_timeout,
            protocol: PROTOCOL,
            metadata: subscription(),
        };
        let (generation, member, leads, members) = match lease.ask(&question).await.map_err(failed)? {
            JoinAnswer::Named(member) => {
                self.member = member;
                return Ok(None);
            }
            JoinAnswer::In { generation, member, leads, members } => (generation, member, leads, members),
        };
        (self.generation, self.member) = (generation, member);
        let mut shares = Vec::new();
        if leads {
            let mut names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
            names.sort();
            let mut divided = divide(&names);
            shares.extend(names.into_iter().map(|name| {
                let share = divided.remove(&name).unwrap_or_default();
                (name, encode(&share))
            }));
        }
        let question = SyncGroup {
            group: &group,
            member: &self.member,
            generation,
            protocol: PROTOCOL,
            shares: &shares,
        };
        let share = lease.ask(&question).await.map_err(failed)?;
        drop(lease);
        let share =
            decode(share).map_err(|source| MembershipError::Share { group: group.clone(), source })?;
        Ok(Some(Joined { generation, member: self.member.clone(), share }))
    }

    /// Whether what went wrong goes by when it is tried again, with what has to be forgotten for it.
    fn passes(&mut self, error: &RequestError) -> bool {
        match error.code() {
            Some(Code::NOT_COORDINATOR | Code::COORDINATOR_NOT_AVAILABLE) => {
                self.coordinator = None;
                true
            }
            Some(Code::UNKNOWN_MEMBER_ID | Code::FENCED_INSTANCE_ID) => {
                self.forget();
                true
            }
            Some(
                Code::REBALANCE_IN_PROGRESS | Code::ILLEGAL_GENERATION | Code::COORDINATOR_LOAD_IN_PROGRESS,
            ) => true,
            Some(_) => false,
            None => {
                self.coordinator = None;
                error.is_of_one_broker()
            }
        }
    }

    fn forget(&mut self) {
        self.member.clear();
        self.generation = -1;
    }

    /// Says that it is there. One request.
    ///
    /// # Errors
    /// Where the coordinator does not answer or refuses. After the session's time without an answer others may do this
    /// member's work.
    pub async fn heartbeat(&mut self) -> Result<Beat, MembershipError> {
        let group = self.group.clone();
        let failed = |source| MembershipError::Request { group: group.clone(), source };
        let coordinator = match self.coordinator {
            Some(node) => node,
            None => self.client.ask_any(&FindCoordinator(&group)).await.map_err(failed)?,
        };
        self.coordinator = Some(coordinator);
        let question = Heartbeat { group: &group, member: &self.member, generation: self.generation };
        let asked = match self.client.lease(coordinator).await {
            Ok(mut lease) => lease.ask(&question).await,
            Err(error) => Err(error),
        };
        let code = match asked {
            Ok(code) => code,
            Err(error) => {
                self.coordinator = None;
                return Err(failed(error));
            }
        };
        Ok(match code {
            None => Beat::Stable,
            Some(Code::REBALANCE_IN_PROGRESS) => Beat::Rebalance,
            Some(Code::UNKNOWN_MEMBER_ID | Code::ILLEGAL_GENERATION | Code::FENCED_INSTANCE_ID) => {
                self.forget();
                Beat::Gone
            }
            Some(
                Code::NOT_COORDINATOR | Code::COORDINATOR_NOT_AVAILABLE | Code::COORDINATOR_LOAD_IN_PROGRESS,
            ) => {
                self.coordinator = None;
                Beat::Stable
            }
            Some(code) => {
                let coordinator = self.client.brokers().into_iter().find(|(node, _)| *node == coordinator);
                let Some((_, address)) = coordinator else { return Ok(Beat::Gone) };
                return Err(failed(RequestError::Code { address, api: crate::wire::Api::Heartbeat, code }));
            }
        })
    }

    /// Goes, so that the others need not wait until it is missed. Best effort. One request.
    pub async fn leave(&mut self) {
        let Some(coordinator) = self.coordinator.filter(|_| !self.member.is_empty()) else { return };
        if let Ok(mut lease) = self.client.lease(coordinator).await {
            let left = lease.ask(&LeaveGroup { group: &self.group, member: &self.member }).await;
            if let Err(error) = left {
                tracing::debug!(group = self.group, %error, "the group was not told that this member goes");
            }
        }
        self.forget();
    }
}

/// What a member says of itself: all want all, and the leader knows what there is.
fn subscription() -> Bytes {
    in_kafkas_form(|bytes| ConsumerProtocolSubscription::default().encode(bytes, VERSION).is_ok())
}

fn encode(share: &Share) -> Bytes {
    let topics = share.iter().map(|(topic, partitions)| {
        TopicPartition::default()
            .with_topic(StrBytes::from_string(topic.as_str().to_owned()).into())
            .with_partitions(partitions.iter().map(|partition| partition.get()).collect())
    });
    let assignment = ConsumerProtocolAssignment::default().with_assigned_partitions(topics.collect());
    in_kafkas_form(|bytes| assignment.encode(bytes, VERSION).is_ok())
}

/// Kafka's clients write the version before such a message.
fn in_kafkas_form(encode: impl FnOnce(&mut BytesMut) -> bool) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    // Names and counts of what exists fit into the form.
    if encode(&mut bytes) { bytes.freeze() } else { Bytes::new() }
}

fn decode(mut bytes: Bytes) -> Result<Share, ProtocolError> {
    // A member for whom nothing is left.
    if bytes.is_empty() {
        return Ok(Share::new());
    }
    if bytes.len() < 6 {
        return Err(ProtocolError::Short);
    }
    let version = bytes.split_to(2);
    let found = i16::from_be_bytes([version[0], version[1]]);
    if found < VERSION {
        return Err(ProtocolError::Value { what: format!("version {found} of a share") });
    }
    // The decoder would set memory aside for whatever is claimed.
    check_counts(&bytes)?;
    let refused = |why: String| ProtocolError::Decode { why };
    let assignment = ConsumerProtocolAssignment::decode(&mut bytes, VERSION)
        .map_err(|error| refused(error.to_string()))?;
    let impossible = |error: firnline_index::ValueError| ProtocolError::Value { what: error.to_string() };
    let mut share = Share::new();
    for topic in assignment.assigned_partitions {
        let name = TopicName::new(&topic.topic).map_err(impossible)?;
        let partitions = topic.partitions.into_iter().map(PartitionIndex::new);
        let partitions: Result<Vec<_>, _> = partitions.collect();
        share.entry(name).or_default().extend(partitions.map_err(impossible)?);
    }
    Ok(share)
}

/// Whether the counts in a share can be: each topic and each partition has bytes of its own behind its count.
fn check_counts(bytes: &[u8]) -> Result<(), ProtocolError> {
    let mut rest = bytes;
    let topics = count(&mut rest, 6)?;
    for _ in 0..topics {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(ProtocolError::Short)?;
        let length = usize::try_from(i16::from_be_bytes(*length)).map_err(|_| ProtocolError::Short)?;
        rest = after.get(length..).ok_or(ProtocolError::Short)?;
        let partitions = count(&mut rest, 4)?;
        rest = rest.get(partitions * 4..).ok_or(ProtocolError::Short)?;
    }
    Ok(())
}

fn count(rest: &mut &[u8], each: usize) -> Result<usize, ProtocolError> {
    let (claimed, after) = rest.split_first_chunk::<4>().ok_or(ProtocolError::Short)?;
    let claimed = u32::from_be_bytes(*claimed);
    *rest = after;
    match usize::try_from(claimed) {
        Ok(count) if count <= after.len() / each => Ok(count),
        _ => Err(ProtocolError::Count { claimed, bytes: after.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(topics: &[(&str, &[i32])]) -> Share {
        let of = |(name, partitions): &(&str, &[i32])| {
            let partitions = partitions.iter().map(|p| PartitionIndex::new(*p).expect("a partition"));
            (TopicName::new(name).expect("a name"), partitions.collect())
        };
        topics.iter().map(of).collect()
    }

    #[test]
    fn a_share_reads_back_and_has_kafkas_bytes() {
        let one = share(&[("orders", &[0, 3])]);
        let bytes = encode(&one);
        // Version, one topic, its name, two partitions, no data of the user.
        let kafkas: &[u8] = b"\0\0\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\x03\xff\xff\xff\xff";
        assert_eq!(&bytes[..], kafkas);
        assert_eq!(decode(bytes).expect("it is one"), one);
        assert_eq!(decode(Bytes::new()).expect("nothing to do"), Share::new());
    }

    #[test]
    fn a_share_that_claims_more_than_it_has_is_refused() {
        let claims = Bytes::from_static(&[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert!(matches!(decode(claims), Err(ProtocolError::Count { claimed: 0x7fff_ffff, .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(bytes.into());
        }

        #[test]
        fn a_share_cut_anywhere_is_no_share(at in 1_usize..30) {
            let bytes = encode(&share(&[("orders", &[0, 3])]));
            prop_assert!(decode(bytes.slice(..at.min(bytes.len() - 1))).is_err());
        }
    }
}
