//! The simulation itself: the same seed gives the same history, and its checks bite.

mod careless;
mod found;
