# Every step of development is one command here; `make help` lists them.
# Downloaded and built tools live in $FIRNLINE_BUILD_CACHE, by default .build (ignored by git).

SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## build a lean firnline and show the whole job on this machine, no server needed
	@scripts/install-debian build
	cargo run --locked --profile demo -p firnline-cli --no-default-features -- demo

.PHONY: try
try: ## start Kafka, MinIO, a sidecar and a proxy on this machine, and leave them running to be tried
	@scripts/install-debian test try
	@scripts/install-tools kafka minio mc
	@scripts/try start

.PHONY: try-stop
try-stop: ## end what `make try` has started, and remove its data
	@scripts/try stop

.PHONY: test
test: install ## install what the tests need, then run all of them
	@scripts/test

.PHONY: test-all
test-all: test lint lanes ## tests, lints and every rotating lane

.PHONY: lint
lint: ## formatting, clippy, docs, licences, links, notices
	@scripts/lint

.PHONY: install
install: ## install the tools of the tests (Debian packages, brokers, stores)
	@scripts/install-debian test
	@scripts/install-tools kafka wheels azurite gcs mc minio

.PHONY: lanes
lanes: ## run every rotating lane of CI (scripts/lanes lists them)
	@scripts/lanes all

.PHONY: fuzz
fuzz: ## fuzz every parser, SECONDS_EACH=60 seconds each
	@scripts/fuzz

.PHONY: soak
soak: ## simulate clusters, stores and sidecars for SECONDS=600, FROM=0 the first seed
	@SOAK_SECONDS=$(or $(SECONDS),600) scripts/soak

.PHONY: endure
endure: ## a million calls of the broker plugin's library, then its tests under AddressSanitizer
	@scripts/endure calls
	@scripts/endure sanitize

.PHONY: mutants
mutants: ## put known mistakes back one at a time; the tests must notice each (ONLY=name for some)
	@scripts/mutants $(ONLY)

.PHONY: bench
bench: ## measure the figures of docs/measured.md
	@scripts/install-debian test bench
	@scripts/install-tools rclone
	@scripts/bench

.PHONY: bench-proxy
bench-proxy: ## measure what a proxy costs and brings, against the broker itself
	@scripts/install-debian test bench
	@scripts/bench --only pass,cold,caches,many,rest,wide

.PHONY: notices
notices: ## write THIRD-PARTY-NOTICES.md anew
	@python3 scripts/notices --write

.PHONY: minio-start
minio-start: ## build MinIO and start it on 127.0.0.1:9000 for development
	@minio/install
	@minio/start

.PHONY: minio-stop
minio-stop: ## stop that MinIO; its data stays
	@minio/stop

.PHONY: clean-test-env
clean-test-env: ## remove the downloaded tools of the tests
	@scripts/clean-test-env
