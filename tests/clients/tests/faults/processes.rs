//! Proxies and brokers that end and come back.

use std::time::Duration;

use firnline_clients::client::Client;
use firnline_clients::crowd::{Crowd, Reading, judge};
use firnline_differential::proxied::{Door, Spot};

use super::{CLIENTS, SLOWLY, SOME, stage};

/// How long something is away.
const AWAY: Duration = Duration::from_secs(3);
/// When their connection to the group's coordinator breaks they join again, and begin at what was committed. They tell of such
/// connections, if they are asked to, and go on.
const JOIN_ANEW: [Client; 2] = [Client::Go("sarama"), Client::Go("franz")];
/// Between one's return and the next one's leave.
const BETWEEN: Duration = Duration::from_secs(3);

/// Waits until all have got something of the tier, and have something to do still.
fn in_the_middle(reading: &Reading<'_>, door: &Door) {
    reading.wait_until_got(door, SOME);
    reading.assert_all_busy();
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_proxy_that_is_killed_and_started_again_costs_time_and_nothing_else() {
    let stage = stage();
    let spot = Spot::new();
    let open = || Door::proxy_at(&spot, &stage.bootstrap(), &stage.stand.tier, SLOWLY, |run| run);
    let mut door = Some(open());
    let seen = Crowd::new(&stage, &CLIENTS, &spot.address()).read(|reading| {
        for _ in 0..2 {
            let killed = door.take().expect("one runs");
            in_the_middle(reading, &killed);
            killed.kill();
            std::thread::sleep(AWAY);
            door = Some(open());
        }
        reading.assert_all_busy();
    });
    judge(&stage, "the proxy was killed", seen, &JOIN_ANEW);
    assert!(door.is_some_and(|door| door.held_back() == 0.0), "an offset was nearly told as out of range");
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn two_proxies_are_restarted_one_after_the_other_and_no_application_is_told() {
    let stage = stage();
    let spots = [Spot::new(), Spot::new()];
    let open =
        |spot: &Spot| Some(Door::proxy_at(spot, &stage.bootstrap(), &stage.stand.tier, SLOWLY, |run| run));
    let mut doors = spots.each_ref().map(open);
    let both = format!("{},{}", spots[0].address(), spots[1].address());
    let seen = Crowd::new(&stage, &CLIENTS, &both).read(|reading| {
        reading.wait_until_any_got(doors.iter().flatten(), SOME);
        reading.assert_all_busy();
        for (door, spot) in doors.iter_mut().zip(&spots) {
            // In order: it answers what is at hand.
            drop(door.take());
            std::thread::sleep(AWAY);
            *door = open(spot);
            std::thread::sleep(BETWEEN);
        }
    });
    let mut told = judge(&stage, "two proxies, restarted one after the other", seen, &JOIN_ANEW);
    told.retain(|(client, _)| !JOIN_ANEW.contains(client));
    assert_eq!(told, []);
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_broker_that_is_killed_ends_cold_reads_until_it_is_back() {
    let mut stage = stage();
    let spot = Spot::new();
    let door = Door::proxy_at(&spot, &stage.bootstrap(), &stage.stand.tier, SLOWLY, |run| run);
    let crowd = Crowd::new(&stage, &CLIENTS, &spot.address());
    let cluster = &mut stage.stand.cluster;
    let seen = crowd.read(|reading| {
        in_the_middle(reading, &door);
        cluster.node_mut(0).kill();
        std::thread::sleep(AWAY);
        reading.assert_all_busy();
        cluster.restart();
    });
    judge(&stage, "the broker was killed", seen, &JOIN_ANEW);
    assert!(door.held_back() == 0.0, "an offset was nearly told as out of range");
}
