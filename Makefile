# The commands of the project. `make run` and `make test` set up what they need themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build test nightly lint fmt bench ui clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and start the monitor on examples/monitor/monitor.yaml
	@scripts/setup build
	cargo build --release --package rem-monitor-bin
	@exec target/release/rem-monitor examples/monitor/monitor.yaml

build: ## build every binary, optimised, into target/release
	@scripts/setup build
	cargo build --release --workspace --bins

test: ## format, lint and run every test
	@scripts/test

nightly: ## the fault tests in full: 10,000 kills, 100,000 runs; takes an hour
	@scripts/setup build test
	REM_NIGHTLY=1 cargo test --package unidist --package rem-series --package rem-script --tests

lint: ## format check and lints only, of all but EC2; warnings are errors
	@scripts/setup build
	cargo fmt --all --check
	cargo clippy --workspace --exclude redeye-cloud-ec2 --exclude redeye-cloud-bin --all-targets -- -D warnings

fmt: ## format the sources
	cargo fmt --all

ui: ## the browser tests only, with screenshots in tests/ui/out
	@scripts/setup build browser
	cargo build --workspace --bins
	node tests/ui/run.mjs

bench: ## measure the figures of docs/figures.md on this machine
	@scripts/setup build bench
	@scripts/bench

clean: ## remove everything that was built
	cargo clean
	rm -rf tests/ui/node_modules tests/ui/out
