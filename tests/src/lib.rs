//! End-to-end tests of Firnline on real brokers and stores
