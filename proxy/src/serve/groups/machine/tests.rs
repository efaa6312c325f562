//! The rules of groups: one by one with time that is only told, and random histories of them all.

mod property;

use std::collections::BTreeMap;

use super::*;

/// A group, with what became of each request.
struct Play {
    machine: Machine,
    now: Instant,
    next: u64,
    replies: BTreeMap<Token, Reply>,
}

fn rules() -> Rules {
    Rules {
        initial_delay: Duration::from_secs(3),
        session: Duration::from_secs(6)..=Duration::from_secs(60),
        max_rebalance: Duration::from_secs(300),
        max_members: 4,
    }
}

fn protocol(name: &str, metadata: &str) -> Protocol {
    Protocol { name: name.into(), metadata: Bytes::copy_from_slice(metadata.as_bytes()) }
}

fn join(member: &str, fresh: &str) -> Join {
    Join {
        member: member.into(),
        fresh: fresh.into(),
        instance: None,
        client: "test".into(),
        session: Duration::from_secs(10),
        rebalance: Duration::from_secs(60),
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", fresh)],
        needs_name: false,
        may_skip: true,
    }
}

fn caller(member: &str, generation: i32) -> Caller {
    Caller { member: member.into(), instance: None, generation }
}

fn sync(member: &str, generation: i32, parts: &[(&str, &str)]) -> Event {
    let part = |(member, part): &(&str, &str)| ((*member).into(), Bytes::copy_from_slice(part.as_bytes()));
    let assignments = parts.iter().map(part).collect();
    Event::Sync(Sync { caller: caller(member, generation), protocol_type: None, protocol: None, assignments })
}

impl Play {
    fn new() -> Self {
        Self { machine: Machine::new(rules(), 0), now: Instant::now(), next: 0, replies: BTreeMap::new() }
    }

    fn step(&mut self, event: Event) -> Token {
        let token = Token(self.next);
        self.next += 1;
        for (token, reply) in self.machine.step(token, event, self.now) {
            assert!(self.replies.insert(token, reply).is_none(), "{token:?} is answered twice");
        }
        token
    }

    /// A step that is answered at once.
    fn ask(&mut self, event: Event) -> Reply {
        let token = self.step(event);
        self.replies.remove(&token).expect("it is answered at once")
    }

    fn told(&mut self, token: Token) -> Option<Reply> {
        self.replies.remove(&token)
    }

    fn joined(&mut self, token: Token) -> Joined {
        match self.told(token) {
            Some(Reply::Joined(joined)) => joined,
            other => panic!("not in a generation: {other:?}"),
        }
    }

    /// Lets time pass as a timer does.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(next) = self.machine.deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step(Event::Time);
        }
        self.now = end;
    }

    /// A group of these members, stable, each with a part of its own name.
    fn stable(members: &[&str]) -> Self {
        let mut play = Self::new();
        let tokens: Vec<_> = members.iter().map(|id| play.step(Event::Join(join("", id)))).collect();
        // The wait for more is prolonged once, as there were more.
        play.pass(6);
        for token in tokens {
            play.joined(token);
        }
        let parts: Vec<_> = members.iter().map(|id| (*id, *id)).collect();
        for id in members.iter().rev() {
            let leads = play.machine.leader.as_deref() == Some(*id);
            play.step(sync(id, 1, if leads { &parts } else { &[] }));
        }
        play.replies.clear();
        assert_eq!(play.machine.phase, Phase::Stable);
        play
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> Result<(), KafkaError> {
        match self.ask(Event::Heartbeat(caller(member, generation))) {
            Reply::Done => Ok(()),
            Reply::Refused(error) => Err(error),
            other => panic!("no answer to a heartbeat: {other:?}"),
        }
    }
}

