//! Iceberg tables: metadata, manifests, commits and catalogs.
