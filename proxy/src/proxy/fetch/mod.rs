//! Fetch: what the broker refuses with OFFSET_OUT_OF_RANGE and the tier has is filled, and log starts are the tier's.
//!
//! ```text
//!   request ─► look ─► own questions, then the request, sessionless ─► broker
//!                                                                        │
//!   client ◄── splice ◄── outcome ◄── gather / fill_held ◄── verdict ◄── answer
//! ```
//!
//! `look`, `verdict` and `outcome` are pure: they decide by what stands in the frame and what is in memory.

mod answer;
mod look;
mod outcome;
mod passing;
mod verdict;

pub(crate) use answer::{Answered, Later, answer};
pub(crate) use look::{Asked, Look, Wanted, is_cold, look, refused};
pub(crate) use passing::pass_entry;
