//! Where the nodes are, asked at the start.

use bytes::Buf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::ended::Ended;
use super::shared::Shared;
use super::tier::Tier;
use crate::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use crate::wire::{read_response, write_request};

/// The longest answer that is believed about the nodes of a cluster.
const NODES_BYTES: usize = 16 << 20;
/// The version in which it is asked for.
const METADATA_VERSION: i16 = 10;

/// Asks a broker where the nodes are, as somebody who has not logged in. Where that is refused the first client teaches.
pub(crate) async fn learn(shared: &Shared) {
    if let Err(error) = ask(shared).await {
        let error = &error as &dyn std::error::Error;
        tracing::info!(
            error,
            "no broker tells a stranger where the nodes are; the first client will be told"
        );
    }
}

async fn ask(shared: &Shared) -> Result<(), Ended> {
    let limit = shared.limits.connect;
    let answer = timeout(limit, async {
        let mut broker = shared.any().await?;
        let request = MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
        let mut frame = write_request(&request, METADATA_VERSION, 0, None)?;
        while frame.has_remaining() {
            broker.write_buf(&mut frame).await.map_err(Ended::Broker)?;
        }
        broker.flush().await.map_err(Ended::Broker)?;
        let length = broker.read_u32().await.map_err(Ended::Broker)? as usize;
        let mut answer = Vec::new();
        if length <= NODES_BYTES {
            broker.take(length as u64).read_to_end(&mut answer).await.map_err(Ended::Broker)?;
        }
        Ok::<_, Ended>(answer)
    });
    let answer = answer.await.map_err(|_| Ended::Absent(limit))??;
    let answer: MetadataResponse<'_> = read_response(&answer, METADATA_VERSION)?;
    compare(shared.tier.get().map(|tier| &**tier), answer.cluster_id);
    for broker in &answer.brokers {
        shared.nodes.learn(broker.node_id, broker.host.value, broker.port.value)?;
    }
    Ok(())
}

/// Says so where the brokers are those of another cluster than the tier. Nothing wrong is served then, since topics go by
/// their ids; but nothing is filled either, and somebody wonders why.
pub(crate) fn compare(tier: Option<&Tier>, told: Option<&str>) {
    if let (Some(tier), Some(brokers)) = (tier, told)
        && tier.cluster_id.as_str() != brokers
    {
        tracing::error!(tier = %tier.cluster_id, brokers, "the tier is that of another cluster: nothing is filled from it");
    }
}
