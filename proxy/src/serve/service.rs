//! From a request's frame to its answer's: reading, asking, writing. No socket is known here.

use std::sync::Arc;

use firnline_store::env::Random;
use firnline_store::{ByteBudget, Reservation};
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{cluster, configs, coordinator, metadata, refused, versions};
use super::catalog::Catalog;
use super::counts::Counters;
use super::fetch::{self, Plan, Sessions};
use super::groups::Groups;
use super::groups::requests::{self, Desk};
use super::login::Refused;
use super::logs::Logs;
use super::node::Node;
use super::offsets::{epochs, list};
use super::rights::{Principal, Rights};
use super::settings::Limits;
use super::stop::Stop;
use super::view::View;
use crate::counts::add;
use crate::wire::messages::fetch::FetchRequest;
use crate::wire::messages::find_coordinator::FindCoordinatorRequest;
use crate::wire::messages::metadata::MetadataRequest;
use crate::wire::{
    Api, Frame, Message, Reader, RequestHeader, WireError, WriteError, read_request, write_response,
};

/// Memory set aside for each byte of a request: what is made of a partition in it weighs at most so many times its own
/// bytes there, which are 16 in the smallest fetch.
const PER_REQUEST_BYTE: u64 = 48;
/// Memory set aside for each partition, value or coordinator of an answer that its request names in fewer bytes, or not at
/// all.
const PER_ELEMENT: u64 = 768;

/// Everything that answers are made of, shared by all connections.
#[derive(Debug)]
pub(crate) struct Service {
    node: Node,
    catalog: Arc<Catalog>,
    logs: Logs,
    sessions: Sessions,
    groups: Groups,
    rights: watch::Receiver<Arc<Rights>>,
    budget: ByteBudget,
    limits: Limits,
    counters: Arc<Counters>,
}

/// An answer, and the memory that was set aside for it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) frame: Frame,
    _held: Option<Reservation>,
}

impl Reply {
    /// One of a few bytes, for which nothing was set aside.
    pub(crate) fn small(frame: Frame) -> Self {
        Self { frame, _held: None }
    }
}

/// A request that gets no answer: its connection is closed, as a broker closes it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswerable {
    #[error("the request cannot be read")]
    Wire(#[from] WireError),
    #[error("the answer cannot be written")]
    Write(#[from] WriteError),
    #[error("version {version} of {api} is not answered here")]
    Version { api: Api, version: i16 },
    #[error("a request came before a login, or after what was proven there had ended")]
    Stranger,
    #[error("{0}")]
    Refused(Refused),
    #[error("records are refused, and their producer wants no answer")]
    Unheard,
}

/// A request at hand.
struct Request<'f> {
    header: RequestHeader<'f>,
    body: Reader<'f>,
    bytes: u64,
}

impl<'f> Request<'f> {
    fn read<M: Message<'f>>(&self) -> Result<M, WireError> {
        read_request(&self.header, self.body)
    }

    fn version(&self) -> i16 {
        self.header.version
    }

    /// What is set aside for all that is made of it, in bytes.
    fn memory(&self) -> u64 {
        self.bytes.saturating_mul(PER_REQUEST_BYTE)
    }

    fn write<'a, M: Message<'a>>(&self, message: &M) -> Result<Frame, WriteError> {
        write_response(message, self.version(), self.header.correlation_id)
    }
}

impl Service {
    pub(crate) fn new(
        node: Node,
        catalog: Arc<Catalog>,
        logs: Logs,
        groups: Groups,
        rights: watch::Receiver<Arc<Rights>>,
        random: Arc<dyn Random>,
        limits: Limits,
    ) -> Self {
        let sessions = Sessions::new(random, limits.sessions, limits.session_partitions);
        let budget = ByteBudget::new(limits.answers_bytes);
        let counters = Arc::new(Counters::new());
        Self { node, catalog, logs, sessions, groups, rights, budget, limits, counters }
    }

    pub(crate) const fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Answers the request in a frame, its length cut off. Waits until there is memory for it. Cancel safe; what a
    /// group was told to keep may be kept all the same.
    pub(crate) async fn answer(
        &self,
        who: &Principal,
        frame: &[u8],
        stop: &Stop,
    ) -> Result<Reply, Unanswerable> {
        let began = Instant::now();
        let reply = self.respond(who, frame, stop).await?;
        let (header, _) = RequestHeader::read(frame)?;
        self.counters.answered(header.api, began.elapsed());
        Ok(reply)
    }

