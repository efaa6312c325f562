//! What a cluster of quiet partitions costs, counted: the gated figures of sidecars. `docs/measured.md` has the rows.

mod quiet;
mod requests;
