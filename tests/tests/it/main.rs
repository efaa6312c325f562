//! End-to-end tests on real brokers and stores: one binary, so that each server starts once.

mod access;
mod environment;
mod fronting;
mod kafka_control;
mod live_broker;
mod places;
mod proxied;
mod proxied_sessions;
mod rigs;
mod round_trip;
mod serve;
mod sources;
mod stores;
