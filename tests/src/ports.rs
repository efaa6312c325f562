//! Ports for servers on the loopback address.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

// Below the kernel's ephemeral range (32768 up), so that no outgoing connection takes a port between our look and the
// server's bind.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that is free now and that no other caller in this process gets.
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run at once begin at different places.
    let from = u16::try_from(std::process::id() % u32::from(COUNT)).expect("the remainder is below COUNT");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (from + step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
