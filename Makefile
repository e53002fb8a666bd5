# The commands of the project. `make demo` needs only a Rust toolchain.
.PHONY: help demo sandbox test soak tools format lint dependencies workflows core simulation emulator processes book docs documents record agreement bench verify-aws release release-check release-test clean
.DEFAULT_GOAL := help

# The number of seeds in one run of the simulator.
SIMULATION_SEEDS ?= 10000
# The number of generated cases per property. The seed is fixed, so that a failing run fails again.
PROPTEST_CASES ?= 2000
PROPTEST_RNG_SEED ?= 1
# The seed of `make soak`. It differs every day.
ELSEWHERE ?= $(shell date +%Y%m%d)
export SIMULATION_SEEDS PROPTEST_CASES PROPTEST_RNG_SEED

CARGO := cargo
# An optimised build with all assertions, so that the 10,000 runs of the simulator find overflows too.
CHECKED := --profile checked
# The process tests run a static build, as that in the image. `make release-check` runs the programs of a release.
STATIC := --target $(shell uname -m)-unknown-linux-musl
TESTED := --profile tested $(STATIC)
CORE := $(CARGO) test --locked --package zonekeeper-core $(CHECKED)
BOTOCORE := .tools/venv/bin/python crates/emulator/tests/botocore/check.py

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo:  ## Plan and apply the example shop on this machine, then delete an Ingress
	$(CARGO) run -- sandbox --once

sandbox:  ## Run the demo, then follow your edits of examples/shop until Ctrl-C
	$(CARGO) run -- sandbox

test: tools format lint dependencies workflows core processes emulator book docs  ## Run everything that CI runs
	@echo "all tests passed"

soak: tools  ## Search for bugs for a day: a million seeds, 50 kills, mutation tests of the core
	tests/tools.sh mutants
	SIMULATION_FIRST=10000 SIMULATION_SEEDS=1000000 $(MAKE) simulation
	PROPTEST_RNG_SEED=$(ELSEWHERE) PROPTEST_CASES=100000 $(CORE) --test core properties::
	KILL_ROUNDS=50 $(CARGO) test --locked --package zonekeeper $(TESTED) --test zonekeeper kills:: -- --nocapture
	SIMULATION_SEEDS=300 PROPTEST_CASES=200 tests/tools.sh survivors

tools:  ## Install the test tools in .tools
	tests/tools.sh

format:  ## Check the format
	$(CARGO) fmt --all -- --check

lint:  ## Run Clippy; a warning is an error
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --package zonekeeper --no-default-features -- -D warnings

dependencies: tools  ## Check the licences, versions and sources of all dependencies
	.tools/cargo-deny/bin/cargo-deny --locked check licenses bans sources

workflows: tools  ## Check the workflows of GitHub Actions
	.tools/actionlint/actionlint -shellcheck= -pyflakes=

core:  ## Test the core: unit tests, cases, properties, simulation, and whether the bench `plan` runs
	$(CORE) -- --show-output
	$(CARGO) bench --locked --package zonekeeper-core $(CHECKED) --bench plan -- 200

simulation:  ## Run only the simulator, with its figures; SEED=7 traces one run
	$(CORE) --test core simulation:: -- --nocapture

emulator: tools  ## Test the emulator, also with botocore as its client
	$(CARGO) test --locked --package zonekeeper-emulator
	$(CARGO) build --locked --package zonekeeper-emulator
	$(BOTOCORE) target/debug/route53-emulator

processes: tools  ## Test the program: unit tests, edges, processes on a real control plane
	$(CARGO) test --locked --package zonekeeper $(TESTED)

documents:  ## Generate pages of docs/reference, crds/ and manifests/aws from the code
	UPDATE=1 $(CARGO) test --locked --package zonekeeper-core --test core documents::
	UPDATE=1 $(CARGO) test --locked --package zonekeeper --test zonekeeper -- documents:: the_page_of_the_chart the_tables_of_the_modules the_definitions_are the_component_has the_page_of_the_log externaldns::

record: tools  ## Record what ExternalDNS does, EXTERNAL_DNS=path; AGAIN=name or all records again
	$(CARGO) test --locked --package zonekeeper $(TESTED) --test zonekeeper -- externaldns::recorder --ignored --nocapture

agreement: tools  ## Compare with ExternalDNS in random situations and in a zone of 1,000 names, EXTERNAL_DNS=path SEED=1 COUNT=1000
	$(CARGO) test --locked --package zonekeeper $(TESTED) --test zonekeeper -- externaldns::agreement externaldns::converged --ignored --nocapture

book:  ## Build the book in target/book; REPOSITORY=owner/zonekeeper for its links to files of the repository
	@tests/tools.sh book
	release/book.sh target/book

docs:  ## Build the API documentation; a warning is an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

bench: tools  ## Measure time and memory: beside ExternalDNS with EXTERNAL_DNS=path, plans, pods, starts, an outage, a standby
	$(CARGO) bench --locked --package zonekeeper --bench comparison $(STATIC)
	$(CARGO) bench --locked --package zonekeeper-core --bench plan
	$(CARGO) bench --locked --package zonekeeper-core --bench pods
	$(CARGO) bench --locked --package zonekeeper --bench start $(STATIC)
	$(CARGO) bench --locked --package zonekeeper --bench outage $(STATIC)
	$(CARGO) bench --locked --package zonekeeper --bench restart $(STATIC)
	$(CARGO) bench --locked --package zonekeeper --bench standby $(STATIC)

verify-aws:  ## Check docs/reference/assumptions.md in your scratch zone, ZONE=Z…; asks before it writes
	@test -n "$(ZONE)" || { echo "the id of a scratch zone is missing: make verify-aws ZONE=Z0123456789ABCDEFGHIJ" >&2; exit 2; }
	@tests/tools.sh venv
	@.tools/venv/bin/python tests/verify-aws/verify.py $(ZONE)

release:  ## Build the release of the last commit in dist: programs, image, SBOM, chart
	tests/tools.sh release
	rm -rf dist
	release/build.sh dist

release-check:  ## Check the release in dist, and run its programs for both architectures
	release/check.py dist HEAD

release-test: release release-check  ## Build a release, check it, build it again in another folder, and compare
	rm -rf target/release-again
	release/build.sh target/release-again/dist target/release-again/in/another/folder
	diff --recursive dist target/release-again/dist
	@echo "both builds of the release are equal"

clean:  ## Remove all build results and the test tools
	$(CARGO) clean
	rm -rf .tools dist
