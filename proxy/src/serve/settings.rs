//! What a server is told. Plain values; the tier, the rights and the world are passed beside them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::NodeId;

use super::as_of::AsOf;
use super::groups::GroupSettings;

/// How a server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What clients are told to connect to, where that is another address.
    pub advertised: Option<(Arc<str>, u16)>,
    /// The node id that clients are told.
    pub node_id: NodeId,
    /// Whom it lets in without a login.
    pub anonymous: Anonymous,
    /// Where logs end that are to be seen as they stood; not set: where they end.
    pub as_of: Option<AsOf>,
    /// How consumer groups are coordinated.
    pub groups: GroupSettings,
    /// How much of anything.
    pub limits: Limits,
}

/// Whether somebody may come without saying who he is. What he may read then is for the rights to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anonymous {
    /// Nobody.
    #[default]
    Nobody,
    /// Whoever is on this machine: the server listens on a loopback address, or not at all.
    Loopback,
    /// Anybody who reaches the port. Said at each start.
    Anybody,
}

/// Limits of a server. Each holds for the whole server unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, of those who are known. More wait: in the kernel's queue where nobody has to say who he is, else
    /// behind their login.
    pub connections: usize,
    /// Connections at once, besides, of which it is not known yet who comes. Who comes beyond them takes the place of another.
    pub strangers: usize,
    /// The longest request, in bytes. Above the largest batch that producers send by themselves, so that they are refused
    /// by an answer.
    pub frame_bytes: usize,
    /// Memory for requests of more than 64 KiB that are on their way in, in bytes.
    pub requests_bytes: u64,
    /// The most record bytes in one answer, a single larger batch excepted.
    pub answer_bytes: usize,
    /// Memory for answers, from before they are read until they are sent, in bytes.
    pub answers_bytes: u64,
    /// Fetch sessions at once. Who gets none names all its partitions each time.
    pub sessions: usize,
    /// Partitions in all sessions.
    pub session_partitions: usize,
    /// How long a connection may ask nothing.
    pub idle: Duration,
    /// How long a request may take to arrive once its first byte is here.
    pub arrival: Duration,
    /// How long an answer may be stuck without a byte of it being taken.
    pub stall: Duration,
    /// How long a fetch is held for records at most, whatever it asks for.
    pub held: Duration,
    /// How often the catalog is read anew.
    pub catalog_age: Duration,
    /// How long requests under way may go on once the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            strangers: 250,
            frame_bytes: 2 << 20,
            requests_bytes: 64 << 20,
            answer_bytes: 8 << 20,
            answers_bytes: 256 << 20,
            sessions: 1000,
            session_partitions: 200_000,
            idle: Duration::from_secs(600),
            arrival: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            held: Duration::from_secs(30),
            catalog_age: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}
