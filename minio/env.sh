# Sourced by the scripts here: how mc reaches the server.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/env.sh"

need mc "run minio/install"
endpoint=${MINIO_ENDPOINT:-http://127.0.0.1:9000}
# mc takes a server from the environment, so that nothing of ours is written to the user's own mc configuration.
MC_HOST_firnline="${endpoint%%://*}://${MINIO_ROOT_USER:-firnline}:${MINIO_ROOT_PASSWORD:-firnline-secret}@${endpoint#*://}"
export MC_HOST_firnline
MC_CONFIG_DIR=$(mktemp -d)
export MC_CONFIG_DIR
trap 'rm -rf "$MC_CONFIG_DIR"' EXIT
