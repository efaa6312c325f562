//! Tier to Parquet files and Iceberg tables, exactly once.
