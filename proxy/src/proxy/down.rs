//! From the broker to the client: answers in the order of what was asked, passed, patched or replaced.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bandwidth::Bandwidth;
use super::clients::{self, Clients};
use super::connection::Visit;
use super::counts::Counters;
use super::ended::Ended;
use super::fetch::{
    Answered, Asked, Ends, Kept, Later, NOTHING, Passing, ROOM_LEAST, Refusals, Room, Session, Tally,
    ToldBefore, answer, is_cold, note_held_up, note_seams, pass_entry,
};
use super::identity::Unproven;
use super::learn::compare;
use super::line::{Awaited, Line, Then};
use super::link::{Sink, Source, framed};
use super::nodes::Nodes;
use super::offsets::{patch_deleted, patch_epochs, patch_offsets, patch_spared, patch_unknown};
use super::settings::ProxyLimits;
use super::shares::{Share, Taken};
use super::tier::{Behind, Known, Tier, start_to_tell};
use super::travel::{Consents, Joined, PastLater, Reading, Travelers, join, most_bytes};
use super::{addresses, login, own, versions};
use crate::serve::fetch::{TopicKey, fill};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchFront, FetchResponse, PartitionFront};
use crate::wire::messages::metadata::MetadataResponse;
use crate::wire::{
    Api, Frame, Patches, RequestHeader, ScannedTopic, read_response, response_correlation, splice,
};

/// Answers up to this long are held without being counted: each connection has room for one.
const UNCOUNTED_BYTES: usize = 64 << 10;

/// Enough for what stands before the entries of an answer to a fetch.
const FETCH_FRONT_BYTES: usize = 64;

/// The pause behind an answer that has told nothing while the tier is to come.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes that are read of a partition behind an answer: enough for the next one to begin with; reading ahead does the rest.
const BEHIND_BYTES: usize = 1 << 20;

/// Reads of what was not waited for, of one connection at once.
const READS: usize = 16;

