//! Ports for servers on the loopback address.
//!
//! Test processes run at once, and a server binds its port only some time after it was chosen. So a process claims whole blocks
//! of ports, each by listening on its first one for as long as it lives: the kernel gives that to one process, and takes
//! it back when the process ends however it does.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

// Below the kernel's ephemeral range (32768 up), so that no outgoing connection takes a port between our look and the
// server's bind.
const FIRST: u16 = 20_000;
const BLOCK: u16 = 50;
const BLOCKS: u16 = 240;

/// A port that is free now and that no other caller, in this process or another, gets.
pub fn free() -> u16 {
    row(1)
}

/// The first of so many free ports in a row, none of which another caller gets.
pub fn row(count: u16) -> u16 {
    static CLAIMED: Mutex<Claimed> = Mutex::new(Claimed { blocks: Vec::new(), next: 0, left: 0 });
    assert!((1..BLOCK).contains(&count), "{count} ports in a row are more than a block has");
    CLAIMED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).row(count)
}

/// What this process has claimed, and how far it has given that away.
struct Claimed {
    blocks: Vec<TcpListener>,
    next: u16,
    left: u16,
}

impl Claimed {
    fn row(&mut self, count: u16) -> u16 {
        loop {
            if self.left < count {
                self.claim();
            }
            let first = self.next;
            // Others than us may hold one, such as a server of the machine.
            let taken = (0..count).rev().find(|step| !is_free(first + step));
            let used = taken.map_or(count, |step| step + 1);
            self.next += used;
            self.left -= used;
            if taken.is_none() {
                return first;
            }
        }
    }

    fn claim(&mut self) {
        // Processes that start together look in different places first.
        let from =
            u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("the remainder is below BLOCKS");
        for step in 0..BLOCKS {
            let first = FIRST + (from + step) % BLOCKS * BLOCK;
            if let Ok(claim) = TcpListener::bind((Ipv4Addr::LOCALHOST, first)) {
                self.blocks.push(claim);
                (self.next, self.left) = (first + 1, BLOCK - 1);
                return;
            }
        }
        panic!("no free block of ports between {FIRST} and {}", FIRST + BLOCKS * BLOCK);
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
