//! A relay before a server: it passes bytes, keeps those that come back, refuses, or stalls.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
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
}

/// A relay on a port of its own.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    weather: Arc<AtomicU8>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    /// Before a server on this machine. With `keeps` all that the server sends is kept.
    pub fn before(server: u16, keeps: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let weather = Arc::new(AtomicU8::new(Weather::Fair as u8));
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let relay = Self { port, weather: Arc::clone(&weather), seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let keep = keeps.then(|| Arc::clone(&seen));
                pass(&client, &server, &weather, None);
                pass(&server, &client, &weather, keep);
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

/// Passes bytes one way, until either end is closed.
fn pass(from: &TcpStream, to: &TcpStream, weather: &Arc<AtomicU8>, keep: Option<Arc<Mutex<Vec<u8>>>>) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    let weather = Arc::clone(weather);
    from.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    std::thread::spawn(move || {
        let is = |wanted: Weather| weather.load(Ordering::SeqCst) == wanted as u8;
        let mut buffer = vec![0; 64 << 10];
        while !is(Weather::Down) {
            if is(Weather::Stalled) {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
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
            while is(Weather::Stalled) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if let Some(keep) = &keep {
                keep.lock().expect("nobody panics with it").extend(&buffer[..count]);
            }
            if is(Weather::Down) || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