#[test]
fn a_first_generation_waits_for_more_and_its_leader_learns_of_all() {
    let mut play = Play::new();
    let one = play.step(Event::Join(join("", "a")));
    play.pass(2);
    let two = play.step(Event::Join(join("", "b")));
    play.pass(2);
    assert!(play.replies.is_empty(), "somebody came, so more may");
    play.pass(2);
    let (one, two) = (play.joined(one), play.joined(two));
    assert_eq!((one.generation, &*one.leader, &*one.protocol), (1, "a", "range"));
    let members: Vec<_> = one.members.iter().map(|(id, _, metadata)| (&**id, &metadata[..])).collect();
    assert_eq!(members, [("a", &b"a"[..]), ("b", &b"b"[..])]);
    assert!(two.members.is_empty() && two.leader == one.leader);

    let waits = play.step(sync("b", 1, &[]));
    assert_eq!(play.told(waits), None);
    let leads = play.step(sync("a", 1, &[("a", "0"), ("b", "1")]));
    for (token, part) in [(leads, "0"), (waits, "1")] {
        let Some(Reply::Synced(synced)) = play.told(token) else { panic!("no part") };
        assert_eq!(synced.assignment, part.as_bytes());
    }
    assert_eq!(play.machine.phase(), Phase::Stable);
}

#[test]
fn a_member_without_a_name_is_given_one_and_holds_nobody_up_for_ever() {
    let mut play = Play::stable(&["a"]);
    let named = play.ask(Event::Join(Join { needs_name: true, ..join("", "b") }));
    assert_eq!(named, Reply::Named("b".into()));
    assert_eq!(play.heartbeat("a", 1), Ok(()), "a name alone changes nothing");
    let back = play.step(Event::Join(join("b", "x")));
    assert_eq!(play.heartbeat("a", 1), Err(KafkaError::RebalanceInProgress));
    let again = play.step(Event::Join(join("a", "x")));
    assert_eq!((play.joined(back).generation, play.joined(again).generation), (2, 2));
    // Another one who never comes back: his name ends with his session.
    play.ask(Event::Join(Join { needs_name: true, ..join("", "c") }));
    let (one, two) = (play.step(Event::Join(join("a", "y"))), play.step(Event::Join(join("b", "y"))));
    assert!(play.replies.is_empty());
    play.pass(10);
    assert_eq!((play.joined(one).generation, play.joined(two).generation), (3, 3));
    let gone = play.ask(Event::Join(join("c", "x")));
    assert_eq!(gone, Reply::Refused(KafkaError::UnknownMemberId));
}

#[test]
fn a_silent_member_goes_and_the_others_enter_anew() {
    let mut play = Play::stable(&["a", "b"]);
    for _ in 0..3 {
        play.pass(4);
        let _ = play.heartbeat("a", 1);
    }
    assert_eq!(play.heartbeat("a", 1), Err(KafkaError::RebalanceInProgress));
    assert_eq!(play.heartbeat("b", 1), Err(KafkaError::UnknownMemberId));
    let token = play.step(Event::Join(join("a", "a")));
    let joined = play.joined(token);
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
}

#[test]
fn who_does_not_come_back_in_time_is_left_out() {
    let mut play = Play::stable(&["a", "b"]);
    let one = play.step(Event::Join(join("", "c")));
    let two = play.step(Event::Join(join("b", "b")));
    for _ in 0..14 {
        play.pass(4);
        assert_eq!(
            play.heartbeat("a", 1),
            Err(KafkaError::RebalanceInProgress),
            "it lives, but does not come"
        );
    }
    play.pass(4);
    let (one, two) = (play.joined(one), play.joined(two));
    assert_eq!((one.generation, &*two.leader), (2, "b"));
    assert_eq!(play.heartbeat("a", 1), Err(KafkaError::UnknownMemberId));
}