    async fn respond(&self, who: &Principal, frame: &[u8], stop: &Stop) -> Result<Reply, Unanswerable> {
        let (header, body) = RequestHeader::read(frame)?;
        let request = Request { header, body, bytes: frame.len() as u64 };
        let (api, version) = (header.api, header.version);
        // The one request whose unknown versions are answered.
        if api != Api::API_VERSIONS && !versions::is_answered(api, version) {
            return Err(Unanswerable::Version { api, version });
        }
        let view = View::new(self.catalog.topics(), Arc::clone(&self.rights.borrow()), who.clone());
        match api {
            Api::FETCH => return self.fetch(&request, &view, stop).await,
            Api::METADATA => return self.metadata(&request, &view).await,
            Api::DESCRIBE_CONFIGS => return self.configs(&request, &view).await,
            Api::FIND_COORDINATOR => return self.coordinator(&request, &view).await,
            Api::JOIN_GROUP
            | Api::SYNC_GROUP
            | Api::HEARTBEAT
            | Api::LEAVE_GROUP
            | Api::OFFSET_COMMIT
            | Api::OFFSET_FETCH
            | Api::DESCRIBE_GROUPS
            | Api::LIST_GROUPS
            | Api::DELETE_GROUPS
            | Api::OFFSET_DELETE => {
                return self.group(&request, Desk { groups: &self.groups, view: &view, stop }).await;
            }
            _ => {}
        }
        let held = self.hold(&request, 0).await;
        let frame = match api {
            Api::API_VERSIONS => {
                let (version, response) = versions::answer(version);
                write_response(&response, version, header.correlation_id)?
            }
            Api::DESCRIBE_CLUSTER => request.write(&cluster::answer(&request.read()?, &self.node))?,
            Api::LIST_OFFSETS => {
                let asked = request.read()?;
                request.write(&list::answer(&asked, version, &view, &self.logs).await)?
            }
            Api::OFFSET_FOR_LEADER_EPOCH => {
                let asked = request.read()?;
                request.write(&epochs::answer(&asked, &view, &self.logs).await)?
            }
            Api::PRODUCE => match refused::produce(&request.read()?) {
                Some(response) => request.write(&response)?,
                None => return Err(Unanswerable::Unheard),
            },
            Api::INIT_PRODUCER_ID => request.write(&refused::init_producer_id(&request.read()?))?,
            Api::DELETE_RECORDS => request.write(&refused::delete_records(&request.read()?))?,
            _ => return Err(Unanswerable::Version { api, version }),
        };
        Ok(Reply { frame, _held: Some(held) })
    }

    async fn fetch(&self, request: &Request<'_>, view: &View, stop: &Stop) -> Result<Reply, Unanswerable> {
        let version = request.version();
        let asked: FetchRequest<'_> = request.read()?;
        // One reservation for all, as nobody may wait for memory while holding some.
        let partitions = match asked.session_epoch.value {
            1.. => self.sessions.partitions(asked.session_id) as u64,
            _ => 0,
        };
        let partitions = partitions.saturating_mul(PER_ELEMENT);
        let bytes = fetch::most_bytes(&asked, &self.limits) as u64;
        let mut held = self.hold(request, bytes.saturating_add(partitions)).await;
        let (turn, asks) = match self.sessions.begin(view.principal(), &asked, version) {
            Ok(begun) => begun,
            Err(error) => {
                return Ok(Reply { frame: request.write(&fetch::refused(error))?, _held: Some(held) });
            }
        };
        let plan = Plan::of(asks, &asked, view, &self.limits);
        let began = Instant::now();
        let got = fetch::read(&self.logs, &plan, began).await;
        // Most fetches wait at the end of a log, with nothing: what they might have had is for others.
        held.shrink_to(request.memory().saturating_add(partitions).saturating_add(fetch::bytes(&got) as u64));
        add(&self.counters.record_bytes, fetch::bytes(&got) as u64);
        fetch::hold(&plan, &got, began, stop).await;
        let frame = match self.sessions.end(turn, view.principal(), &plan, &got, version) {
            Ok(told) => request.write(&fetch::response(&plan, got, &told, version))?,
            Err(error) => request.write(&fetch::refused(error))?,
        };
        Ok(Reply { frame, _held: Some(held) })
    }

