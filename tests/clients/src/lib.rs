//! Real client libraries read a topic whose beginning only the tier has, and one checker judges what each saw.
//!
//! The programs beside this crate (`README.md` says what they are asked and what they tell) are started once for each thing
//! that is asked of them, against a proxy that was started just before and has read nothing yet. What they must see is what
//! the producer wrote down when the brokers acknowledged it.

#![expect(clippy::disallowed_methods, reason = "it waits for real clients in real time")]

pub mod client;
pub mod crowd;
pub mod facts;
pub mod stage;
