//! Random histories against what must hold in all of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// An event before it is known whom it concerns.
#[derive(Debug, Clone)]
enum Wish {
    Join {
        who: Index,
        instance: Option<u8>,
        needs_name: bool,
        may_skip: bool,
        says: u8,
        session: u64,
        rebalance: u64,
    },
    Sync {
        who: Index,
        generation: i32,
    },
    Heartbeat {
        who: Index,
        generation: i32,
    },
    Commit {
        who: Index,
        generation: i32,
    },
    Leave {
        who: Index,
        instance: Option<u8>,
    },
    Pass {
        ms: u64,
    },
}

fn wish() -> impl Strategy<Value = Wish> {
    let instance = || proptest::option::weighted(0.3, 0..2_u8);
    // Mostly the generation that is.
    let generation = || prop_oneof![4 => Just(0), 1 => -1..2_i32];
    let join = (
        any::<Index>(),
        instance(),
        any::<bool>(),
        any::<bool>(),
        0..3_u8,
        6..61_u64,
        prop_oneof![Just(0), 0..400_u64],
    );
    prop_oneof![
        4 => join.prop_map(|(who, instance, needs_name, may_skip, says, session, rebalance)| {
            Wish::Join { who, instance, needs_name, may_skip, says, session, rebalance }
        }),
        4 => (any::<Index>(), generation()).prop_map(|(who, generation)| Wish::Sync { who, generation }),
        2 => (any::<Index>(), generation()).prop_map(|(who, generation)| Wish::Heartbeat { who, generation }),
        1 => (any::<Index>(), generation()).prop_map(|(who, generation)| Wish::Commit { who, generation }),
        1 => (any::<Index>(), instance()).prop_map(|(who, instance)| Wish::Leave { who, instance }),
        3 => (0..20_000_u64).prop_map(|ms| Wish::Pass { ms }),
    ]
}

/// A history under way.
struct History {
    machine: Machine,
    now: Instant,
    next: u64,
    /// Requests that wait.
    open: BTreeSet<Token>,
    /// Names that were given, and one that never was.
    names: Vec<MemberId>,
    instances: BTreeMap<MemberId, Arc<str>>,
    generation: i32,
}

impl History {
    fn new() -> Self {
        let machine = Machine::new(rules(), 0);
        Self {
            machine,
            now: Instant::now(),
            next: 0,
            open: BTreeSet::new(),
            names: vec!["".into(), "stranger".into()],
            instances: BTreeMap::new(),
            generation: 0,
        }
    }

    fn step(&mut self, event: Event) -> Result<(), TestCaseError> {
        let token = Token(self.next);
        self.next += 1;
        let is_request = !matches!(event, Event::Time | Event::Close(_));
        if is_request {
            self.open.insert(token);
        }
        let before = self.machine.generation();
        for (token, reply) in self.machine.step(token, event, self.now) {
            prop_assert!(self.open.remove(&token), "{token:?} was answered, or never asked");
            match reply {
                Reply::Joined(joined) => self.holds_of(joined)?,
                Reply::Named(name) => self.names.push(name),
                _ => {}
            }
        }
        prop_assert!(self.machine.generation() >= before);
        self.generation = self.machine.generation();
        self.holds()
    }

    fn holds_of(&mut self, joined: Joined) -> Result<(), TestCaseError> {
        let leads = joined.leader == joined.member;
        prop_assert!(leads || joined.members.is_empty(), "only a leader learns of the others");
        prop_assert!(
            !leads || joined.members.len() == self.machine.members().len() || joined.members.is_empty()
        );
        if let Some(instance) =
            self.machine.members().get(&joined.member).and_then(|member| member.instance.clone())
        {
            self.instances.insert(Arc::clone(&joined.member), instance);
        }
        prop_assert_eq!(joined.generation, self.machine.generation());
        self.names.push(joined.member);
        Ok(())
    }

