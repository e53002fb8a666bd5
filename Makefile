# zonekeeper's commands. `make demo` needs a Rust toolchain and nothing else.
.PHONY: help demo sandbox test soak tools format lint core simulation emulator processes docs documents bench verify-aws clean
.DEFAULT_GOAL := help

# What the seeds of one run of the simulator are.
SIMULATION_SEEDS ?= 10000
# Generated worlds per property. The seed is fixed, so that a red run stays red; another one looks elsewhere.
PROPTEST_CASES ?= 2000
PROPTEST_RNG_SEED ?= 1
# Where `make soak` looks: another place every day.
ELSEWHERE ?= $(shell date +%Y%m%d)
export SIMULATION_SEEDS PROPTEST_CASES PROPTEST_RNG_SEED

CARGO := cargo
# Optimised, with every assertion: the simulator's 10,000 runs are to find overflows too.
CHECKED := --profile checked
# What the image holds is what the process tests run: one build, linked statically.
SHIPPED := --release --target $(shell uname -m)-unknown-linux-musl
CORE := $(CARGO) test --locked --package zonekeeper-core $(CHECKED)
BOTOCORE := .tools/venv/bin/python crates/emulator/tests/botocore/check.py

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo:  ## Plan, apply and orphan the example shop once, on this machine
	$(CARGO) run -- sandbox --once

sandbox:  ## The same, and then follow edits of examples/shop until Ctrl-C
	$(CARGO) run -- sandbox

test: tools format lint core processes emulator docs  ## Everything that CI runs
	@echo "all tests passed"

soak: tools  ## A day of looking for what the tests miss: a million seeds, 50 kills, mutants of what decides
	tests/tools.sh mutants
	SIMULATION_FIRST=10000 SIMULATION_SEEDS=1000000 $(MAKE) simulation
	PROPTEST_RNG_SEED=$(ELSEWHERE) PROPTEST_CASES=100000 $(CORE) --test core properties::
	KILL_ROUNDS=50 $(CARGO) test --locked --package zonekeeper $(SHIPPED) --test zonekeeper kills:: -- --nocapture
	SIMULATION_SEEDS=300 PROPTEST_CASES=200 tests/tools.sh survivors

tools:  ## Set up what the tests need, in .tools
	tests/tools.sh

format:  ## Check the format
	$(CARGO) fmt --all -- --check

lint:  ## Clippy, warnings denied
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

core:  ## The core: unit tests, flow cases, properties, simulation
	$(CORE) -- --show-output

simulation:  ## The simulator alone, with its figures; SEED=7 shows the trace of one run
	$(CORE) --test core simulation:: -- --nocapture

emulator: tools  ## The emulator: its own tests, and botocore against it
	$(CARGO) test --locked --package zonekeeper-emulator
	$(CARGO) build --locked --package zonekeeper-emulator
	$(BOTOCORE) target/debug/route53-emulator

processes: tools  ## The program: unit tests, edges, processes, the real control plane
	$(CARGO) test --locked --package zonekeeper $(SHIPPED)

documents:  ## Write what is generated from the code: pages of docs/, and crds/
	UPDATE=1 $(CARGO) test --locked --package zonekeeper-core --test core documents::
	UPDATE=1 $(CARGO) test --locked --package zonekeeper --test zonekeeper -- documents:: the_definitions_are

docs:  ## The documentation, warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

bench: tools  ## Time and memory: planning 1,000 to 100,000 hostnames, a start with 100, the time after an outage
	$(CARGO) bench --locked --package zonekeeper-core --bench plan
	$(CARGO) bench --locked --package zonekeeper --bench start --target $(lastword $(SHIPPED))
	$(CARGO) bench --locked --package zonekeeper --bench outage --target $(lastword $(SHIPPED))

verify-aws:  ## Check docs/assumptions.md on a scratch zone of yours, ZONE=Z…; asks before it writes
	@test -n "$(ZONE)" || { echo "the id of a scratch zone is missing: make verify-aws ZONE=Z0123456789ABCDEFGHIJ" >&2; exit 2; }
	@tests/tools.sh venv
	@.tools/venv/bin/python tests/verify-aws/verify.py $(ZONE)

clean:  ## Remove what was built, tools included
	$(CARGO) clean
	rm -rf .tools