#[test]
fn who_never_asks_for_its_part_is_out() {
    let mut play = Play::new();
    let tokens = ["a", "b"].map(|id| play.step(Event::Join(join("", id))));
    play.pass(6);
    let _ = tokens.map(|token| play.joined(token));
    play.step(sync("a", 1, &[("a", "0"), ("b", "1")]));
    for _ in 0..14 {
        play.pass(4);
        assert_eq!((play.heartbeat("a", 1), play.heartbeat("b", 1)), (Ok(()), Ok(())));
    }
    play.pass(4);
    assert_eq!(play.heartbeat("b", 1), Err(KafkaError::UnknownMemberId));
    assert_eq!(play.heartbeat("a", 1), Err(KafkaError::RebalanceInProgress));
}

#[test]
fn another_generation_or_member_is_fenced() {
    let mut play = Play::stable(&["a"]);
    for generation in [0, 2, -1] {
        assert_eq!(play.heartbeat("a", generation), Err(KafkaError::IllegalGeneration));
        let commit = play.ask(Event::Commit(caller("a", generation)));
        assert_eq!(commit, Reply::Refused(KafkaError::IllegalGeneration));
        let part = play.ask(sync("a", generation, &[]));
        assert_eq!(part, Reply::Refused(KafkaError::IllegalGeneration));
    }
    assert_eq!(play.heartbeat("z", 1), Err(KafkaError::UnknownMemberId));
    assert_eq!(play.ask(Event::Commit(caller("a", 1))), Reply::Done);
    let nobody = play.ask(Event::Commit(caller("", -1)));
    assert_eq!(nobody, Reply::Refused(KafkaError::UnknownMemberId), "the group has members");
    play.ask(Event::Leave(vec![Leaving { member: "a".into(), instance: None }]));
    assert_eq!(play.machine.phase(), Phase::Empty);
    assert_eq!(play.ask(Event::Commit(caller("", -1))), Reply::Done);
    assert_eq!(play.ask(Event::Commit(caller("a", 1))), Reply::Refused(KafkaError::UnknownMemberId));
}

#[test]
fn positions_are_taken_while_members_come_back_but_not_while_the_work_is_divided() {
    let mut play = Play::stable(&["a", "b"]);
    play.step(Event::Join(join("a", "changed")));
    assert_eq!(play.ask(Event::Commit(caller("b", 1))), Reply::Done, "what it has read it may keep");
    play.step(Event::Join(join("b", "b")));
    assert_eq!(play.machine.phase(), Phase::Completing);
    let early = play.ask(Event::Commit(caller("b", 2)));
    assert_eq!(early, Reply::Refused(KafkaError::RebalanceInProgress));
}

#[test]
fn what_all_know_and_most_want_is_elected() {
    let mut play = Play::new();
    let with = |id: &str, names: &[&str]| {
        Event::Join(Join { protocols: names.iter().map(|name| protocol(name, id)).collect(), ..join("", id) })
    };
    let first = play.step(with("a", &["x", "range", "sticky"]));
    play.step(with("b", &["sticky", "range"]));
    play.step(with("c", &["sticky", "range", "y"]));
    let alien = play.ask(with("d", &["x", "y"]));
    assert_eq!(alien, Reply::Refused(KafkaError::InconsistentGroupProtocol));
    let other = play.ask(Event::Join(Join { protocol_type: "connect".into(), ..join("", "d") }));
    assert_eq!(other, Reply::Refused(KafkaError::InconsistentGroupProtocol));
    play.pass(6);
    assert_eq!(&*play.joined(first).protocol, "sticky");
    let part = Event::Sync(Sync {
        caller: caller("a", 1),
        protocol_type: None,
        protocol: Some("range".into()),
        assignments: Vec::new(),
    });
    assert_eq!(play.ask(part), Reply::Refused(KafkaError::InconsistentGroupProtocol));
}