    async fn metadata(&self, request: &Request<'_>, view: &View) -> Result<Reply, Unanswerable> {
        let version = request.version();
        let asked: MetadataRequest<'_> = request.read()?;
        let partitions = metadata::partitions(&asked, version, view);
        let held = self.hold(request, partitions.saturating_mul(PER_ELEMENT)).await;
        Ok(Reply {
            frame: request.write(&metadata::answer(&asked, version, view, &self.node))?,
            _held: Some(held),
        })
    }

    async fn configs(&self, request: &Request<'_>, view: &View) -> Result<Reply, Unanswerable> {
        let asked = request.read()?;
        let values = configs::values(&asked, view);
        let held = self.hold(request, values.saturating_mul(PER_ELEMENT)).await;
        Ok(Reply { frame: request.write(&configs::answer(&asked, view, &self.node))?, _held: Some(held) })
    }

    async fn coordinator(&self, request: &Request<'_>, view: &View) -> Result<Reply, Unanswerable> {
        let asked: FindCoordinatorRequest<'_> = request.read()?;
        let keys = asked.coordinator_keys.len() as u64;
        let held = self.hold(request, keys.saturating_mul(PER_ELEMENT)).await;
        let found = coordinator::find(&asked, request.version(), view, &self.groups).await;
        let answer = coordinator::answer(request.version(), &found);
        Ok(Reply { frame: request.write(&answer)?, _held: Some(held) })
    }

    /// Requests about groups. Who waits for others holds no memory of answers: what is kept of its request is counted by the
    /// groups.
    async fn group(&self, request: &Request<'_>, desk: Desk<'_>) -> Result<Reply, Unanswerable> {
        let version = request.version();
        let mut held = self.hold(request, 0).await;
        let frame = match request.header.api {
            Api::JOIN_GROUP => {
                let fresh = self.groups.fresh_name();
                let asked = request.read()?;
                let entry = requests::join::Entry::of(&asked, version, request.header.client_id, &fresh);
                drop(held);
                let reply = requests::join::join(desk, entry).await;
                held = self.budget.reserve(requests::join::bytes(&reply)).await;
                request.write(&requests::join::answer(&reply, version))?
            }
            Api::SYNC_GROUP => {
                let part = requests::sync::Part::of(&request.read()?, self.groups.limits().members);
                drop(held);
                let reply = requests::sync::sync(desk, part).await;
                held = self.budget.reserve(requests::sync::bytes(&reply)).await;
                request.write(&requests::sync::answer(&reply))?
            }
            Api::HEARTBEAT => request.write(&requests::heartbeat::heartbeat(desk, &request.read()?).await)?,
            Api::LEAVE_GROUP => {
                let asked = request.read()?;
                request.write(&requests::leave::leave(desk, &asked, version).await)?
            }
            Api::OFFSET_COMMIT => {
                let asked = request.read()?;
                request.write(&requests::commit::commit(desk, &asked, version).await)?
            }
            Api::OFFSET_FETCH => {
                let asked = request.read()?;
                let told = requests::fetch::fetch(desk, &asked, version).await;
                held = self.instead(held, requests::fetch::bytes(&told)).await;
                request.write(&requests::fetch::answer(&told, version))?
            }
            Api::DESCRIBE_GROUPS => {
                let described = requests::describe::describe(desk, &request.read()?, version).await;
                held = self.instead(held, requests::describe::bytes(&described)).await;
                request.write(&requests::describe::answer(&described))?
            }
            Api::LIST_GROUPS => {
                let listed = requests::list::list(desk, &request.read()?).await;
                request.write(&requests::list::answer(&listed))?
            }
            Api::DELETE_GROUPS => {
                let deleted = requests::delete::groups(desk, &request.read()?).await;
                request.write(&requests::delete::answer(&deleted))?
            }
            Api::OFFSET_DELETE => request.write(&requests::delete::offsets(desk, &request.read()?).await)?,
            api => return Err(Unanswerable::Version { api, version }),
        };
        Ok(Reply { frame, _held: Some(held) })
    }

    /// Memory for an answer whose size is known by now, in the place of what was set aside for its request: nobody waits for more
    /// while holding some.
    async fn instead(&self, held: Reservation, bytes: u64) -> Reservation {
        drop(held);
        self.budget.reserve(bytes).await
    }

    async fn hold(&self, request: &Request<'_>, more: u64) -> Reservation {
        self.budget.reserve(request.memory().saturating_add(more)).await
    }
}
