//! Version 1 of head and page. Version 0, its preview, has the same bodies.

mod entry;
mod head;
mod message;
mod page;
mod parts;
mod shape;

use prost::Message;

use super::bounds;
use crate::manifest::{Manifest, ManifestError, Page};

/// The body of a head.
pub(super) fn encode_head(manifest: &Manifest) -> Vec<u8> {
    head::to_wire(manifest).encode_to_vec()
}

/// The head that a body holds.
pub(super) fn decode_head(body: &[u8]) -> Result<Manifest, ManifestError> {
    bounds::check(&shape::HEAD, body)?;
    head::from_wire(message::Head::decode(body).map_err(ManifestError::Protobuf)?)
}

/// The body of a page.
pub(super) fn encode_page(page: &Page) -> Vec<u8> {
    page::to_wire(page).encode_to_vec()
}

/// The page that a body holds.
pub(super) fn decode_page(body: &[u8]) -> Result<Page, ManifestError> {
    bounds::check(&shape::PAGE, body)?;
    page::from_wire(message::Page::decode(body).map_err(ManifestError::Protobuf)?)
}

/// How many fields the largest message has.
#[cfg(test)]
pub(super) fn largest_shape() -> usize {
    fn largest(shape: &bounds::Shape) -> usize {
        shape.fields.iter().filter_map(|f| f.message).map(largest).fold(shape.fields.len(), usize::max)
    }
    largest(&shape::HEAD).max(largest(&shape::PAGE))
}
