//! Behaviour of the crate as others see it.

mod meta;
mod segment;
