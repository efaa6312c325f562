//! End-to-end tests on real brokers and stores: one binary, so that each server starts once.

mod rigs;
