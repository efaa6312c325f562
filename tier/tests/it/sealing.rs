//! Encrypted topics: nothing goes up in the clear, keys are agreed on, and a missing key is no damage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firnline_index::ids::{KeyId, TopicIdPartition};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Manifest;
use firnline_index::topic_key::{RingKey, WrappedTopicKey};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::check::{CheckDepth, Finding};
use firnline_tier::keys::{
    CommandRing, Encryption, FileRing, KeyProblem, KeyRing, RewrapReport, Rewrapped, RingError,
};
use firnline_tier::{
    Basis, SegmentForm, SegmentPlan, TailError, Tier, UploadError, UploadOutcome, UploadedSegment,
};

use crate::support::*;

const SECRETS: [(&str, u8); 3] = [("a", 1), ("b", 2), ("c", 3)];

fn ring(world: &World, names: &[&str], active: &str) -> Arc<dyn KeyRing> {
    let keys = SECRETS.iter().filter(|(name, _)| names.contains(name));
    let keys: BTreeMap<String, RingKey> =
        keys.map(|(name, byte)| ((*name).to_owned(), RingKey::new([*byte; 32].into()))).collect();
    Arc::new(FileRing::new(keys, active.to_owned(), Arc::clone(&world.env.random)).unwrap())
}

async fn tier_with(world: &World, names: &[&str], active: &str) -> Tier {
    world.tier().await.with_key_ring(ring(world, names, active))
}

async fn upload_as(
    tier: &Tier,
    basis: &Basis,
    log: &Log,
    encryption: Encryption,
) -> Result<UploadedSegment, UploadError> {
    let form = SegmentForm { encryption: encryption.behind(basis.sealed), ..SegmentForm::default() };
    let plan = SegmentPlan { form, ..plan(&tip(0), basis.base, basis, 1_000) };
    match tier.upload_segment(log.source(), plan).await? {
        UploadOutcome::Uploaded(segment) => Ok(*segment),
        UploadOutcome::Empty => panic!("the log is not empty"),
    }
}

async fn put_as(tier: &Tier, log: &Log, encryption: Encryption) -> Manifest {
    let head = tier.manifest(&tip(0)).await.unwrap();
    let basis = Basis::of(head.as_ref().map(|head| &head.manifest), range_of(&log.batches[0]).start());
    let segment = upload_as(tier, &basis, log, encryption).await.unwrap();
    match tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap() {
        firnline_tier::CommitOutcome::Committed(now) => now.manifest,
        firnline_tier::CommitOutcome::Lost(lost) => panic!("{lost}"),
    }
}

/// The raw bytes of the tier, each segment opened with its key.
async fn opened(tier: &Tier, manifest: &Manifest) -> Result<Vec<u8>, TailError> {
    let mut all = Vec::new();
    for entry in &manifest.entries {
        let tail = tier.segment_tail(&manifest.tip, entry).await?;
        for block in tail.index().entries() {
            let key = entry.object_key(&manifest.tip);
            let stored = tier.store().get_range(&key, block.stored.clone()).await.unwrap();
            all.extend_from_slice(&tail.blocks().decode(&block, stored).unwrap());
        }
    }
    Ok(all)
}

async fn check(tier: &Tier) -> (Vec<String>, firnline_tier::check::CheckReport) {
    let found = Mutex::new(Vec::new());
    let tell = |finding: Finding| {
        found.lock().unwrap().push(match finding {
            Finding::Anomaly(anomaly) => anomaly.kind.name().to_owned(),
            Finding::Locked { .. } => "locked".to_owned(),
            Finding::Unreadable { .. } => "unreadable".to_owned(),
            Finding::Unnamed { .. } => "unnamed".to_owned(),
        });
    };
    let report = tier.check(vec![tip(0)], CheckDepth::Content, 1, &tell).await;
    (found.into_inner().unwrap(), report)
}

fn key_objects(world: &World) -> Vec<String> {
    world.sim.keys().into_iter().filter(|key| key.starts_with("keys/")).collect()
}

fn wrapped(world: &World, key: &str) -> WrappedTopicKey {
    WrappedTopicKey::decode(&world.sim.peek(key).unwrap()).unwrap()
}

