//! A broker in this process that answers as it is told, or does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{
    ApiVersionsResponse, DescribeClusterResponse, ListGroupsResponse, ResponseHeader,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::address::Address;
use crate::wire::Api;

/// What becomes of a ListGroups, the question that these tests ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Answers,
    Hangs,
    Closes,
    AnswersAnother,
    ClaimsTooMuch,
    AnswersGarbage,
    EndsInMidFrame,
}

#[derive(Debug)]
pub(super) struct Fake {
    pub(super) address: Address,
    pub(super) manner: Mutex<Manner>,
    /// Connections accepted.
    pub(super) accepted: AtomicUsize,
    /// Connections open now.
    pub(super) open: AtomicUsize,
    /// The highest version of Metadata spoken.
    pub(super) metadata_max: i16,
    cluster: Mutex<Vec<(i32, Address)>>,
}

impl Fake {
    /// Starts brokers of one cluster, with the node ids 0, 1, …; they end with the set.
    pub(super) async fn start(count: usize, metadata_max: i16, tasks: &mut JoinSet<()>) -> Vec<Arc<Self>> {
        let mut fakes = Vec::new();
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = i32::from(listener.local_addr().unwrap().port());
            let fake = Arc::new(Self {
                address: Address::new("127.0.0.1", port).unwrap(),
                manner: Mutex::new(Manner::Answers),
                accepted: AtomicUsize::new(0),
                open: AtomicUsize::new(0),
                metadata_max,
                cluster: Mutex::default(),
            });
            fakes.push(fake.clone());
            tasks.spawn(fake.accept(listener));
        }
        let cluster: Vec<(i32, Address)> = (0..).zip(fakes.iter().map(|fake| fake.address.clone())).collect();
        for fake in &fakes {
            *fake.cluster.lock().unwrap() = cluster.clone();
        }
        fakes
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            self.accepted.fetch_add(1, Ordering::SeqCst);
            self.open.fetch_add(1, Ordering::SeqCst);
            let fake = self.clone();
            connections.spawn(async move {
                let _ = fake.serve(stream).await;
                fake.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let length = stream.read_u32().await?;
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await?;
            let mut frame = Bytes::from(frame);
            let (key, _version, correlation) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
            let api = Api::ALL.into_iter().find(|api| api.key() == key).expect("a request of ours");
            let manner = if api == Api::ListGroups { *self.manner.lock().unwrap() } else { Manner::Answers };
            let mut answer = self.answer(api, correlation + i32::from(manner == Manner::AnswersAnother));
            let mut claimed = u32::try_from(answer.len()).unwrap();
            match manner {
                Manner::Answers | Manner::AnswersAnother => {}
                Manner::Hangs => tokio::time::sleep(Duration::from_secs(3600)).await,
                Manner::Closes => return Ok(()),
                Manner::ClaimsTooMuch => claimed = 0x7fff_ffff,
                Manner::AnswersGarbage => {
                    // A count of elements that would take hundreds of gigabytes.
                    answer.truncate(11);
                    answer.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
                    claimed = u32::try_from(answer.len()).unwrap();
                }
                Manner::EndsInMidFrame => claimed += 1,
            }
            stream.write_u32(claimed).await?;
            stream.write_all(&answer).await?;
            if manner == Manner::EndsInMidFrame {
                return Ok(());
            }
        }
    }

    fn answer(&self, api: Api, correlation: i32) -> BytesMut {
        let mut answer = BytesMut::new();
        let header = ResponseHeader::default().with_correlation_id(correlation);
        let mut put = |header_version, body: &dyn Fn(&mut BytesMut)| {
            header.encode(&mut answer, header_version).unwrap();
            body(&mut answer);
        };
        match api {
            Api::ApiVersions => put(0, &|to| self.versions().encode(to, 3).unwrap()),
            Api::DescribeCluster => put(1, &|to| self.describe().encode(to, 0).unwrap()),
            Api::ListGroups => put(1, &|to| ListGroupsResponse::default().encode(to, 4).unwrap()),
            other => panic!("{other} is not asked here"),
        }
        answer
    }

    fn versions(&self) -> ApiVersionsResponse {
        let range = |api: Api| {
            let max = if api == Api::Metadata { self.metadata_max } else { 99 };
            ApiVersion::default().with_api_key(api.key()).with_min_version(0).with_max_version(max)
        };
        ApiVersionsResponse::default().with_api_keys(Api::ALL.into_iter().map(range).collect())
    }

    fn describe(&self) -> DescribeClusterResponse {
        let cluster = self.cluster.lock().unwrap();
        let brokers = cluster.iter().map(|(node, address)| {
            DescribeClusterBroker::default()
                .with_broker_id((*node).into())
                .with_host(StrBytes::from_string(address.host().to_owned()))
                .with_port(i32::from(address.port()))
        });
        DescribeClusterResponse::default()
            .with_cluster_id(StrBytes::from_static_str("fake"))
            .with_brokers(brokers.collect())
    }
}
