//! What keys and values of records mean: bytes to columns, by a schema that was declared, or that a registry has.
//!
//! | step | where |
//! |---|---|
//! | which schema does this value name? | [`Framed::of`] |
//! | what does the registry say of it? | [`SchemaSource`], [`HttpRegistry`] |
//! | which columns does it need? | [`WriterSchema::fields_of`], [`fits`] |
//! | which of its fields goes where? | [`Plan`], once for each schema and table |
//! | a value, as one more row | [`Plan::decode`] into a [`RowBuilder`] |
//!
//! Columns are Arrow's. A value that is bad costs itself alone: it is an error with a [`Reason`], and
//! [`RowBuilder::roll_back`] takes back what it has left. Numbers are never cut: 1.5 is no whole number, and what does not fit
//! is an error.
//!
//! This crate must never know a table or the tier; never let bytes from outside make it panic, or set aside more than a small
//! multiple of their length; and never call a registry that is down a bad record.

#![forbid(unsafe_code)]

pub mod avro;
mod budget;
pub mod columns;
mod declared;
mod error;
mod fault;
mod framing;
mod json;
mod names;
mod omitted;
mod plan;
pub mod protobuf;
mod registry;
mod schema;
mod shape;
#[cfg(test)]
mod show;
mod sink;

pub use columns::{Column, RowBuilder, RowError, UnsupportedType};
pub use declared::{DeclaredError, parse_fields, print_fields};
pub(crate) use error::invalid;
pub use error::{DecodeError, Reason, Reference, SchemaError};
pub use framing::{Framed, SchemaRef};
pub use json::Inference;
pub use omitted::{Omitted, Why};
pub use plan::Plan;
pub use registry::{HttpRegistry, RegistryAuth, RegistryError, RegistrySettings, SchemaSource};
pub use schema::{SchemaKind, WriterSchema};
pub use shape::fits;
