//! From the client to the broker: each request is looked at, written down, and passed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::clients::Clients;
use super::connection::Visit;
use super::counts::Counters;
use super::ended::Ended;
use super::fetch::{Asked, Kept, Look, Refusals, Wanted, ask_seams, look, refused};
use super::line::{Awaited, Line, Then};
use super::link::{Sink, Source, framed};
use super::login::{self, Begun, Handshake};
use super::offsets::{Names, names_wanted, spare};
use super::own;
use super::route::{Route, route};
use super::settings::ProxyLimits;
use super::shares::{Share, Taken};
use super::tier::{Behind, Tier};
use super::travel::{Split, Travelers, split};
use super::versions;
use crate::serve::kafka_error::KafkaError;
use crate::serve::stop::Stop;
use crate::wire::{Api, Frame, RequestHeader, WireError};

/// Enough for the fronts of nearly all requests.
const FRONT_BYTES: usize = 256;
/// As long a front is waited for at most: names in it are of at most 32 KiB.
const FRONT_BYTES_MAX: usize = 80 << 10;
/// Requests up to this long are held without being counted: each connection has room for one.
pub(crate) const UNCOUNTED_BYTES: usize = 64 << 10;

/// How long a deletion waits for what may have come to the tier.
const DELETION_PATIENCE: Duration = Duration::from_secs(2);

/// How the client's side ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// The client has gone.
    Gone,
    /// It is time to stop; answers to what was asked are still to go out.
    Stopped,
}

/// What a connection to the broker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The client's requests.
    Serve,
    /// To learn where the nodes are, once the client has logged in; then it is closed, and the client comes again.
    Learn,
}