/// The broker's half.
pub(crate) struct Down<'p, R, W> {
    pub(crate) broker: Source<R>,
    pub(crate) client: Sink<W>,
    pub(crate) lines: mpsc::Receiver<Line>,
    pub(crate) nodes: &'p Nodes,
    /// For long answers that are filled, and for what they are filled with.
    pub(crate) answers: Share,
    /// For long answers that hold no records.
    pub(crate) plain: Share,
    /// The session of this connection.
    pub(crate) kept: Kept,
    /// What the broker has refused on it.
    pub(crate) refusals: Refusals,
    /// Where logs end, as it was asked ahead of the fetch that is answered next.
    pub(crate) ends: Ends,
    /// What is filled from, as soon as it is there.
    pub(crate) tier: Option<Arc<Tier>>,
    pub(crate) behind: &'p Behind,
    pub(crate) pass_unknown: bool,
    pub(crate) counters: &'p Counters,
    pub(crate) visit: &'p Visit,
    pub(crate) limits: &'p ProxyLimits,
    pub(crate) bandwidth: &'p Bandwidth,
    pub(crate) clients: &'p Clients,
    /// What the broker has said of topics behind those that were taken out of the next request, and the memory for it.
    pub(crate) consents: Option<(Consents, Option<Taken>)>,
    /// Answers that were filled so far.
    pub(crate) turn: usize,
    /// Whether it was said that nothing is filled.
    pub(crate) has_said: bool,
    /// Reads of what was not waited for.
    pub(crate) reads: JoinSet<()>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Down<'_, R, W> {
    /// Takes answers until the broker goes, something is wrong, or no further one is to come.
    pub(crate) async fn run(mut self) -> Result<(), Ended> {
        loop {
            let line = if self.broker.is_empty() {
                tokio::select! {
                    // What was asked was written down before, so that no answer is looked at without its line.
                    biased;
                    line = self.lines.recv() => line,
                    came = self.broker.wait() => if came? { continue } else { return Ok(()) },
                }
            } else {
                // An answer is here. Its line is, too, or is about to be: it is written down before the request is passed.
                match self.lines.try_recv() {
                    Ok(line) => Some(line),
                    Err(mpsc::error::TryRecvError::Disconnected) => None,
                    Err(mpsc::error::TryRecvError::Empty) => return Err(Ended::Unasked),
                }
            };
            let Some(line) = line else { return Ok(()) };
            if !self.take(line).await? {
                return Ok(());
            }
        }
    }

    /// Takes one answer; `false` where the broker has gone, or no further one is to be taken.
    async fn take(&mut self, line: Line) -> Result<bool, Ended> {
        let awaited = match line {
            Line::Own(mut frame, _counted) => {
                self.client.send_held(&mut frame).await?;
                return Ok(true);
            }
            Line::Bare => {
                if !self.broker.wait().await? || self.broker.peek(0).await?.is_none() {
                    return Ok(false);
                }
                return self.broker.pass(&mut self.client).await;
            }
            Line::Awaited(awaited) => awaited,
        };
        // Questions of our own are none of the client's.
        let counted = (!awaited.then.is_own()).then_some((awaited.api, awaited.since));
        let goes_on = self.answer(awaited).await?;
        if let Some((api, since)) = counted {
            self.counters.answered(api, since.elapsed());
            if !is_before_entry(api) {
                self.visit.place.enter();
            }
        }
        Ok(goes_on)
    }

    /// Takes an answer of the broker.
    async fn answer(&mut self, awaited: Awaited) -> Result<bool, Ended> {
        if self.tier.is_none() {
            self.tier = self.behind.get().cloned();
        }
        let Awaited { api, version, correlation_id, since: _, mut then, travelers, counted: _request } =
            awaited;
        if !self.broker.wait().await? {
            return Ok(false);
        }
        let Some(length) = self.broker.peek(4).await? else { return Ok(false) };
        let found = response_correlation(self.broker.arrived()?)?;
        if found != correlation_id {
            return Err(Ended::Correlation { expected: correlation_id, found });
        }
        if !then.is_own() {
            self.counters.came(api, length);
        }
        let mut counted = None;
        match &mut then {
            Then::Pass if travelers.is_none() => return self.broker.pass(&mut self.client).await,
            Then::Waiting => return self.pass_waiting(version, length).await,
            Then::Fetch if length > UNCOUNTED_BYTES => {
                return self.broker.pass_fetch(&mut self.client, version, |_, _, _| {}).await;
            }
            Then::Cold(asked) if length > UNCOUNTED_BYTES && travelers.is_none() => {
                let known = self.tier.as_ref().map(|tier| tier.known()).unwrap_or_default();
                let is_cold = is_cold(asked, &known, &self.refusals)?;
                // Where there is no memory to hold it in, it passes as if nothing of the tier were in it: what is hot waits for
                // nobody.
                counted = if is_cold { self.answers.try_take(length as u64) } else { None };
                if counted.is_none() {
                    let session = asked.session.take();
                    self.ends = Ends::default();
                    return self.stream(&known, version, session).await;
                }
            }
            // Records of another time go into it.
            Then::Cold(_) if length > UNCOUNTED_BYTES => {
                // It is waited for only where neither memory has any: what is hot is not to wait for who reads slowly.
                let length = length as u64;
                counted = self.answers.try_take(length).or_else(|| self.plain.try_take(length));
                if counted.is_none() {
                    counted = Some(self.answers.take(length).await);
                }
            }
            _ if length > UNCOUNTED_BYTES => counted = Some(self.plain.take(length as u64).await),
            _ => {}
        }
        let Some(frame) = self.broker.whole().await? else { return Ok(false) };
        let mut answer = match then {
            Then::Versions => versions::cap(&frame.freeze(), version, self.pass_unknown)?,
            Then::Addresses => {
                let frame = frame.freeze();
                if api == Api::METADATA {
                    self.note_names(&frame, version)?;
                }
                addresses::rewrite(api, version, &frame, self.nodes)?
            }
            Then::Handshake(mechanism) => {
                let frame = frame.freeze();
                login::note_answer(&frame, version, mechanism, &self.visit.identity);
                framed(frame)
            }
            Then::Fetch => self.fetch(&frame.freeze(), version)?,
            Then::Cold(asked) => {
                let sent = self.fill(frame, version, asked, travelers).await;
                drop(counted);
                return sent;
            }
            Then::Merged(request) => self.merge(frame, api, &request).await?,
            Then::Spared(request, why) => {
                let mut frame = frame;
                patch_spared(&mut frame, &request, why)?;
                framed(frame.freeze())
            }
            Then::Nodes => {
                self.learn(&frame, version)?;
                return Ok(false);
            }
            Then::Names => {
                self.note_names(&frame, version)?;
                return Ok(true);
            }
            Then::Ends => {
                if let Some(tier) = &self.tier {
                    self.ends = own::note_ends(&frame, &tier.known())?;
                }
                return Ok(true);
            }
            Then::Consent => {
                self.consents = Some((Consents::read(api, version, frame.freeze())?, counted));
                return Ok(true);
            }
            Then::Seams(questions) => {
                note_seams(&frame, version, &questions)?;
                return Ok(true);
            }
            Then::Pass | Then::Waiting => framed(frame.freeze()),
        };
        let (held, _) = self.join(&mut answer, travelers).await?;
        self.client.send_held(&mut answer).await?;
        drop((counted, held));
        Ok(true)
    }

    fn fetch(&self, frame: &Bytes, version: i16) -> Result<Frame, Ended> {
        let answer: FetchResponse<'_> = read_response(frame, version)?;
        Ok(splice(frame, addresses::in_fetch(&answer, version, self.nodes)?)?)
    }

    /// Passes an answer to a fetch while the tier is to come. What is hot passes; where logs begin is not told, and what brokers have
    /// lost is told empty: it may be there.
    async fn pass_waiting(&mut self, version: i16, length: usize) -> Result<bool, Ended> {
        let mut empty = 0;
        let each = |_: ScannedTopic<'_>, front: PartitionFront, patches: &mut Patches| {
            if front.error_code.value == KafkaError::OffsetOutOfRange.code() {
                front.patch_empty(NOTHING, patches);
                empty += 1;
            } else if front.error_code.value == 0 {
                patches.set(&front.log_start_offset, start_to_tell(None, front.log_start_offset.value));
            }
        };
        let passed = self.broker.pass_fetch(&mut self.client, version, each).await?;
        if empty > 0 {
            self.counters.made(Tally { empty, ..Tally::default() });
            // A broker that has refused something answers at once; its client asks again at once.
            if length <= UNCOUNTED_BYTES {
                sleep(PAUSE).await;
            }
        }
        Ok(passed)
    }

    /// Passes a long answer to a fetch in which nothing of the tier is expected.
    async fn stream(
        &mut self,
        known: &Known,
        version: i16,
        mut session: Option<Session>,
    ) -> Result<bool, Ended> {
        // A long answer is longer than that.
        self.broker.peek(FETCH_FRONT_BYTES).await?;
        let front = FetchFront::read(self.broker.arrived()?, version)?;
        let (refusals, tier, mut refused) = (self.refusals.clone(), self.tier.clone(), 0);
        let has_looked_since = |at| tier.as_ref().is_none_or(|tier| tier.has_looked_since(at));
        let passing = Passing { known, refusals: &refusals, has_looked_since, version };
        let each = |topic: ScannedTopic<'_>, front: PartitionFront, patches: &mut Patches| {
            let is_refused = pass_entry(&passing, topic, front, patches);
            if is_refused {
                refused += 1;
                let key = TopicKey::of(topic.name, topic.id, version);
                // A session that the broker knows otherwise is not gone on with.
                session.take_if(|session| !session.suspect(key, front.partition_index));
            }
        };
        let passed = self.broker.pass_fetch(&mut self.client, version, each).await?;
        self.counters.made(Tally { empty: refused, ..Tally::default() });
        // Both halves are one task: nothing that the client asks is looked at between its last byte and this.
        if let Some(session) = session {
            self.kept.settle(session, front);
        }
        Ok(passed)
    }

    /// Fills an answer from the tier, sends it, and has read what was not waited for.
    async fn fill(
        &mut self,
        frame: BytesMut,
        version: i16,
        mut asked: Asked,
        travelers: Option<Box<Travelers>>,
    ) -> Result<bool, Ended> {
        let Some(tier) = self.tier.clone() else { return Ok(false) };
        self.turn = self.turn.wrapping_add(1);
        let client = clients::name(RequestHeader::read(&asked.frame)?.0.client_id);
        let cold_bytes = self.bandwidth.take(&client, self.limits.cold_bytes);
        asked.unproven = asked.unproven.or_else(|| self.visit.identity.unproven());
        let room = Room { memory: &self.answers, cold_bytes, turn: self.turn };
        let ends = std::mem::take(&mut self.ends);
        let told = ToldBefore { ends: &ends, refusals: &self.refusals };
        let answered = answer(frame, version, &mut asked, told, &tier, self.nodes, room).await;
        let read = answered.as_ref().map_or(0, |answered| answered.tally.bytes);
        self.bandwidth.settle(&client, cold_bytes, read);
        let mut answered = answered?;
        if answered.tally.filled > 0 {
            self.clients.note_read(self.visit.from, &client, read, answered.tally.filled);
        }
        self.counters.made(answered.tally);
        if let (Some(why), refused @ 1..) = (asked.unproven, answered.tally.unproven) {
            self.refuse(why, refused);
        }
        // Before the client can ask on.
        if let Some(session) = asked.session {
            self.kept.settle(session, answered.front);
        }
        let (held, pasts) = self.join(&mut answered.frame, travelers).await?;
        self.client.send_held(&mut answered.frame).await?;
        drop(held);
        let Answered { later, .. } = answered;
        for Later { tiered, tip, offset, max_bytes, sight } in later {
            let Some(max_bytes) = self.room_behind(&client, max_bytes) else { break };
            let tier = Arc::clone(&tier);
            // What comes of it stays with the reader, for the next answer.
            self.reads.spawn(async move {
                let got = fill(&tier.logs, &tip, offset, max_bytes, &sight).await;
                note_held_up(&tier, &tiered, &tip, offset, sight.isolation, &got);
            });
        }
        for past in pasts {
            let Some(max_bytes) = self.room_behind(&client, past.max_bytes) else { break };
            self.reads.spawn(past.read(max_bytes));
        }
        Ok(true)
    }

    /// How many of so many bytes are read behind an answer; `None` where nothing more is.
    fn room_behind(&mut self, client: &str, max_bytes: usize) -> Option<usize> {
        while self.reads.try_join_next().is_some() {}
        if self.reads.len() >= READS {
            return None;
        }
        // It is read for its client all the same, and kept by the reader alone.
        let max_bytes = self.bandwidth.take(client, max_bytes.min(BEHIND_BYTES));
        (max_bytes > 0).then_some(max_bytes)
    }

    /// Counts what was not filled because the broker knows the client by another name than its own, and says so once.
    fn refuse(&mut self, why: Unproven, partitions: u64) {
        self.counters.unproven(why, partitions);
        if !std::mem::replace(&mut self.has_said, true) {
            tracing::warn!(
                why = why.label(),
                "a client gets nothing from the tier: the broker does not know it by its own name"
            );
        }
    }

    /// Puts what is told of topics as they stood into an answer; gives the memory that is set aside for it.
    async fn join(
        &mut self,
        answer: &mut Frame,
        travelers: Option<Box<Travelers>>,
    ) -> Result<(Option<Taken>, Vec<PastLater>), Ended> {
        let (Some(travelers), Some((mut consents, _counted))) = (travelers, self.consents.take()) else {
            return Ok((None, Vec::new()));
        };
        let Some(tier) = self.tier.clone() else { return Ok((None, Vec::new())) };
        let Some(pasts) = &tier.pasts else { return Ok((None, Vec::new())) };
        if self.visit.identity.unproven().is_some() {
            consents = Consents::Unproven;
        }
        let (header, _) = RequestHeader::read(&travelers.request)?;
        let rest = std::mem::take(answer);
        if header.api != Api::FETCH {
            let most = most_bytes(&travelers, &consents)?;
            let held = self.plain.try_take(most).filter(|_| most > UNCOUNTED_BYTES as u64);
            if held.is_none() && most > UNCOUNTED_BYTES as u64 {
                consents = Consents::NoMemory;
            }
            *answer = join(rest, &travelers, &consents, &tier, pasts, Reading::NOTHING).await?.frame;
            return Ok((held, Vec::new()));
        }
        let client = clients::name(header.client_id);
        let granted = self.bandwidth.take(&client, self.limits.cold_bytes);
        let mut held =
            (granted > 0).then(|| self.answers.try_take_some(granted as u64, ROOM_LEAST)).flatten();
        let room = held.as_ref().map(|held| granted.min(usize::try_from(held.bytes()).unwrap_or(usize::MAX)));
        let reading = Reading { room, turn: self.turn };
        let joined = join(rest, &travelers, &consents, &tier, pasts, reading).await;
        let read = joined.as_ref().map_or(0, |joined| joined.tally.bytes);
        self.bandwidth.settle(&client, granted, read);
        let Joined { frame, tally, later } = joined?;
        if let Some(held) = &mut held {
            held.shrink_to(read);
        }
        if tally.filled > 0 {
            self.clients.note_read(self.visit.from, &client, read, tally.filled);
        }
        let throttled = if granted == 0 { tally.empty } else { 0 };
        self.counters.made(Tally { throttled, ..tally });
        *answer = frame;
        Ok((held, later))
    }

    /// Merges an answer with what the tier has.
    async fn merge(&self, mut frame: BytesMut, api: Api, request: &[u8]) -> Result<Frame, Ended> {
        if let Some(tier) = &self.tier {
            match api {
                Api::LIST_OFFSETS => patch_offsets(&mut frame, request, tier).await?,
                Api::OFFSET_FOR_LEADER_EPOCH => patch_epochs(&mut frame, request, tier).await?,
                _ => patch_deleted(&mut frame, request, tier).await?,
            }
        } else if api == Api::LIST_OFFSETS {
            patch_unknown(&mut frame, request)?;
        }
        Ok(framed(frame.freeze()))
    }

    fn note_names(&self, frame: &[u8], version: i16) -> Result<(), Ended> {
        if let Some(tier) = self.tier.as_ref().filter(|_| version >= own::METADATA_VERSION) {
            own::note_names(&read_response(frame, version)?, &tier.known());
        }
        Ok(())
    }

    fn learn(&self, frame: &[u8], version: i16) -> Result<(), Ended> {
        let answer: MetadataResponse<'_> = read_response(frame, version)?;
        compare(self.tier.as_deref(), answer.cluster_id);
        for broker in &answer.brokers {
            self.nodes.learn(broker.node_id, broker.host.value, broker.port.value)?;
        }
        Ok(())
    }
}

/// Whether a broker answers a request to whoever comes.
const fn is_before_entry(api: Api) -> bool {
    matches!(api, Api::API_VERSIONS | Api::SASL_HANDSHAKE | Api::SASL_AUTHENTICATE)
}
