//! What brokers with KIP-405 know of remote segments: their topic, read from its first offset to the end that it has when the
//! reading begins.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed, verify_crc};
use firnline_index::remote_log::{METADATA_TOPIC, RemoteLogEvent, RemoteLogView};
use firnline_index::{NodeId, Offset};
use firnline_kafka::requests::fetch::FetchAsk;
use firnline_kafka::requests::metadata::{Partition, Topic};
use firnline_kafka::requests::offsets::{LeaderAsk, Position};
use firnline_kafka::{Client, Lease, RequestError};
use firnline_records::{DecodeLimits, decode_batch};

use crate::failure::{Failure, Result, codes};

/// Reads all of it. What cannot be read or understood, or does not reach back to the beginning, ends it: nothing may be
/// concluded from a part.
pub async fn read(client: &Client) -> Result<RemoteLogView> {
    let topics = client.all_topics().await.map_err(silent)?;
    let of_brokers = topics.into_iter().flatten().find(|topic| topic.name.as_str() == METADATA_TOPIC);
    let topic = of_brokers.ok_or_else(|| {
        unread(format!("the brokers show no topic {METADATA_TOPIC}"))
            .help("name brokers that tier by the plugin, with a login that may Describe and Read that topic")
    })?;
    let mut view = RemoteLogView::default();
    for partition in &topic.partitions {
        read_partition(client, &topic, partition, &mut view).await?;
    }
    Ok(view)
}

async fn read_partition(
    client: &Client,
    topic: &Topic,
    partition: &Partition,
    view: &mut RemoteLogView,
) -> Result<()> {
    let name = format!("{}/{}", topic.name, partition.partition);
    let leader = partition.leader.ok_or_else(|| unread(format!("{name} has no leader now")))?;
    let (node, epoch): (NodeId, _) = leader;
    let mut lease = client.lease(node).await.map_err(silent)?;
    let ask = [LeaderAsk { topic: topic.name.clone(), partition: partition.partition, epoch }];
    let end = offset(&mut lease, Position::HighWatermark, &ask, &name).await?;
    let start = offset(&mut lease, Position::LogStart, &ask, &name).await?;
    if start > Offset::ZERO {
        let what = format!("{name} begins at offset {start}: what the brokers said before is gone");
        return Err(unread(what).help("its retention must be without a limit, as brokers make it").into());
    }
    let mut next = Offset::ZERO;
    while next < end {
        let ask = FetchAsk { topic_id: topic.id, partition: partition.partition, epoch, from: next };
        let fetched = lease.fetch(&ask).await.map_err(silent)?;
        let fetched = fetched.map_err(|code| unread(format!("{name} at offset {next}: {code}")))?;
        let after = take(&fetched.batches, next, view)
            .map_err(|failure| Failure { message: format!("{name}: {}", failure.message), ..failure })?;
        if after == next {
            return Err(unread(format!("{name} gives nothing at offset {next}, before its end {end}")).into());
        }
        next = after;
    }
    Ok(())
}

async fn offset(lease: &mut Lease, position: Position, ask: &[LeaderAsk], name: &str) -> Result<Offset> {
    let told = lease.offsets(position, ask).await.map_err(silent)?;
    let told = told.into_iter().next().ok_or_else(|| unread(format!("{name}: no offset was told")))?;
    Ok(told.map_err(|code| unread(format!("{name}: {code}")))?)
}

/// Takes in the events of whole batches from `next` on; gives where the last of them ends.
fn take(batches: &Bytes, next: Offset, view: &mut RemoteLogView) -> std::result::Result<Offset, Failure> {
    let wrong = |error: &dyn std::fmt::Display| unread(error.to_string());
    let (mut rest, mut at) = (batches.clone(), next);
    loop {
        let parsed = BatchHeader::parse(&rest, at, &BatchLimits::default()).map_err(|error| wrong(&error))?;
        // A broker cuts its answer off anywhere.
        let Parsed::Header(header) = parsed else { return Ok(at) };
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        if rest.len() < size {
            return Ok(at);
        }
        let batch = rest.split_to(size);
        verify_crc(&header, &batch).map_err(|error| wrong(&error))?;
        if !header.control {
            let records = decode_batch(&header, batch, &DecodeLimits::default());
            for record in records.map_err(|error| wrong(&error))? {
                let record = record.map_err(|error| wrong(&error))?;
                let Some(value) = record.value.filter(|_| record.offset >= next) else { continue };
                let event = RemoteLogEvent::parse(&value);
                event
                    .and_then(|event| view.take(event))
                    .map_err(|fault| unread(format!("what stands at offset {}: {fault}", record.offset)))?;
            }
        }
        at = header.next_offset();
    }
}

/// The brokers do not tell it.
pub fn silent(error: RequestError) -> Failure {
    Failure::new(&codes::BROKERS_SILENT, "ask the brokers for what they know of remote segments")
        .caused_by(error)
}

fn unread(what: String) -> Failure {
    Failure::new(&codes::REMOTE_LOG, what)
}

#[cfg(test)]
mod tests {
    use firnline_index::batch::Compression;
    use firnline_records::encode::{BatchBuilder, NewRecord};

    use super::*;

    fn batch(at: i64, values: &[&[u8]]) -> Vec<u8> {
        let mut batch = BatchBuilder::new(Offset::new(at).unwrap()).compression(Compression::Zstd);
        for value in values {
            batch.push(NewRecord { timestamp: None, key: None, value: Some(value), headers: &[] }).unwrap();
        }
        batch.build().unwrap()
    }

    /// A partition that was deleted: the shortest event.
    fn event() -> Vec<u8> {
        [&[1, 2, 0, 2, b'a'][..], &[7; 16], &[0, 0, 0, 1, 0], &[0; 13], &[0]].concat()
    }

    #[test]
    fn whole_batches_are_taken_in_and_one_that_is_cut_off_is_left_for_the_next_time() {
        let event = event();
        let (first, second) = (batch(5, &[&event, &event]), batch(7, &[&event]));
        let mut view = RemoteLogView::default();
        let both = Bytes::from([&first[..], &second].concat());
        let at = |at: i64| Offset::new(at).unwrap();
        assert_eq!(take(&both, at(6), &mut view).unwrap(), at(8));
        for cut in [1, 20, second.len() - 1] {
            assert_eq!(take(&both.slice(..first.len() + cut), at(5), &mut view).unwrap(), at(7));
        }
        assert_eq!(take(&Bytes::new(), at(5), &mut view).unwrap(), at(5));
    }

    #[test]
    fn what_is_damaged_or_not_understood_ends_it() {
        let mut view = RemoteLogView::default();
        let strange = batch(5, &[&[1, 9, 0]]);
        let failure = take(&strange.into(), Offset::ZERO, &mut view).unwrap_err();
        assert!(failure.message.contains("offset 5") && failure.message.contains("kind 9"), "{failure:?}");
        let mut flipped = batch(5, &[&event()]);
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert!(take(&flipped.into(), Offset::ZERO, &mut view).is_err());
    }
}
