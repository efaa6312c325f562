//! Jobs against real tiers and tables in a simulated store, with whatever can go wrong on the way.

mod foreign;
mod ledger;
mod log;
mod meddled;
mod once;
mod repairs;
mod rounds;
mod schedule;
mod tier;
mod world;
