//! The bytes of Kafka's protocol: frames, what each answer must look like, error codes. No socket is opened here.

mod api;
mod code;
mod frame;
mod message;
mod shape;
#[cfg(test)]
mod tests;
mod wipe;

pub use api::Api;
pub use code::Code;
pub(crate) use frame::{FrameError, read_frame};
pub use message::ProtocolError;
pub(crate) use message::{Exchange, decode, encode};
pub(crate) use wipe::Wiped;
