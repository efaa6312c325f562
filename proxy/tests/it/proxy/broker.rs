//! A broker by another implementation's codec, and a proxy before it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use firnline_proxy::proxy::{Address, Archive, Proxy, ProxyLimits, ProxySettings};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// How long a test waits for what should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A request as the broker got it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The frame, its length cut off.
    pub(crate) frame: Bytes,
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
}

impl Asked {
    fn of(frame: Bytes) -> Self {
        let mut front = frame.clone();
        let (key, version, correlation) =
            if front.len() >= 8 { (front.get_i16(), front.get_i16(), front.get_i32()) } else { (-1, -1, -1) };
        Self { frame, key, version, correlation }
    }

    /// What it says.
    pub(crate) fn body<Q: Request>(&self) -> Q {
        let mut frame = self.frame.clone();
        RequestHeader::decode(&mut frame, Q::header_version(self.version)).unwrap();
        Q::decode(&mut frame, self.version).unwrap()
    }

    /// An answer to it, its length not before it.
    pub(crate) fn answer<R: Encodable + HeaderVersion>(&self, response: &R) -> Bytes {
        let mut frame = BytesMut::new();
        let header = ResponseHeader::default().with_correlation_id(self.correlation);
        header.encode(&mut frame, R::header_version(self.version)).unwrap();
        response.encode(&mut frame, self.version).unwrap();
        frame.freeze()
    }

    /// An answer that says nothing but the number, and some bytes.
    pub(crate) fn echo(&self, rest: &[u8]) -> Bytes {
        [&self.correlation.to_be_bytes()[..], rest].concat().into()
    }
}

type Says = dyn Fn(&Asked) -> Vec<Bytes> + Send + Sync;

/// A broker that runs. All that it was asked is kept.
pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Broker {
    /// It answers each request with the frames that `says` gives.
    pub(crate) async fn start(says: impl Fn(&Asked) -> Vec<Bytes> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<Asked>>>::default());
        let (says, heard): (Arc<Says>, _) = (Arc::new(says), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(answer(stream, Arc::clone(&says), Arc::clone(&heard)));
            }
        });
        Self { port, asked, _tasks: tasks }
    }

    /// All that it was asked, but for what a proxy asks at its start.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked.key != ApiKey::Metadata as i16 || asked.correlation != 0)
            .cloned()
            .collect()
    }
}

async fn answer(mut stream: TcpStream, says: Arc<Says>, heard: Arc<Mutex<Vec<Asked>>>) {
    loop {
        let Ok(length) = stream.read_u32().await else { return };
        let mut frame = vec![0; length as usize];
        if stream.read_exact(&mut frame).await.is_err() {
            return;
        }
        let asked = Asked::of(frame.into());
        heard.lock().unwrap().push(asked.clone());
        for frame in says(&asked) {
            let length = u32::try_from(frame.len()).unwrap();
            let whole = [&length.to_be_bytes()[..], &frame].concat();
            if stream.write_all(&whole).await.is_err() {
                return;
            }
        }
    }
}

/// A proxy that runs.
pub(crate) struct Running {
    pub(crate) port: u16,
    /// The port of node 0.
    pub(crate) base: u16,
    end: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

/// Settings before a broker, with eight ports for nodes.
pub(crate) fn settings(broker: u16) -> ProxySettings {
    ProxySettings {
        upstream: vec![Address { host: "127.0.0.1".into(), port: broker }],
        listen: "127.0.0.1:0".parse().unwrap(),
        advertised_host: None,
        node_port_base: Some(free_ports()),
        node_names: None,
        advertised_port: None,
        expected_nodes: None,
        pass_unknown: false,
        time_travel: false,
        limits: ProxyLimits::default(),
    }
}

/// The first of eight ports that nobody has.
fn free_ports() -> u16 {
    (0..100)
        .find_map(|_| {
            let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = first.local_addr().unwrap().port();
            let others =
                (1..8).map(|more| std::net::TcpListener::bind(("127.0.0.1", port.checked_add(more)?)).ok());
            others.collect::<Option<Vec<_>>>().map(|_| port)
        })
        .expect("eight ports in a row are free")
}

impl Running {
    pub(crate) async fn start(settings: ProxySettings) -> Self {
        Self::run(settings, None).await
    }

    pub(crate) async fn filling(settings: ProxySettings, archive: Archive) -> Self {
        Self::run(settings, Some(archive)).await
    }

    async fn run(settings: ProxySettings, archive: Option<Archive>) -> Self {
        let base = settings.node_port_base.unwrap();
        Self::of(Proxy::bind(settings, archive).await.unwrap(), base)
    }

    /// One whose node 0 has this port.
    pub(crate) fn of(proxy: Proxy, base: u16) -> Self {
        let (port, (end, ended)) = (proxy.address().port(), oneshot::channel());
        let mut tasks = JoinSet::new();
        tasks.spawn(proxy.run(async move {
            let _ = ended.await;
        }));
        Self { port, base, end: Some(end), tasks }
    }

    pub(crate) async fn before(broker: &Broker) -> Self {
        Self::start(settings(broker.port)).await
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_at(self.port).await
    }

    pub(crate) async fn client_at(&self, port: u16) -> Client {
        Client { stream: TcpStream::connect(("127.0.0.1", port)).await.unwrap(), asked: 0 }
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        self.end.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub(crate) async fn ended(mut self) {
        tokio::time::timeout(PATIENCE, self.tasks.join_next()).await.expect("it stops").unwrap().unwrap();
    }
}

/// A connection of a client.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    asked: i32,
}

impl Client {
    pub(crate) async fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        self.send(version, request).await;
        self.answer::<Q>(version).await
    }

    pub(crate) async fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        self.asked += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked);
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send_frame(&frame).await;
    }

    pub(crate) async fn send_frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap();
        self.stream.write_all(&[&length.to_be_bytes()[..], frame].concat()).await.unwrap();
    }

    pub(crate) async fn answer<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut frame = self.frame().await.expect("the connection was closed instead of an answer");
        let header = <Q::Response as HeaderVersion>::header_version(version);
        let header = ResponseHeader::decode(&mut frame, header).unwrap();
        assert_eq!(header.correlation_id, self.asked);
        let response = Q::Response::decode(&mut frame, version).unwrap();
        assert_eq!(frame.remaining(), 0, "bytes are left over");
        response
    }

    /// The next frame, its length cut off; `None` where the connection is closed.
    pub(crate) async fn frame(&mut self) -> Option<Bytes> {
        let frame = async {
            let length = self.stream.read_u32().await.ok()?;
            let mut frame = vec![0; length as usize];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.into())
        };
        tokio::time::timeout(PATIENCE, frame).await.expect("there is an answer in time")
    }
}
