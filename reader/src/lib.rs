//! Tier to bytes: caches, planned ranged reads, verified blocks
