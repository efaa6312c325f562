//! `firnline serve`: the real binary over a tier of a real broker's log, read by real clients.

mod doors;
mod reading;
mod server;
