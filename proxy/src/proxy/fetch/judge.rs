//! The entries of a held answer, one by one: what they tell is noted, what passes is patched, and what the tier is asked for is
//! collected.

use std::collections::HashMap;
use std::sync::Arc;

use super::answer::{Cold, Terms, ToldBefore};
use super::guard::{report, would_be_false};
use super::look::{Found, find_by};
use super::outcome::Told;
use super::passing::NOTHING;
use super::session::Session;
use super::verdict::{Seen, Verdict, verdict};
use crate::proxy::ended::Ended;
use crate::proxy::tier::{Tier, start_to_tell};
use crate::serve::fetch::{TopicKey, size};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchRequest, FetchResponse};
use crate::wire::{Patches, read_response};

/// What became of an answer's entries so far.
pub(super) struct Judged {
    pub(super) patches: Patches,
    pub(super) cold: Vec<Cold>,
    /// Those of `cold` that the tier is asked for.
    pub(super) looks: Vec<usize>,
    pub(super) broker_bytes: usize,
    /// Entries that stay refused.
    pub(super) out_of_range: u64,
    /// Whether there are entries without an error.
    pub(super) has_hot: bool,
    /// Refused entries of topics that may have come to the tier since it was read.
    pub(super) unfamiliar: u64,
}

/// Goes through the entries: notes what they tell, patches those that pass. `None` where the broker has refused a partition
/// of the session that is not known to be one: what is known of the session is not what the broker knows.
pub(super) fn judge(
    frame: &[u8],
    request: &FetchRequest<'_>,
    mut session: Option<&mut Session>,
    before: ToldBefore<'_>,
    tier: &Tier,
    terms: Terms,
) -> Result<Option<Judged>, Ended> {
    let version = terms.version;
    let answer: FetchResponse<'_> = read_response(frame, version)?;
    let known = tier.known();
    let mut offsets = None;
    let mut judged = Judged {
        patches: Patches::new(),
        cold: Vec::new(),
        looks: Vec::new(),
        broker_bytes: 0,
        out_of_range: 0,
        has_hot: false,
        unfamiliar: 0,
    };
    let mut entry = 0;
    for topic in &answer.responses {
        let found = find_by(&known, topic.topic, topic.topic_id, version);
        for data in &topic.partitions {
            let this = entry;
            entry += 1;
            judged.broker_bytes += data.records.value.len();
            judged.has_hot |= data.error_code.value == 0;
            let code = data.error_code.value;
            let tiers = found.as_ref().and_then(|found| {
                let Found { tiered, is_stale } = found;
                Some((tiered, *is_stale, tiered.place(data.partition_index)?))
            });
            let Some((tiered, is_stale, lock)) = tiers else {
                let key = TopicKey::of(topic.topic, topic.topic_id, version);
                let has_looked = |since| tier.has_looked_since(since);
                if code == KafkaError::OffsetOutOfRange.code()
                    && !before.refusals.is_none_of_tier(key, data.partition_index, has_looked)
                {
                    judged.unfamiliar += 1;
                    data.front().patch_empty(NOTHING, &mut judged.patches);
                }
                continue;
            };
            if code == 0 {
                let (high_watermark, last_stable) =
                    (data.high_watermark.value, data.last_stable_offset.value);
                lock.lock().note_answer(high_watermark, last_stable, data.log_start_offset.value);
                before.refusals.forget(tiered.topic.id, data.partition_index);
            }
            let place = *lock.lock();
            let asked = if code == KafkaError::OffsetOutOfRange.code() {
                match session.as_deref_mut() {
                    Some(session) => {
                        let key = TopicKey::of(topic.topic, topic.topic_id, version);
                        let wanted = session.wanted(&key, data.partition_index);
                        let Some(wanted) = wanted.filter(|_| session.suspect(key, data.partition_index))
                        else {
                            return Ok(None);
                        };
                        Some((wanted.offset, wanted.max_bytes))
                    }
                    None => {
                        let offsets = offsets.get_or_insert_with(|| offsets_of(request));
                        offsets.get(&(topic.topic, topic.topic_id, data.partition_index)).copied()
                    }
                }
            } else {
                None
            };
            let leader = before.ends.leader(tiered.topic.name.as_str(), data.partition_index);
            let seen = Seen {
                error_code: code,
                offset: asked.map(|(offset, _)| offset),
                place: Some(place),
                is_stale,
                leader,
            };
            let mut verdict = verdict(&seen);
            let is_refused = code == KafkaError::OffsetOutOfRange.code() && verdict == Verdict::AsIs;
            let is_held_back =
                is_refused && seen.offset.is_some_and(|offset| would_be_false(&place, offset, leader));
            if is_held_back {
                report(&tiered.topic.name, data.partition_index, seen.offset.unwrap_or(-1));
                verdict = Verdict::Empty;
            } else if is_refused {
                judged.out_of_range += 1;
            }
            match (verdict, asked, tiered.tip(data.partition_index)) {
                (Verdict::Start, _, _) => {
                    let start = start_to_tell(place.marks(), data.log_start_offset.value);
                    judged.patches.set(&data.log_start_offset, start);
                }
                (Verdict::Look | Verdict::Empty, Some((offset, max_bytes)), Some(tip)) => {
                    lock.lock().note_refused(offset);
                    before.refusals.note(tiered.topic.id, data.partition_index);
                    if verdict == Verdict::Look {
                        judged.looks.push(judged.cold.len());
                    }
                    let (tiered, partition) = (Arc::clone(tiered), data.partition_index);
                    judged.cold.push(Cold {
                        entry: this,
                        tiered,
                        tip,
                        partition,
                        offset,
                        max_bytes,
                        told: Told::Empty,
                        leader,
                        is_held_back,
                    });
                }
                _ => {}
            }
        }
    }
    Ok(Some(judged))
}

type Offsets<'r> = HashMap<(&'r str, [u8; 16], i32), (i64, usize)>;

/// What was asked of each partition.
fn offsets_of<'r>(request: &FetchRequest<'r>) -> Offsets<'r> {
    let mut offsets = HashMap::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            let wanted = (asked.fetch_offset, size(asked.partition_max_bytes));
            offsets.insert((topic.topic, topic.topic_id, asked.partition), wanted);
        }
    }
    offsets
}