/// The client's half.
pub(crate) struct Up<'p, R, W> {
    pub(crate) client: Source<R>,
    pub(crate) broker: Sink<W>,
    pub(crate) lines: mpsc::Sender<Line>,
    pub(crate) limits: &'p ProxyLimits,
    /// For long requests.
    pub(crate) requests: Share,
    /// For sessions.
    pub(crate) sessions: Share,
    /// The session of this one.
    pub(crate) kept: Kept,
    /// What the broker has refused on it.
    pub(crate) refusals: Refusals,
    /// What is filled from, as soon as it is there.
    pub(crate) tier: Option<&'p Tier>,
    pub(crate) behind: &'p Behind,
    pub(crate) pass_unknown: bool,
    pub(crate) counters: &'p Counters,
    pub(crate) visit: &'p Visit,
    pub(crate) clients: &'p Clients,
    pub(crate) stop: Stop,
    /// Bare frames of a login that are still to come.
    pub(crate) bare: usize,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Up<'_, R, W> {
    /// Passes requests until the client goes, something is wrong, or it is time to stop. The broker's connection is given
    /// back, for whoever closes it.
    pub(crate) async fn run(mut self) -> Result<(Done, Sink<W>), Ended> {
        loop {
            let idle = self.limits.idle;
            let stop = self.stop.clone();
            let came = tokio::select! {
                came = timeout(idle, self.client.wait()) => came.map_err(|_| Ended::Idle(idle))??,
                () = stop.stopped() => return Ok((Done::Stopped, self.broker)),
            };
            if !came || !self.request().await? {
                return Ok((Done::Gone, self.broker));
            }
        }
    }

    /// Takes the request of which something has come; `false` where no further one is to be taken.
    async fn request(&mut self) -> Result<bool, Ended> {
        self.tier = self.tier.or_else(|| self.behind.get().map(|tier| &**tier));
        if self.bare > 0 {
            self.bare -= 1;
            self.write_down(Line::Bare).await;
            return if self.client.peek(0).await?.is_some() { self.pass().await } else { Ok(false) };
        }
        let Some(route) = self.route().await? else { return Ok(false) };
        let (header, _) = RequestHeader::read(self.client.arrived()?)?;
        let (api, version, correlation_id) = (header.api, header.version, header.correlation_id);
        let line = |then| Line::Awaited(Awaited::new(api, version, correlation_id, then));
        if self.visit.purpose == Purpose::Learn && !comes_before_login_ends(route) {
            self.ask_for_nodes().await?;
            return Ok(false);
        }
        match route {
            Route::Unknown if !self.pass_unknown || api.row().is_some() => {
                return Err(Ended::Unknown { api, version });
            }
            Route::VersionsTooNew => {
                let own = versions::too_new(correlation_id)?;
                if self.hold().await?.is_none() {
                    return Ok(false);
                }
                self.write_down(Line::Own(own, None)).await;
                return Ok(true);
            }
            Route::Handshake => return self.handshake(version, correlation_id).await,
            Route::Unanswered => {}
            Route::Addresses => {
                if let Some(tier) = self.tier.filter(|tier| api == Api::METADATA && tier.pasts.is_some()) {
                    return self.metadata(tier, version, correlation_id).await;
                }
                self.write_down(line(Then::Addresses)).await;
            }
            Route::Versions => self.write_down(line(Then::Versions)).await,
            Route::Fetch => {
                if let Some(tier) = self.tier {
                    return self.fetch(tier, version, correlation_id).await;
                }
                let is_awaited = self.behind.is_awaited();
                self.write_down(line(if is_awaited { Then::Waiting } else { Then::Fetch })).await;
            }
            Route::ListOffsets | Route::Epochs | Route::DeleteRecords => {
                if let Some(tier) = self.tier {
                    return self.merged(tier, api, version, correlation_id).await;
                }
                if self.behind.is_awaited() && route != Route::Epochs {
                    return self.unmerged(api, version, correlation_id).await;
                }
                self.write_down(line(Then::Pass)).await;
            }
            Route::Pass => {
                self.clients.note_group(self.visit.from, self.client.arrived()?);
                self.write_down(line(Then::Pass)).await;
            }
            Route::Login | Route::Unknown => self.write_down(line(Then::Pass)).await,
        }
        let has_passed = self.pass().await?;
        if has_passed && !comes_before_login_ends(route) {
            self.visit.place.ask();
        }
        Ok(has_passed)
    }

    /// Passes the request at the front, whose length is there.
    async fn pass(&mut self) -> Result<bool, Ended> {
        if let Some(length) = self.client.peek(0).await? {
            self.counters.passed(length);
        }
        self.client.pass(&mut self.broker).await
    }

    /// Passes a request that was held.
    async fn send(&mut self, frame: Bytes) -> Result<(), Ended> {
        self.counters.passed(frame.len());
        self.broker.send(&mut framed(frame)).await?;
        self.visit.place.ask();
        Ok(())
    }

    /// Looks at as much of the front as it takes.
    async fn route(&mut self) -> Result<Option<Route>, Ended> {
        let mut bytes = FRONT_BYTES;
        loop {
            let Some(length) = self.client.peek(bytes).await? else { return Ok(None) };
            match route(self.client.arrived()?) {
                Ok(route) => return Ok(Some(route)),
                Err(WireError::Short { .. }) if bytes < length.min(FRONT_BYTES_MAX) => bytes *= 4,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn handshake(&mut self, version: i16, correlation_id: i32) -> Result<bool, Ended> {
        let Some(frame) = self.hold().await? else { return Ok(false) };
        let Begun { mechanism, follows } = login::handshake(&frame)?;
        match follows {
            Handshake::Requests => {}
            Handshake::Tokens(tokens) => self.bare = tokens,
            Handshake::Unknown => {
                self.write_down(Line::Own(login::refused(version, correlation_id)?, None)).await;
                return Ok(true);
            }
        }
        let (api, then) = (Api::SASL_HANDSHAKE, Then::Handshake(mechanism));
        self.write_down(Line::Awaited(Awaited::new(api, version, correlation_id, then))).await;
        self.counters.passed(frame.len());
        self.broker.send(&mut framed(frame)).await?;
        Ok(true)
    }

    /// All of the request at the front, its length cut off.
    async fn hold(&mut self) -> Result<Option<Bytes>, Ended> {
        Ok(self.take().await?.map(|(frame, _)| frame.freeze()))
    }

    /// The same, to be changed, with the memory that is set aside for it.
    async fn take(&mut self) -> Result<Option<(BytesMut, Option<Taken>)>, Ended> {
        let Some(length) = self.client.peek(0).await? else { return Ok(None) };
        // What waits for answers is kept with them: one short request is for free, a queue of them is not.
        let is_first = self.lines.capacity() == self.lines.max_capacity();
        if length <= UNCOUNTED_BYTES && is_first || length > self.limits.request_bytes {
            return Ok(self.client.whole().await?.map(|frame| (frame, None)));
        }
        // Who only claims that much comes by no memory: it is set aside once as much has come as is for free, and what is left
        // has to come before long.
        if self.client.peek(UNCOUNTED_BYTES).await?.is_none() {
            return Ok(None);
        }
        let counted = self.requests.take(length as u64).await;
        let limit = self.limits.stall;
        let whole = timeout(limit, self.client.whole()).await.map_err(|_| Ended::Stalled(limit))??;
        Ok(whole.map(|frame| (frame, Some(counted))))
    }

    async fn fetch(&mut self, tier: &Tier, version: i16, correlation_id: i32) -> Result<bool, Ended> {
        let Some((frame, counted)) = self.take().await? else { return Ok(false) };
        let (frame, travelers) = self.without_travelers(tier, frame.freeze()).await?;
        let mut frame = BytesMut::from(frame);
        let known = tier.known();
        let look = look(&mut frame, &known, &self.kept, &self.refusals, &self.sessions)?;
        let frame = frame.freeze();
        let then = match look {
            Look::Pass => Then::Pass,
            Look::Refuse(error) => {
                self.write_down(Line::Own(refused(error, version, correlation_id)?, None)).await;
                return Ok(true);
            }
            Look::Ask { session, wanted, max_bytes } => {
                self.ask_ahead(&frame, wanted).await?;
                let unproven = self.visit.identity.unproven();
                let frame = frame.clone();
                Then::Cold(Asked { frame, max_bytes, session, unproven })
            }
        };
        let line = Awaited::new(Api::FETCH, version, correlation_id, then);
        self.write_down(Line::Awaited(Awaited { travelers, counted, ..line })).await;
        self.send(frame).await?;
        Ok(true)
    }

    /// Metadata, where topics as they stood may be asked for.
    async fn metadata(&mut self, tier: &Tier, version: i16, correlation_id: i32) -> Result<bool, Ended> {
        let Some((frame, counted)) = self.take().await? else { return Ok(false) };
        let (frame, travelers) = self.without_travelers(tier, frame.freeze()).await?;
        let line = Awaited::new(Api::METADATA, version, correlation_id, Then::Addresses);
        let counted = counted.filter(|_| travelers.is_some());
        self.write_down(Line::Awaited(Awaited { travelers, counted, ..line })).await;
        self.send(frame).await?;
        Ok(true)
    }

    /// Takes topics as they stood out of a request, and asks the broker in their stead about those behind them.
    async fn without_travelers(
        &mut self,
        tier: &Tier,
        frame: Bytes,
    ) -> Result<(Bytes, Option<Box<Travelers>>), Ended> {
        // Whom the broker knows by another name than his own it cannot consent for.
        let pasts = tier.pasts.as_ref().filter(|_| self.visit.identity.unproven().is_none());
        let Some(pasts) = pasts else { return Ok((frame, None)) };
        let Some(split) = split(&frame, &tier.known(), pasts)? else { return Ok((frame, None)) };
        let Split { rest, question: (api, version, question), stale, travelers } = split;
        self.ask_ahead(&frame, Wanted { names: stale, ..Wanted::default() }).await?;
        self.ask(api, version, question, Then::Consent).await?;
        Ok((rest, Some(Box::new(travelers))))
    }

    /// A request that names topics, whose answer is merged with what the tier has.
    async fn merged(
        &mut self,
        tier: &Tier,
        api: Api,
        version: i16,
        correlation_id: i32,
    ) -> Result<bool, Ended> {
        let Some((frame, counted)) = self.take().await? else { return Ok(false) };
        let (frame, travelers) = self.without_travelers(tier, frame.freeze()).await?;
        let mut names = names_wanted(&frame, &tier.known())?;
        if names == Names::Foreign && api == Api::DELETE_RECORDS {
            // What comes to the tier has to be known before something of it is deleted.
            tier.look_again(DELETION_PATIENCE).await;
            names = names_wanted(&frame, &tier.known())?;
        }
        let may_delete = tier.may_delete && self.visit.identity.unproven().is_none();
        let then = match names {
            // Its topics may be in the tier since a moment ago, which is seen by the answer.
            Names::Foreign if api == Api::LIST_OFFSETS => Then::Merged(frame.clone()),
            Names::Replicas | Names::Foreign => Then::Pass,
            // By the right of the proxy nobody else deletes anything.
            Names::Tiers(_) if api == Api::DELETE_RECORDS && !may_delete => {
                let of_tier = |name: &str| tier.known().named(name).is_some();
                let why = KafkaError::TopicAuthorizationFailed;
                return self.spared(frame, counted, of_tier, why).await;
            }
            Names::Tiers(names) => {
                self.ask_ahead(&frame, Wanted { names, ..Wanted::default() }).await?;
                Then::Merged(frame.clone())
            }
        };
        let counted = counted.filter(|_| travelers.is_some() || matches!(then, Then::Merged(_)));
        let line = Awaited::new(api, version, correlation_id, then);
        self.write_down(Line::Awaited(Awaited { travelers, counted, ..line })).await;
        self.send(frame).await?;
        Ok(true)
    }

    /// The same while the tier is to come: nothing is told that it could belie, and nothing is deleted that it has.
    async fn unmerged(&mut self, api: Api, version: i16, correlation_id: i32) -> Result<bool, Ended> {
        let Some((frame, counted)) = self.take().await? else { return Ok(false) };
        let frame = frame.freeze();
        if api == Api::DELETE_RECORDS {
            return self.spared(frame, counted, |_| true, KafkaError::RequestTimedOut).await;
        }
        let line = Awaited::new(api, version, correlation_id, Then::Merged(frame.clone()));
        self.write_down(Line::Awaited(Awaited { counted, ..line })).await;
        self.send(frame).await?;
        Ok(true)
    }

    /// A deletion of which these topics are spared: the broker says who may, and deletes nothing of them.
    async fn spared(
        &mut self,
        frame: Bytes,
        counted: Option<Taken>,
        is_spared: impl Fn(&str) -> bool,
        why: KafkaError,
    ) -> Result<bool, Ended> {
        let mut frame = BytesMut::from(frame);
        spare(&mut frame, is_spared)?;
        let frame = frame.freeze();
        let (header, _) = RequestHeader::read(&frame)?;
        let then = Then::Spared(frame.clone(), why);
        let line = Awaited::new(header.api, header.version, header.correlation_id, then);
        self.write_down(Line::Awaited(Awaited { counted, ..line })).await;
        self.send(frame).await?;
        Ok(true)
    }

    /// Asks what a request in a frame needs to be known, under the name that it bears.
    async fn ask_ahead(&mut self, frame: &[u8], wanted: Wanted) -> Result<(), Ended> {
        let (header, _) = RequestHeader::read(frame)?;
        let client = header.client_id;
        if !wanted.names.is_empty() {
            let names = wanted.names.iter().map(String::as_str);
            let question = own::names(names, client)?;
            self.ask(Api::METADATA, own::METADATA_VERSION, question, Then::Names).await?;
        }
        if !wanted.ends.is_empty() {
            let question = own::ends(&wanted.ends, client)?;
            self.ask(Api::LIST_OFFSETS, own::LIST_OFFSETS_VERSION, question, Then::Ends).await?;
        }
        for questions in [wanted.seams.lists, wanted.seams.walks] {
            if !questions.is_empty() {
                let (api, version) = (header.api, header.version);
                let question = ask_seams(&questions, version, client)?;
                self.ask(api, version, question, Then::Seams(questions)).await?;
            }
        }
        Ok(())
    }

    async fn ask(&mut self, api: Api, version: i16, mut question: Frame, then: Then) -> Result<(), Ended> {
        self.write_down(Line::Awaited(Awaited::new(api, version, own::CORRELATION, then))).await;
        self.broker.send(&mut question).await
    }

    /// Asks the broker, in the client's stead, where the nodes are.
    async fn ask_for_nodes(&mut self) -> Result<(), Ended> {
        let question = own::nodes(None)?;
        self.ask(Api::METADATA, own::METADATA_VERSION, question, Then::Nodes).await
    }

    async fn write_down(&mut self, line: Line) {
        // Where nobody takes answers any more the connection is about to end, whatever is written to it.
        let _ = self.lines.send(line).await;
    }
}

/// Whether a request may come before its client has logged in. What comes behind is answered by the node that it is meant
/// for.
const fn comes_before_login_ends(route: Route) -> bool {
    matches!(route, Route::Versions | Route::VersionsTooNew | Route::Handshake | Route::Login)
}
