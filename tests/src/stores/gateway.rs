//! A gateway in front of a real S3 server: it notes what is asked, and may lose the conditions on the way, as some
//! gateways and older servers do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of `If-Match` and `If-None-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// Every request arrives as it was sent.
    Kept,
    /// They are left out. Signatures cover them, so that only unsigned requests come through.
    Lost,
}

/// A running gateway. Its threads end with the test process.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Listens, and passes on to a server on the loopback address.
    pub fn start(server: u16, conditions: Conditions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // Either side may hang up at any time; the client's view of that is what a test looks at.
                std::thread::spawn(move || drop(pass(&client, server, conditions, &noted)));
            }
        });
        Self { port, requests }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Method and path of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nothing panics under this lock").clone()
    }
}

fn pass(
    client: &TcpStream,
    server: u16,
    conditions: Conditions,
    noted: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut from = BufReader::new(client);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return server.shutdown(Shutdown::Write);
        }
        let request = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        noted.lock().expect("nothing panics under this lock").push(request);
        let mut head = line;
        let mut length = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let name = line.split(':').next().unwrap_or("").to_ascii_lowercase();
            if name == "content-length" {
                length = line.trim_end().rsplit(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            }
            if conditions == Conditions::Kept || !["if-match", "if-none-match"].contains(&name.as_str()) {
                head.push_str(&line);
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        server.write_all(head.as_bytes())?;
        io::copy(&mut from.by_ref().take(length), &mut server)?;
    }
}