/// Any eight bytes in a row of the log's values; every record has a value of 100 bytes.
fn shows(object: &[u8], log: &Log) -> bool {
    log.batches.iter().any(|batch| {
        let needle = &batch[80..96];
        object.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_topic_shows_nothing_and_reads_back() {
    let world = World::new(1);
    let log = Log::plain(12, 100);
    let tier = tier_with(&world, &["a"], "a").await;
    let head = put_as(&tier, &log, Encryption::On).await;
    let clear = World::new(1);
    put_as(&clear.tier().await, &log, Encryption::Off).await;
    assert!(clear.sim.keys().iter().any(|key| shows(&clear.sim.peek(key).unwrap(), &log)), "it can be seen");
    for key in world.sim.keys() {
        assert!(!shows(&world.sim.peek(&key).unwrap(), &log), "{key}");
    }
    assert_eq!(head.entries[0].key_id, Some(KeyId::of_topic(tip(0).topic_id, 0)));
    // Another process, with nothing in its memory.
    let other = tier_with(&world, &["a"], "a").await;
    assert_eq!(opened(&other, &head).await.unwrap(), log.bytes());
    let (found, report) = check(&other).await;
    assert!(report.is_clean(), "{found:?}");
    assert!(report.blocks > 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_goes_up() {
    let world = World::new(2);
    let bare = world.tier().await;
    let log = Log::plain(3, 100);
    let basis = Basis::of(None, offset(0));
    let error = upload_as(&bare, &basis, &log, Encryption::On).await.unwrap_err();
    assert!(matches!(&error, UploadError::Key(key) if matches!(*key.problem, KeyProblem::NoRing)), "{error}");
    // A ring that lacks the key which wrapped the topic's: the same.
    put_as(&tier_with(&world, &["a"], "a").await, &log, Encryption::On).await;
    let before = world.sim.keys();
    let other = tier_with(&world, &["b"], "b").await;
    let head = other.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    let mut more = Log::starting_at(head.tier_end.get());
    more.append(3, 100, None);
    let basis = Basis::of(Some(&head), offset(0));
    let error = upload_as(&other, &basis, &more, Encryption::On).await.unwrap_err();
    let UploadError::Key(key) = &error else { panic!("{error}") };
    let KeyProblem::Unwrap(RingError::Missing { ring_key, has }) = &*key.problem else { panic!("{key:?}") };
    assert_eq!((ring_key.as_str(), has.as_slice()), ("a", ["b".to_owned()].as_slice()));
    // A store that does not answer for keys: the same, and it is worth another try.
    let fresh = tier_with(&world, &["a"], "a").await;
    world.sim.rule(Rule::new(SimFault::Overloaded, When::Always).key_contains("keys/"));
    let error = upload_as(&fresh, &basis, &more, Encryption::On).await.unwrap_err();
    assert!(matches!(error, UploadError::Key(_)) && error.is_passing(), "{error}");
    assert_eq!(world.sim.keys(), before);
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_got_lost_does_not_end_encryption() {
    let world = World::new(3);
    let tier = tier_with(&world, &["a"], "a").await;
    let mut log = Log::plain(2, 100);
    put_as(&tier, &log, Encryption::On).await;
    let next = |log: &mut Log| {
        *log = Log::starting_at(log.next);
        log.append(3, 100, None).clone()
    };
    let head = put_as(&tier, &next(&mut log), Encryption::Unsaid).await;
    assert!(head.entries[1].key_id.is_some());
    // Without the ring, too: it waits.
    let bare = world.tier().await;
    let more = next(&mut log);
    let error =
        upload_as(&bare, &Basis::of(Some(&head), offset(0)), &more, Encryption::Unsaid).await.unwrap_err();
    assert!(matches!(error, UploadError::Key(_)), "{error}");
    // Said: it ends, and what is sealed stays so.
    let head = put_as(&tier, &more, Encryption::Off).await;
    assert_eq!(head.entries.iter().map(|e| e.key_id.is_some()).collect::<Vec<_>>(), [true, true, false]);
    let head = put_as(&bare, &next(&mut log), Encryption::Unsaid).await;
    assert!(head.entries[3].key_id.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_nothing_in_its_manifest_tells_is_told_by_the_topic() {
    let world = World::new(6);
    let sealing = tier_with(&world, &["a"], "a").await;
    let log = Log::plain(2, 100);
    put_as(&sealing, &log, Encryption::On).await;
    // The floor leaves nothing of the partition: the newest segment tells nothing any more.
    let raise = firnline_tier::change::RaiseFloor { floor: offset(1_000) };
    sealing.edit(&tip(0), None, &raise).await.unwrap();
    let emptied = sealing.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    let behind = Basis::of(Some(&emptied), emptied.tier_end);
    assert!(emptied.entries.is_empty() && !behind.sealed);
    let more = Log::plain(4, 100);
    let next = Log { batches: more.batches[2..].to_vec(), ..more };
    // A process of its own, whose config has neither a ring nor a word of encryption.
    let bare = world.tier().await;
    let refused = upload_as(&bare, &behind, &next, Encryption::Unsaid).await;
    assert!(matches!(refused, Err(UploadError::Key(_))), "{refused:?}");
    // The same for a partition that is new.
    let new = |tier: Tier| async move {
        let basis = Basis::of(None, offset(0));
        let plan = plan(&tip(7), basis.base, &basis, 1_000);
        tier.upload_segment(Log::plain(1, 100).source(), plan).await
    };
    assert!(matches!(new(bare).await, Err(UploadError::Key(_))));
    match new(tier_with(&world, &["a"], "a").await).await {
        Ok(UploadOutcome::Uploaded(segment)) => assert!(segment.entry.key_id.is_some()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_begin_at_once_agree_on_one_key() {
    for seed in 0..40 {
        let world = World::new(100 + seed);
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(40));
        let (one, other) = (tier_with(&world, &["a"], "a").await, tier_with(&world, &["a"], "a").await);
        if seed % 2 == 1 {
            world.sim.rule(
                Rule::new(SimFault::LostAfter, When::First(1))
                    .on(&[RequestKind::Create])
                    .key_contains("keys/"),
            );
        }
        let log = Log::plain(2, 100);
        let basis = Basis::of(None, offset(0));
        let (first, second) = tokio::join!(
            upload_as(&one, &basis, &log, Encryption::On),
            upload_as(&other, &basis, &log, Encryption::On)
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.entry.key_id, second.entry.key_id);
        assert_eq!(key_objects(&world).len(), 1, "seed {seed}");
        // What either sealed opens with what stands in the bucket.
        let reader = tier_with(&world, &["a"], "a").await;
        for segment in [first, second] {
            reader.segment_tail(&tip(0), &segment.entry).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_no_damage_and_a_false_one_is_told_apart() {
    let world = World::new(4);
    let tier = tier_with(&world, &["a"], "a").await;
    let head = put_as(&tier, &Log::plain(6, 100), Encryption::On).await;
    for (locked, missing) in [(world.tier().await, true), (tier_with(&world, &["b"], "b").await, true)] {
        let (found, report) = check(&locked).await;
        assert_eq!((found, report.anomalies, report.unreadable), (vec!["locked".to_owned()], 0, 1));
        let error = opened(&locked, &head).await.unwrap_err();
        assert!(
            matches!(&error, TailError::Locked { source, .. } if source.is_damage() != missing),
            "{error}"
        );
    }
    // Another key of the same name.
    let keys = BTreeMap::from([("a".to_owned(), RingKey::new([9; 32].into()))]);
    let false_ring = FileRing::new(keys, "a".to_owned(), Arc::clone(&world.env.random)).unwrap();
    let error = opened(&world.tier().await.with_key_ring(Arc::new(false_ring)), &head).await.unwrap_err();
    assert!(
        matches!(&error, TailError::Locked { source, .. }
            if matches!(*source.problem, KeyProblem::Unwrap(RingError::Unauthentic { .. }))),
        "{error}"
    );
    // A changed byte of what is sealed is damage, by who has the key.
    let key = head.entries[0].object_key(&tip(0));
    let mut bytes = world.sim.peek(&key).unwrap().to_vec();
    bytes[200] ^= 1;
    world.sim.plant(&key, bytes);
    let (found, _) = check(&tier).await;
    assert!(
        found.contains(&"block".to_owned()) || found.iter().any(|name| name.contains("block")),
        "{found:?}"
    );
    // The key's own object is gone: said so.
    world.sim.lose(&key_objects(&world)[0]);
    let error = opened(&tier_with(&world, &["a"], "a").await, &head).await.unwrap_err();
    assert!(matches!(&error, TailError::Locked { source, .. } if source.is_damage()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_object_of_another_topic_is_refused() {
    let world = World::new(5);
    let tier = tier_with(&world, &["a"], "a").await;
    let head = put_as(&tier, &Log::plain(2, 100), Encryption::On).await;
    let key = key_objects(&world)[0].clone();
    let foreign = WrappedTopicKey { number: 7, ..wrapped(&world, &key) };
    world.sim.plant(&key, foreign.encode().unwrap());
    let error = opened(&tier_with(&world, &["a"], "a").await, &head).await.unwrap_err();
    assert!(
        matches!(&error, TailError::Locked { source, .. } if matches!(*source.problem, KeyProblem::Foreign { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn rewrapping_changes_the_key_objects_alone() {
    let world = World::new(6);
    let log = Log::plain(4, 100);
    let head = put_as(&tier_with(&world, &["a"], "a").await, &log, Encryption::On).await;
    let segment = head.entries[0].object_key(&tip(0));
    let (key, sealed) = (key_objects(&world)[0].clone(), world.sim.peek(&segment).unwrap());
    let before = world.sim.peek(&key).unwrap();
    let both = tier_with(&world, &["a", "b"], "b").await;
    let counts = |current, done, failed| RewrapReport { current, done, failed };
    let all = |_: &firnline_index::TopicName| true;

    assert_eq!(both.rewrap(all, true, |_, _, _| {}).await.unwrap(), counts(0, 1, 0));
    assert_eq!(world.sim.peek(&key).unwrap(), before, "a dry run writes nothing");
    assert_eq!(both.rewrap(|_| false, false, |_, _, _| {}).await.unwrap(), counts(0, 0, 0));
    // An answer that is lost on the way is looked up.
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    let first = both.rewrap(all, false, |_, _, _| {}).await.unwrap();
    assert_eq!(first.current + first.done, 1);
    assert_eq!(both.rewrap(all, false, |_, _, _| {}).await.unwrap(), counts(1, 0, 0));
    assert_eq!(wrapped(&world, &key).ring_key, "b");
    assert_eq!(world.sim.peek(&segment).unwrap(), sealed);
    // The old ring key may go.
    assert_eq!(opened(&tier_with(&world, &["b"], "b").await, &head).await.unwrap(), log.bytes());
    // Who lacks it says so, and leaves the object as it is.
    let mut said = Vec::new();
    let lacking = tier_with(&world, &["c"], "c").await;
    let report = lacking.rewrap(all, false, |topic, _, outcome| {
        if let Rewrapped::Failed(error) = outcome {
            said.push(format!("{topic} {}", error.problem));
        }
    });
    assert_eq!(report.await.unwrap(), counts(0, 0, 1));
    assert_eq!(said, ["orders it cannot be unwrapped"]);
    assert_eq!(wrapped(&world, &key).ring_key, "b");
}

#[tokio::test(start_paused = true)]
async fn a_new_topic_key_seals_what_comes_and_the_old_one_opens_what_was() {
    let world = World::new(7);
    let (tier, other) = (tier_with(&world, &["a"], "a").await, tier_with(&world, &["a"], "a").await);
    let mut log = Log::plain(2, 100);
    put_as(&tier, &log, Encryption::On).await;
    let made = other.new_topic_key(&tip(0)).await.unwrap();
    assert_eq!(made, KeyId::of_topic(tip(0).topic_id, 1));
    let mut all = log.bytes();
    let mut ids = Vec::new();
    // A process that knew the old one as the newest sees it within ten minutes.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(601)).await;
        log = Log::starting_at(log.next);
        log.append(3, 100, None);
        let head = put_as(&tier, &log, Encryption::On).await;
        all.extend(log.bytes());
        ids.push(head.entries.last().unwrap().key_id.unwrap());
    }
    assert_eq!(ids, [made, made]);
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    assert_eq!(opened(&tier_with(&world, &["a"], "a").await, &head).await.unwrap(), all);
    assert_eq!(key_objects(&world).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_cost_three_requests_a_topic_its_word_two_and_then_nothing() {
    let world = World::new(8);
    let tier = tier_with(&world, &["a"], "a").await;
    let log = Log::plain(2, 100);
    let basis = Basis::of(None, offset(0));
    let mut costs = Vec::new();
    for said in [Encryption::Off, Encryption::Off, Encryption::On, Encryption::On] {
        let before = tier.store().counters();
        upload_as(&tier, &basis, &log, said).await.unwrap();
        costs.push(tier.store().counters().since(&before).total());
    }
    let clear = costs[1];
    // A look at the topic's object; then the key's three, and the topic's object that is looked at and replaced.
    assert_eq!(costs, [clear + 1, clear, clear + 3 + 2, clear]);
}

#[tokio::test(start_paused = true)]
async fn gc_leaves_what_it_cannot_open() {
    use crate::upkeep::{collect, objects};
    let world = World::new(9);
    let tier = tier_with(&world, &["a"], "a").await;
    let mut log = Log::plain(2, 100);
    put_as(&tier, &log, Encryption::On).await;
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    log = Log::starting_at(log.next);
    log.append(3, 100, None);
    let lost = upload_as(&tier, &Basis::of(Some(&head), offset(0)), &log, Encryption::On).await.unwrap();
    put_as(&tier, &log, Encryption::On).await;
    let lost = lost.entry.object_key(&tip(0));
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let bare = world.tier().await;
    assert!(collect(&bare).await.is_none(), "without the key it may be anything");
    assert!(objects(&world).contains(&lost));
    assert_eq!(collect(&tier).await.unwrap().objects, 1);
    assert!(!objects(&world).contains(&lost));
}

/// A program in the place of a key service.
fn program(dir: &tempfile::TempDir, body: &str) -> CommandRing {
    let path = dir.path().join("kms");
    std::fs::write(&path, body).unwrap();
    CommandRing::new(vec!["/bin/sh".to_owned(), path.display().to_string()], "k1".to_owned())
}

fn tip_and_key()
-> (TopicIdPartition, firnline_index::topic_key::WrapContext, firnline_index::topic_key::TopicKey) {
    let tip = tip(0);
    let key_id = KeyId::of_topic(tip.topic_id, 0);
    let context =
        firnline_index::topic_key::WrapContext { cluster_id: cluster(), topic_id: tip.topic_id, key_id };
    (tip, context, firnline_index::topic_key::TopicKey::new(key_id, [7; 32].into()))
}

#[tokio::test]
async fn a_program_may_keep_the_ring() {
    let dir = tempfile::tempdir().unwrap();
    // Three bytes more in front: as good as any wrapping for a test.
    let ring = program(
        &dir,
        r#"read -r line; verb=$1
        case $line in *'"cluster_id":"cluster-a"'*'"ring_key":"k1"'*) ;; *) echo "no context in it" >&2; exit 3;; esac
        if [ "$verb" = wrap ]; then key=${line##*'"key":"'}; key=${key%%'"'*}; echo "{\"wrapped\":\"AAAA$key\"}"
        else key=${line##*'"wrapped":"AAAA'}; key=${key%%'"'*}; echo "{\"key\":\"$key\"}"; fi"#,
    );
    let (_, context, key) = tip_and_key();
    let wrapping = ring.wrap(&context, &key).await.unwrap();
    assert_eq!((wrapping.ring_key.as_str(), wrapping.bytes.len()), ("k1", 35));
    let opened = ring.unwrap(&context, "k1", &wrapping.bytes).await.unwrap();
    assert_eq!(opened.expose(), key.expose());
    let error = ring.unwrap(&context, "k9", &wrapping.bytes).await.unwrap_err();
    assert!(error.to_string().contains("saying: no context in it"), "{error}");
}

#[tokio::test]
async fn a_program_that_hangs_fails_or_prints_rubbish_is_named() {
    let (_, context, key) = tip_and_key();
    for (body, says) in [
        ("exec sleep 100", "did not end within"),
        ("echo denied >&2; exit 4", "saying: denied"),
        ("exit 1", "without a word"),
        ("echo rubbish", "JSON object"),
        ("echo '{\"wrapped\":7}'", "JSON object"),
        ("echo '{\"wrapped\":\"!\"}'", "JSON object"),
        ("echo '{\"wrapped\":\"\"}'", "0 bytes"),
        ("echo '{\"wrapped\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"}'", "not the key itself"),
        ("cat /dev/zero", "printed more than"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ring = program(&dir, body).within(Duration::from_secs(2));
        let error = ring.wrap(&context, &key).await.unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("/bin/sh"), "{body}: {error}");
    }
    let absent = CommandRing::new(vec!["/nowhere/kms".to_owned()], "k1".to_owned());
    assert!(absent.wrap(&context, &key).await.unwrap_err().to_string().contains("did not start"));
}

#[test]
fn no_ring_prints_its_keys() {
    let keys = BTreeMap::from([("a".to_owned(), RingKey::new([77; 32].into()))]);
    let random = Arc::new(firnline_store::env::SystemRandom);
    let text = format!("{:?}", FileRing::new(keys, "a".to_owned(), random).unwrap());
    assert!(text.contains("\"a\"") && !text.contains("77"), "{text}");
    assert!(
        ObjectKey::WrappedKey { id: KeyId::of_topic(tip(0).topic_id, 0) }.to_string().starts_with("keys/")
    );
}
