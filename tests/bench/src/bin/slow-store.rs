//! A relay that makes a store on this machine as slow as one far away: each answer waits for a lognormal time before its first
//! byte, and then for some milliseconds a MiB. It prints `listening PORT`, and ends with its standard input.
//!
//! ```text
//! usage: slow-store PORT FIRST_MS MIB_MS [SPREAD]     the median of the first, and its sigma (0.62 if not given)
//! ```
//!
//! The shape is that of measurements of S3 (Durner, Leis, Neumann: Exploiting Cloud Object Storage for High-Performance Analytics,
//! VLDB 2023). The draws have a fixed seed. Requests of one connection come one after the other, as those of HTTP/1.1 do.

#![expect(clippy::disallowed_methods, reason = "what is slow here is slow by the clock")]

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PIECE: usize = 64 << 10;

/// The next draw of SplitMix64, from 0 up to 1.
fn share(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[derive(Debug, Clone)]
struct Shape {
    first_ms: f64,
    mib_ms: f64,
    spread: f64,
    draws: Arc<Mutex<u64>>,
}

impl Shape {
    fn first(&self) -> Duration {
        let mut draws = self.draws.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Of a normal distribution, by Box and Muller.
        let (one, two) = (1.0 - share(&mut draws), share(&mut draws));
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos();
        Duration::from_secs_f64(self.first_ms * (self.spread * normal).exp() / 1e3)
    }

    fn bytes(&self, count: u64) -> Duration {
        Duration::from_secs_f64(count as f64 / f64::from(1 << 20) * self.mib_ms / 1e3)
    }
}

fn main() -> Result<()> {
    let usage = || std::io::Error::other("usage: slow-store PORT FIRST_MS MIB_MS [SPREAD]");
    let mut words = std::env::args().skip(1);
    let port: u16 = words.next().and_then(|word| word.parse().ok()).ok_or_else(usage)?;
    let given: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
    let [first_ms, mib_ms, ..] = given[..] else { return Err(usage()) };
    let draws = Arc::new(Mutex::new(27));
    let shape = Shape { first_ms, mib_ms, spread: given.get(2).copied().unwrap_or(0.62), draws };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(std::io::stdout(), "listening {}", listener.local_addr()?.port())?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
            // A connection that breaks ends itself only.
            let _ended = relay(client, server, &shape);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn relay(client: TcpStream, server: TcpStream, shape: &Shape) -> Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (up, down) = ((client.try_clone()?, server.try_clone()?), (server, client));
    let (sets, takes, shape) = (Arc::clone(&asked), asked, shape.clone());
    std::thread::spawn(move || pass(up.0, up.1, |_| sets.store(true, Ordering::SeqCst)));
    std::thread::spawn(move || {
        let (mut due, mut count) = (Instant::now(), 0);
        pass(down.0, down.1, |bytes| {
            if takes.swap(false, Ordering::SeqCst) {
                (due, count) = (Instant::now() + shape.first(), 0);
            }
            count += bytes as u64;
            // Not piece by piece: sleeps are longer than asked for, and would add up.
            let until = due + shape.bytes(count);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        });
    });
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut before: impl FnMut(usize)) {
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        before(count);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let (_, _) = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
