//! The metadata half: manifest, pages, lineage, keys, marker, topic object.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod algebra;
mod changes;
mod cluster;
mod find;
mod golden;
mod group;
mod json;
mod keys;
mod lineage;
mod manifest_codec;
mod model;
mod projecting;
mod reshaping;
mod samples;
mod scale;
mod spill;
mod summary;
mod table;
