//! A client by another implementation's codec, and a server to ask.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use firnline_index::NodeId;
use firnline_proxy::serve::{
    Anonymous, ByConnecting, Catalog, GroupSettings, Limits, Principal, Reach, Rights, Rule, Security,
    ServeSettings, Served, Server, TopicPattern, Who,
};
use firnline_reader::{Reader, ReaderSettings, Workers};
use firnline_store::Store;
use kafka_protocol::messages::{RequestHeader, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::tier::{World, cluster};

/// How long a test waits for what should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs.
pub(crate) struct Running {
    address: std::net::SocketAddr,
    end: oneshot::Sender<()>,
    tasks: JoinSet<()>,
    pub(crate) rights: watch::Sender<Arc<Rights>>,
    pub(crate) catalog: Arc<Catalog>,
    /// The reader's, with its counts.
    pub(crate) store: Store,
}

/// Lets the anonymous read the topics that an expression names.
pub(crate) fn anonymous_reads(topics: &str) -> Rights {
    let who = Who::Principal(Principal::Anonymous);
    Rights::new(vec![Rule { who, topics: TopicPattern::new(topics).unwrap() }])
}

pub(crate) fn settings() -> ServeSettings {
    ServeSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        advertised: None,
        node_id: NodeId::new(4).unwrap(),
        anonymous: Anonymous::Loopback,
        as_of: None,
        groups: GroupSettings::default(),
        limits: Limits::default(),
    }
}

fn reading() -> ReaderSettings {
    ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() }
}

impl World {
    /// A server of this tier that lets everybody read everything.
    pub(crate) async fn serve(&self) -> Running {
        self.serve_with(anonymous_reads(".*"), settings()).await
    }

    pub(crate) async fn serve_with(&self, rights: Rights, settings: ServeSettings) -> Running {
        self.serve_that(rights, settings, Security::default(), Arc::new(ByConnecting), reading()).await
    }

    /// A server for everybody that keeps so many bytes of blocks in memory.
    pub(crate) async fn serve_forgetful(&self, settings: ServeSettings, block_cache_bytes: u64) -> Running {
        let reader = ReaderSettings { block_cache_bytes, ..reading() };
        let reach = Arc::new(ByConnecting);
        self.serve_that(anonymous_reads(".*"), settings, Security::default(), reach, reader).await
    }

    /// A server with doors.
    pub(crate) async fn serve_behind(
        &self,
        rights: Rights,
        settings: ServeSettings,
        security: Security,
    ) -> Running {
        self.serve_that(rights, settings, security, Arc::new(ByConnecting), reading()).await
    }

    /// A server for everybody that finds out by something else whether other servers are there.
    pub(crate) async fn serve_reaching(&self, settings: ServeSettings, reach: Arc<dyn Reach>) -> Running {
        self.serve_that(anonymous_reads(".*"), settings, Security::default(), reach, reading()).await
    }

    async fn serve_that(
        &self,
        rights: Rights,
        settings: ServeSettings,
        security: Security,
        reach: Arc<dyn Reach>,
        reader: ReaderSettings,
    ) -> Running {
        let catalog = Catalog::load(self.store(), Arc::clone(&self.env.clock)).await.unwrap();
        let (store, catalog) = (self.store(), Arc::new(catalog));
        let (send, rights) = watch::channel(Arc::new(rights));
        let served = Served {
            cluster_id: cluster(),
            catalog: Arc::clone(&catalog),
            disks: None,
            max_manifest_age: reader.max_manifest_age,
            reader: Reader::new(store.clone(), reader),
            rights,
            security,
            store: store.clone(),
            clock: Arc::clone(&self.env.clock),
            random: Arc::clone(&self.env.random),
            reach,
        };
        let server = Server::bind(settings, served).await.unwrap();
        let (address, (end, ended)) = (server.address(), oneshot::channel());
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(async move {
            let _ = ended.await;
        }));
        Running { address, end, tasks, rights: send, catalog, store }
    }
}

impl Running {
    pub(crate) async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), asked: 0 }
    }

    pub(crate) fn port(&self) -> i32 {
        i32::from(self.address.port())
    }

    /// Ends it without a word to anybody.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.end.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.tasks.join_next()).await.expect("it stops").unwrap().unwrap();
    }
}

/// A connection of a client.
pub(crate) struct Client {
    stream: TcpStream,
    asked: i32,
}

impl Client {
    /// Asks, and waits for the answer, which has to be all of its frame.
    pub(crate) async fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        self.send(version, request).await;
        self.answer::<Q>(version).await
    }

    pub(crate) async fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        self.asked += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_string("test".to_owned())));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send_frame(&frame).await;
    }

    pub(crate) async fn answer<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut frame = self.frame().await.expect("the connection was closed instead of an answer");
        let header =
            ResponseHeader::decode(&mut frame, <Q::Response as HeaderVersion>::header_version(version))
                .unwrap();
        assert_eq!(header.correlation_id, self.asked);
        let response = Q::Response::decode(&mut frame, version).unwrap();
        assert_eq!(frame.remaining(), 0, "bytes are left over");
        response
    }

    pub(crate) async fn send_frame(&mut self, frame: &[u8]) {
        let length = i32::try_from(frame.len()).unwrap().to_be_bytes();
        self.send_bytes(&[&length, frame].concat()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame, its length cut off; `None` where the connection is closed.
    pub(crate) async fn frame(&mut self) -> Option<Bytes> {
        tokio::time::timeout(PATIENCE, async {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).await.ok()?;
            let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.into())
        })
        .await
        .expect("there is an answer in time")
    }
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}
