//! `firnline serve`: the real binary over a tier of a real broker's log, read by real clients.

mod disk_cache;
mod doors;
mod faults;
mod groups;
mod log_dirs;
mod raw;
mod reading;
mod server;
mod tenants;
