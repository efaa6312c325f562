//! Kafka's wire protocol as a bounded walker: bytes in, positions and borrowed values out, and back.
//!
//! | question | answer |
//! |---|---|
//! | where does a frame end? | [`Splitter`] |
//! | which request is it, of which version? | [`RequestHeader`], [`Api`] |
//! | what does it say? | [`read_request`], [`read_response`] with a type of [`messages`] |
//! | how is an answer made? | [`write_response`], [`write_request`]: a [`Frame`] of parts, records shared |
//! | how is a passing one changed? | [`Patches`] in place, [`splice`] where lengths change |
//! | and one that is not held? | [`FetchScan`]: a fetch answer while it arrives |
//! | what is a message made of? | [`schema`], held against Kafka's own by a test |
//!
//! Reading allocates nothing: values borrow from the frame, and a [`List`] is the range of its elements, walked once when
//! it is read and again when it is gone through. So a count on the wire can cost no memory, and time in proportion to the
//! bytes that really came. Each message stands once, as a table of fields with Kafka's names and versions; reader, writer
//! and schema are made of it. Nothing here knows a socket, a clock or the tier.

mod api;
mod at;
mod error;
mod frame;
mod header;
mod hidden;
mod list;
mod message;
pub mod messages;
mod out;
mod parts;
mod patch;
mod reader;
mod records;
mod scan;
pub mod schema;
mod value;

pub use api::{Api, ApiRow, TABLE};
pub use at::{At, Span};
pub use error::{WireError, WriteError};
pub use frame::{FrameError, Front, Splitter};
pub use header::{RequestHeader, response_correlation};
pub use hidden::Hidden;
pub use list::{Iter, List};
pub use message::{Message, Side, read_request, read_response, write_request, write_response};
pub use out::Out;
pub use parts::Frame;
pub use patch::{Fixed, Patches, Splice, fragment, splice, tagged_fragment};
pub use reader::{Form, Reader};
pub use records::Records;
pub use scan::{FetchScan, ScannedTopic};
pub use value::Value;
