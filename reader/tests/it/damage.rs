//! Wrong bytes: named, never served.

use firnline_index::PartitionIndex;
use firnline_reader::{ErrorKind, ReadError};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, manifest_key, tip};

/// One segment of 1 MiB in blocks of 64 KiB, and its key.
fn one_segment() -> (Log, TestTier, String) {
    let mut log = Log::from(0);
    for _ in 0..64 {
        log.data(10, 16 << 10);
    }
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    let entry = tier.upload(&log, log.end());
    tier.commit();
    (log, tier, entry.object_key(&tip()))
}

fn chain(error: &ReadError) -> String {
    let mut text = error.to_string();
    let mut link = std::error::Error::source(error);
    while let Some(cause) = link {
        text = format!("{text}: {cause}");
        link = cause.source();
    }
    text
}

#[tokio::test]
async fn a_flipped_bit_names_object_block_and_both_checksums() {
    let (log, tier, key) = one_segment();
    tier.tamper(&key, |bytes| bytes[300_000] ^= 0x10);
    let (reader, _) = tier.reader();
    let error = reader.read(&tip(), at(180), 1, ALL).await.expect_err("damaged");
    let text = chain(&error);
    assert!(text.starts_with(&format!("block 4 of {key} is damaged: crc32c of block 4 is ")), "{text}");
    let sums: Vec<_> = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 8).collect();
    assert!(sums.len() >= 2 && sums[sums.len() - 1] != sums[sums.len() - 2], "{text}");
    assert_eq!((error.kind(), error.code().code), (ErrorKind::Damage, "FIRN-R013"));
    // What is sound is served, damage or not beside it.
    for offset in [0, 100, 250, 639] {
        let read = batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("reads"));
        assert_eq!(read.chain.to_bytes(), joined(log.between(at(offset), read.range.end())));
    }
}

#[tokio::test]
async fn every_flipped_bit_of_a_segment_is_caught_or_harmless() {
    let mut log = Log::from(0);
    log.data(1, 20).data(1, 20);
    let tier = TestTier::of(&log, &[]);
    let key = tier.manifest.entries[0].object_key(&tip());
    let sound = tier.sim.peek(&key).expect("there");
    let expected = joined(&log.batches);
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        tier.sim.plant(&key, bytes);
        let (reader, _) = tier.reader();
        let mut all = Vec::new();
        let mut offset = at(0);
        let damaged = loop {
            if offset >= log.end() {
                break false;
            }
            match reader.read(&tip(), offset, 1, ALL).await {
                Ok(outcome) => {
                    let read = batches(outcome);
                    all.extend_from_slice(&read.chain.to_bytes());
                    offset = read.range.end();
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Damage, "bit {bit}: {error:?}");
                    break true;
                }
            }
        };
        assert!(damaged, "bit {bit} was not noticed");
        assert!(expected.starts_with(&all), "bit {bit}: a wrong byte was served");
    }
}

#[tokio::test]
async fn a_bit_flipped_on_the_way_is_mended_by_a_second_read() {
    let (log, tier, key) = one_segment();
    let (reader, store) = tier.reader();
    reader.read(&tip(), at(0), 1, ALL).await.expect("reads");
    let on_the_way =
        Rule::new(SimFault::FlippedBit, When::First(1)).on(&[RequestKind::Get]).key_contains(&key);
    tier.sim.rule(on_the_way);
    let before = store.counters();
    let read = batches(reader.read(&tip(), at(320), 64 << 10, ALL).await.expect("the second time is right"));
    assert_eq!(read.chain.to_bytes(), joined(log.between(at(320), read.range.end())));
    assert_eq!(store.counters().since(&before).of(RequestKind::Get), 2);
    assert_eq!(reader.stats().reread, 1);
}

#[tokio::test]
async fn a_tail_flipped_on_the_way_is_mended_by_a_second_read() {
    let (_, tier, key) = one_segment();
    tier.sim.rule(Rule::new(SimFault::FlippedBit, When::First(1)).key_contains(&key));
    let (reader, _) = tier.reader();
    batches(reader.read(&tip(), at(0), 1, ALL).await.expect("the second time is right"));
}

#[tokio::test]
async fn a_damaged_block_is_not_kept() {
    let (_, tier, key) = one_segment();
    let sound = tier.sim.peek(&key).expect("there");
    tier.tamper(&key, |bytes| bytes[300_000] ^= 0x10);
    let (reader, _) = tier.reader();
    reader.read(&tip(), at(180), 1, ALL).await.expect_err("damaged");
    tier.sim.plant(&key, sound);
    batches(reader.read(&tip(), at(180), 1, ALL).await.expect("mended"));
}

#[tokio::test]
async fn an_object_cut_short_is_damage_at_every_length() {
    let mut log = Log::from(0);
    log.data(1, 20).data(1, 20);
    let tier = TestTier::of(&log, &[]);
    let key = tier.manifest.entries[0].object_key(&tip());
    let sound = tier.sim.peek(&key).expect("there");
    for length in 0..sound.len() {
        tier.sim.plant(&key, sound.slice(..length));
        let (reader, _) = tier.reader();
        let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("cut short");
        assert_eq!(error.kind(), ErrorKind::Damage, "{length}: {error:?}");
        assert!(error.to_string().contains(&key), "{error}");
    }
}

#[tokio::test]
async fn a_segment_of_somebody_else_is_refused() {
    let (_, tier, key) = one_segment();
    let mut other = TestTier::starting_at(at(0));
    let mut log = Log::from(0);
    log.data(1, 700 << 10);
    other.manifest.tip.partition = PartitionIndex::ZERO;
    let (entry, _) = other.write(&log, at(0), log.end());
    let theirs = other.sim.peek(&entry.object_key(&other.manifest.tip)).expect("there");
    tier.sim.plant(&key, theirs);
    let (reader, _) = tier.reader();
    let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("another segment");
    assert_eq!(error.kind(), ErrorKind::Damage, "{error:?}");
}

#[tokio::test]
async fn a_damaged_or_foreign_manifest_is_refused() {
    let (_, tier, _) = one_segment();
    tier.tamper(&manifest_key(), |bytes| bytes[100] ^= 1);
    let (reader, _) = tier.reader();
    let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("damaged");
    assert!(chain(&error).starts_with(&format!("{} is damaged: ", manifest_key())), "{}", chain(&error));
    assert_eq!((error.kind(), error.code().code), (ErrorKind::Damage, "FIRN-R011"));

    let mut foreign = tier.manifest.clone();
    foreign.tip.partition = PartitionIndex::ZERO;
    tier.sim.plant(&manifest_key(), foreign.encode().expect("sound"));
    let error = tier.reader().0.read(&tip(), at(0), 1, ALL).await.expect_err("of another partition");
    assert_eq!(error.kind(), ErrorKind::Damage, "{error:?}");
}

#[tokio::test]
async fn a_tail_longer_than_any_writer_makes_is_not_asked_for() {
    let (_, mut tier, _) = one_segment();
    let mut entry = tier.manifest.entries[0].clone();
    let mut manifest = firnline_index::manifest::Manifest::new(
        tier.manifest.kind,
        tier.manifest.cluster_id.clone(),
        tip(),
        at(0),
        tier.manifest.commit,
    );
    entry.location.length = firnline_index::ByteCount::new(1 << 40);
    manifest.append(entry, Vec::new()).expect("sound as far as a manifest can tell");
    tier.manifest = manifest;
    tier.commit();
    let (reader, store) = tier.reader();
    let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Damage, "{error:?}");
    assert_eq!(store.counters().of(RequestKind::Get), 1, "only the manifest was read");
}