#[test]
fn a_member_of_its_own_name_comes_back_without_anybody_noticing() {
    let named = |fresh: &str| Join { instance: Some("i".into()), ..join("", fresh) };
    let mut play = Play::new();
    let one = play.step(Event::Join(Join { protocols: vec![protocol("range", "")], ..named("a") }));
    let two = play.step(Event::Join(Join { protocols: vec![protocol("range", "")], ..join("", "b") }));
    play.pass(6);
    assert_eq!(play.joined(one).leader, play.joined(two).leader);
    play.step(sync("b", 1, &[]));
    play.step(sync("a", 1, &[("a", "0"), ("b", "1")]));
    play.replies.clear();

    let again = Join { protocols: vec![protocol("range", "")], ..named("a2") };
    let Reply::Joined(joined) = play.ask(Event::Join(again.clone())) else { panic!("it waits") };
    assert_eq!((joined.generation, &*joined.member, &*joined.leader), (1, "a2", "a2"));
    assert!(joined.skip_assignment && joined.members.len() == 2);
    assert_eq!(play.heartbeat("b", 1), Ok(()));
    let instance = Some("i".into());
    let before = Event::Heartbeat(Caller { instance: instance.clone(), ..caller("a", 1) });
    assert_eq!(play.ask(before), Reply::Refused(KafkaError::FencedInstanceId));
    let Reply::Synced(part) = play.ask(sync("a2", 1, &[])) else { panic!("no part") };
    assert_eq!(part.assignment, &b"0"[..]);
    // An older client cannot be told to leave the division alone, so that it is not told that it leads.
    let old = Join { may_skip: false, fresh: "a3".into(), ..again };
    let Reply::Joined(joined) = play.ask(Event::Join(old)) else { panic!("it waits") };
    assert!(!joined.skip_assignment && joined.members.is_empty() && *joined.leader == *"a2");
    // It stays while it is away for less than its session, and an operator takes it out by its name.
    let left = play.ask(Event::Leave(vec![
        Leaving { member: "".into(), instance },
        Leaving { member: "b".into(), instance: Some("i".into()) },
        Leaving { member: "z".into(), instance: None },
    ]));
    let unknown = Err(KafkaError::UnknownMemberId);
    assert_eq!(left, Reply::Left(vec![Ok(()), unknown, unknown]));
    assert_eq!(play.heartbeat("b", 1), Err(KafkaError::RebalanceInProgress));
}

#[test]
fn a_follower_that_says_the_same_again_disturbs_nobody_and_a_leader_does() {
    let mut play = Play::stable(&["a", "b"]);
    let Reply::Joined(joined) = play.ask(Event::Join(join("b", "b"))) else { panic!("it waits") };
    assert_eq!((joined.generation, joined.members.len()), (1, 0));
    assert_eq!(play.heartbeat("a", 1), Ok(()));
    play.step(Event::Join(join("a", "a")));
    assert_eq!(play.heartbeat("b", 1), Err(KafkaError::RebalanceInProgress));
}

#[test]
fn a_group_has_room_for_so_many_and_sessions_for_so_long() {
    let mut play = Play::stable(&["a", "b", "c"]);
    play.ask(Event::Join(Join { needs_name: true, ..join("", "d") }));
    let full = play.ask(Event::Join(join("", "e")));
    assert_eq!(full, Reply::Refused(KafkaError::GroupMaxSizeReached), "names count");
    assert!(play.told(Token(99)).is_none());
    for seconds in [1, 61] {
        let session = Duration::from_secs(seconds);
        let odd = play.ask(Event::Join(Join { session, ..join("a", "a") }));
        assert_eq!(odd, Reply::Refused(KafkaError::InvalidSessionTimeout));
    }
    let none = play.ask(Event::Join(Join { protocols: Vec::new(), ..join("a", "a") }));
    assert_eq!(none, Reply::Refused(KafkaError::InconsistentGroupProtocol));
}

#[test]
fn whoever_waits_is_sent_away_when_the_group_goes() {
    let mut play = Play::stable(&["a", "b"]);
    let waits = play.step(Event::Join(join("a", "changed")));
    play.step(Event::Close(KafkaError::NotCoordinator));
    assert_eq!(play.told(waits), Some(Reply::Refused(KafkaError::NotCoordinator)));
    assert!(play.machine.is_idle() && play.machine.generation() == 1);
}