    /// What holds of every group at every time.
    fn holds(&self) -> Result<(), TestCaseError> {
        let machine = &self.machine;
        let members = machine.members();
        prop_assert!(members.len() + machine.named.len() <= machine.rules.max_members);
        prop_assert_eq!(
            members.is_empty(),
            machine.phase == Phase::Empty || is_first(machine) && members.is_empty()
        );
        if matches!(machine.phase, Phase::Completing | Phase::Stable) {
            let leader = machine.leader.as_ref();
            prop_assert!(leader.is_some_and(|leader| members.contains_key(leader)), "somebody leads");
            let protocol = machine.protocol.as_ref();
            let known = protocol.is_some_and(|name| members.values().all(|member| member.supports(name)));
            prop_assert!(known, "all know how the work is divided");
        }
        for (instance, id) in &machine.instances {
            let member = members.get(id);
            prop_assert!(member.is_some_and(|member| member.instance.as_ref() == Some(instance)));
        }
        // Whoever waits will be answered: by the others, or by time.
        prop_assert!(self.open.is_empty() || machine.deadline().is_some());
        Ok(())
    }

    fn play(&mut self, wish: &Wish) -> Result<(), TestCaseError> {
        let name = |who: &Index| Arc::clone(&self.names[who.index(self.names.len())]);
        let caller = |who: &Index, generation: &i32| {
            let member = name(who);
            let instance = self.instances.get(&member).cloned();
            Caller { member, instance, generation: self.generation + generation }
        };
        let named = |number: &Option<u8>| number.map(|number| Arc::from(format!("i{number}")));
        let event = match wish {
            Wish::Join { who, instance, needs_name, may_skip, says, session, rebalance } => {
                let fresh = format!("m{}", self.next);
                let protocols = match says {
                    0 => vec![protocol("range", "x"), protocol("sticky", "x")],
                    1 => vec![protocol("sticky", "x"), protocol("range", "x")],
                    _ => vec![protocol("sticky", "y")],
                };
                let (session, rebalance) = (Duration::from_secs(*session), Duration::from_secs(*rebalance));
                let (may_skip, needs_name) = (*may_skip, *needs_name);
                let instance = named(instance);
                let member = name(who);
                Event::Join(Join {
                    instance,
                    protocols,
                    session,
                    rebalance,
                    needs_name,
                    may_skip,
                    ..join(&member, &fresh)
                })
            }
            Wish::Sync { who, generation } => {
                let caller = caller(who, generation);
                let part = |id: &MemberId| (Arc::clone(id), Bytes::copy_from_slice(id.as_bytes()));
                let assignments = self.machine.members().keys().map(part).collect();
                Event::Sync(Sync { caller, protocol_type: None, protocol: None, assignments })
            }
            Wish::Heartbeat { who, generation } => Event::Heartbeat(caller(who, generation)),
            Wish::Commit { who, generation } => Event::Commit(caller(who, generation)),
            Wish::Leave { who, instance } => {
                Event::Leave(vec![Leaving { member: name(who), instance: named(instance) }])
            }
            Wish::Pass { ms } => return self.pass(Duration::from_millis(*ms)),
        };
        self.step(event)
    }

    /// Lets time pass as a timer does; each look gets on.
    fn pass(&mut self, time: Duration) -> Result<(), TestCaseError> {
        let end = self.now + time;
        while let Some(next) = self.machine.deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step(Event::Time)?;
            prop_assert!(
                self.machine.deadline().is_none_or(|next| next > self.now),
                "a look changes something"
            );
        }
        self.now = end;
        Ok(())
    }
}

fn is_first(machine: &Machine) -> bool {
    matches!(machine.phase, Phase::Preparing { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_request_is_answered_once_and_no_group_gets_stuck(wishes in proptest::collection::vec(wish(), 1..60)) {
        let mut history = History::new();
        for wish in &wishes {
            history.play(wish)?;
        }
        // Nobody says anything any more: all are answered, and in the end nobody is left.
        history.pass(Duration::from_secs(3600))?;
        prop_assert!(history.open.is_empty(), "{:?} wait for ever", history.open);
        prop_assert!(history.machine.is_idle(), "{:?}", history.machine);
    }
}
