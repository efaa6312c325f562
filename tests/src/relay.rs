//! A relay before a server: it passes bytes, keeps those that come back, refuses, stalls, slows down, or brings something else.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of bytes, of connections that are open as of those to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Weather {
    /// They pass.
    Fair = 0,
    /// Connections are cut off.
    Down = 1,
    /// Nothing passes, and nobody is told.
    Stalled = 2,
    /// What the server sends comes at about 200 KiB a second.
    Slow = 3,
    /// Each request is answered with 503: of HTTP, and without a body.
    Busy = 4,
    /// A byte in the middle of all larger pieces that the server sends is another.
    Wrong = 5,
}

/// Pieces that are made wrong: larger than headers and than answers to small questions.
const LARGE: usize = 8 << 10;
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// A relay on a port of its own.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    weather: Arc<AtomicU8>,
    seen: Arc<Mutex<Vec<u8>>>,
    struck: Arc<AtomicUsize>,
}

impl Relay {
    /// Before a server on this machine. With `keeps` all that the server sends is kept.
    pub fn before(server: u16, keeps: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let weather = Arc::new(AtomicU8::new(Weather::Fair as u8));
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let struck = Arc::<AtomicUsize>::default();
        let relay = Self {
            port,
            weather: Arc::clone(&weather),
            seen: Arc::clone(&seen),
            struck: Arc::clone(&struck),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if weather.load(Ordering::SeqCst) == Weather::Down as u8 {
                    struck.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let keep = keeps.then(|| Arc::clone(&seen));
                let sky = || (Arc::clone(&weather), Arc::clone(&struck));
                pass(Way::ToServer, &client, &server, sky(), None);
                pass(Way::ToClient, &server, &client, sky(), keep);
            }
        });
        relay
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From here on.
    pub fn set(&self, weather: Weather) {
        self.weather.store(weather as u8, Ordering::SeqCst);
    }

    /// How often weather that is not fair has struck.
    pub fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }

    /// How often these bytes came from the server so far.
    pub fn count(&self, bytes: &[u8]) -> usize {
        let seen = self.seen.lock().expect("nobody panics with it");
        seen.windows(bytes.len()).filter(|window| *window == bytes).count()
    }

    /// Forgets what came so far.
    pub fn forget(&self) {
        self.seen.lock().expect("nobody panics with it").clear();
    }
}

type Sky = (Arc<AtomicU8>, Arc<AtomicUsize>);

/// Passes bytes one way, until either end is closed.
fn pass(way: Way, from: &TcpStream, to: &TcpStream, sky: Sky, keep: Option<Arc<Mutex<Vec<u8>>>>) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    from.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    std::thread::spawn(move || {
        let (weather, struck) = sky;
        let is = |wanted: Weather| weather.load(Ordering::SeqCst) == wanted as u8;
        let mut buffer = vec![0; 64 << 10];
        while !is(Weather::Down) {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    continue;
                }
                Err(_) => break,
            };
            let struck = || struck.fetch_add(1, Ordering::SeqCst);
            if is(Weather::Stalled) {
                struck();
            }
            while is(Weather::Stalled) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if is(Weather::Busy) && way == Way::ToServer {
                struck();
                if from.write_all(BUSY).is_err() {
                    break;
                }
                continue;
            }
            if is(Weather::Slow) && way == Way::ToClient {
                struck();
                std::thread::sleep(Duration::from_millis(count as u64 / 200));
            }
            if is(Weather::Wrong) && way == Way::ToClient && count > LARGE {
                struck();
                buffer[count / 2] ^= 1;
            }
            if let Some(keep) = &keep {
                keep.lock().expect("nobody panics with it").extend(&buffer[..count]);
            }
            if is(Weather::Down) {
                struck();
                break;
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
