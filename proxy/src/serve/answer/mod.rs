//! Answers that need no bytes of the tier: pure functions of a request, the catalog and what the server says of itself.

pub(crate) mod cluster;
pub(crate) mod configs;
pub(crate) mod coordinator;
pub(crate) mod metadata;
pub(crate) mod refused;
pub(crate) mod versions;
