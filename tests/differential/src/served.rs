//! What of a question is asked of a server without brokers: it knows no epochs of leaders, and the log ends where the tier does.

use crate::answer::Before;
use crate::compare::Tiers;
use crate::question::{About, Fetch, Question, Scope, Target};
use crate::wire::Connection;

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

/// Where the logs end for clients of the server, and that nothing of them is local.
pub fn ends(address: &str, scope: &Scope, tiers: &[Tiers]) -> Vec<Tiers> {
    let mut connection = Connection::open(address).unwrap_or_else(|error| panic!("{error}"));
    let of = |(scene, tiers): (&crate::question::Scene, &Tiers)| {
        let mut end = |isolation| {
            let found = crate::stand::offset_at(&mut connection, scene, LATEST, isolation);
            found.unwrap_or_else(|error| panic!("ask {address} for the end of {}: {error}", scene.topic))
        };
        Tiers { ends: (end(0), end(1)), local: scene.image.end, ..*tiers }
    };
    scope.scenes.iter().zip(tiers).map(of).collect()
}

/// The question, and what was told before, without what lies beyond the tier; `None` where nothing is left.
pub fn cut(node: i32, question: &Question, before: &Before, tiers: &[Tiers]) -> Option<(Question, Before)> {
    let limit = |target: &Target| {
        let (end, stable) = tiers[target.scene?].ends;
        Some(if question.isolation == 1 { stable } else { end })
    };
    let here = |target: &Target| Target { epoch: -1, ..target.clone() };
    let (about, before) = match (&question.about, before) {
        (About::Fetch(fetch), Before::Fetch(rounds)) => {
            let is_in = |at: &usize| {
                let Some(limit) = limit(&fetch.targets[*at].0) else { return false };
                let offsets = fetch.rounds.iter().map(|offsets| offsets[*at]);
                offsets.zip(rounds).all(|(offset, kept)| (0..limit).contains(&offset) && kept[*at].error == 0)
            };
            let left: Vec<usize> = (0..fetch.targets.len()).filter(is_in).collect();
            let of = |at: &usize| (here(&fetch.targets[*at].0), fetch.targets[*at].1);
            let targets: Vec<_> = left.iter().map(of).collect();
            if targets.is_empty() {
                return None;
            }
            let picked = |offsets: &Vec<i64>| left.iter().map(|at| offsets[*at]).collect();
            let kept = rounds.iter().map(|kept| left.iter().map(|at| kept[*at].clone()).collect()).collect();
            let rounds = fetch.rounds.iter().map(picked).collect();
            let (max_bytes, session) = (fetch.max_bytes, fetch.session);
            (About::Fetch(Fetch { max_bytes, session, targets, rounds }), Before::Fetch(kept))
        }
        (About::Times(list), Before::Times(told)) => {
            let is_in = |((target, at), told): &(&(Target, i64), &crate::answer::Place)| {
                let Some(limit) = limit(target) else { return false };
                told.error == 0 && (*at == EARLIEST || (*at >= 0 && (0..limit).contains(&told.offset)))
            };
            let left: Vec<_> = list.iter().zip(told).filter(is_in).collect();
            let questions = left.iter().map(|((target, at), _)| (here(target), *at)).collect();
            (About::Times(questions), Before::Times(left.iter().map(|(_, told)| **told).collect()))
        }
        (About::Epochs(list), Before::Epochs(told)) => {
            let is_in = |((target, _), told): &(&(Target, i32), &crate::answer::End)| {
                let end = target.scene.map(|scene| tiers[scene].ends.0);
                told.error == 0 && end.is_some_and(|end| (0..end).contains(&told.end))
            };
            let left: Vec<_> = list.iter().zip(told).filter(is_in).collect();
            let questions = left.iter().map(|((target, epoch), _)| (here(target), *epoch)).collect();
            (About::Epochs(questions), Before::Epochs(left.iter().map(|(_, told)| **told).collect()))
        }
        _ => return None,
    };
    let is_empty = match &about {
        About::Fetch(_) => false,
        About::Times(list) => list.is_empty(),
        About::Epochs(list) => list.is_empty(),
    };
    (!is_empty).then(|| (Question { node, about, ..question.clone() }, before))
}
