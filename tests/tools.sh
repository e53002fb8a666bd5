#!/usr/bin/env bash
# Installs in .tools the programs that the tests need besides a Rust toolchain: a control plane, helm, promtool,
# OpenTofu and actionlint built with Go; cargo-deny and mdBook; botocore, moto and the parser of OpenMetrics in a virtual
# environment; and an IAM evaluator for Node.js. On Debian, as root, the script also installs missing packages.
# Elsewhere it names the missing package and ends.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)

# need COMMAND PACKAGE PURPOSE: installs PACKAGE if COMMAND is missing.
need() {
    if command -v "$1" >/dev/null; then return; fi
    install "$2" "$1 ($3)"
}

# install PACKAGE WHAT: installs PACKAGE on Debian as root. Otherwise it says that WHAT is missing, and ends.
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "tools: installing $1"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$1" >/dev/null
    else
        echo "tools: $2 is missing; on Debian: apt-get install $1" >&2
        exit 1
    fi
}

# venv: installs botocore and moto. moto's extra `server` has 30 more packages, for services that the tests do
# not use. So requirements.txt lists only the needed packages.
venv() {
    need python3 python3 "runs botocore and moto"
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv "Python's venv (holds botocore and moto)"
    local requirements=("$root/crates/emulator/tests/botocore/requirements.txt" "$root/tests/zonekeeper/requirements.txt")
    local venv=$root/.tools/venv
    if ! cat "${requirements[@]}" | cmp -s - "$venv/installed.txt"; then
        echo "tools: installing botocore and moto"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "${requirements[@]/#/--requirement=}"
        cat "${requirements[@]}" >"$venv/installed.txt"
    fi
}

# crate NAME VERSION [OPTION…]: installs the program of a crate in .tools/NAME.
crate() {
    local installed=$root/.tools/$1/installed.txt
    if [ "$(cat "$installed" 2>/dev/null)" != "$2" ]; then
        echo "tools: installing $1"
        cargo install --quiet --locked --root "$root/.tools/$1" "${@:3}" "$1@$2"
        echo "$2" >"$installed"
    fi
}

# module FOLDER NAME [OPTION…]: builds the tools of the Go module in FOLDER, and puts them in .tools/NAME.
module() {
    local sums=$root/$1/go.sum out=$root/.tools/$2
    if ! cmp -s "$sums" "$out/installed.txt"; then
        echo "tools: building $2"
        mkdir -p "$out"
        (cd "$root/$1" && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' "${@:3}" -o "$out/" tool)
        cp "$sums" "$out/installed.txt"
    fi
}

# mutants: installs cargo-mutants, for `make soak`.
mutants() {
    crate cargo-mutants 27.1.0
}

# deny: installs cargo-deny, which checks the dependencies.
deny() {
    crate cargo-deny 0.20.2
}

# book: installs mdBook, without its server and its watcher.
book() {
    crate mdbook 0.5.4 --no-default-features --features search
}

# release: installs what builds a release, and runs its programs for both architectures.
release() {
    need cc build-essential "links Rust programs"
    need git git "reads the commit"
    need go golang-go "builds helm; 1.26 or newer, or any from 1.21 on that may download it"
    need buildah buildah "builds the image"
    need qemu-aarch64-static qemu-user-static "runs the program for arm64"
    target x86_64-unknown-linux-musl
    target aarch64-unknown-linux-musl
    crate cargo-auditable 0.7.7
    crate cargo-cyclonedx 0.5.9
    module tests/helm helm
    need python3 python3 "installs the cross compiler"
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv "Python's venv (holds the cross compiler)"
    local requirements=$root/release/requirements.txt venv=$root/.tools/release
    if ! cmp -s "$requirements" "$venv/installed.txt"; then
        echo "tools: installing the cross compiler"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$requirements"
        cp "$requirements" "$venv/installed.txt"
    fi
}

# publish: builds what publishes a release: helm, and cosign and crane.
publish() {
    module tests/helm helm
    module release/publish publish
}

# target TRIPLE: installs Rust's target.
target() {
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ]; then return; fi
    command -v rustup >/dev/null || {
        echo "tools: Rust's target $1 (a static binary) is missing; with rustup: rustup target add $1" >&2
        exit 1
    }
    rustup target add "$1"
}

# survivors: runs the mutation tests of the core, and lists the mutants that no test finds. A person judges
# each of them: either a test is missing, or the mutant is equivalent to the program. An equivalent mutant
# goes into .cargo/mutants.toml, with the reason.
survivors() {
    mutants
    # The first run uses only the tests that take seconds. The second run uses all tests for the surviving
    # mutants. Both runs skip the saboteurs and the mass change of 10,000, because other tests find the same
    # mutants.
    local tests=(--lib --test core -- --skip every_saboteur --skip a_mass_change) found=0
    survive -- "${tests[@]}" --skip simulation:: --skip properties:: || true
    survive --iterate -- "${tests[@]}" || found=$?
    # Exit code 2: mutants survived. Exit code 3: tests timed out (cargo-mutants, "Exit codes").
    case $found in
    0) echo "survivors: none" ;;
    2 | 3)
        echo "survivors, to be judged:"
        cat "$root/.tools/mutants.out/missed.txt"
        sed 's/$/ (took too long)/' "$root/.tools/mutants.out/timeout.txt"
        ;;
    *) return "$found" ;;
    esac
}

# survive ARGUMENT…: runs cargo-mutants over the core.
survive() {
    "$root/.tools/cargo-mutants/bin/cargo-mutants" mutants --package zonekeeper-core --output "$root/.tools" "$@"
}

# With the name of one of these functions, the script runs only this function.
case ${1:-} in
venv | mutants | survivors | deny | book | release | publish)
    "$1"
    exit
    ;;
esac

need cc build-essential "links Rust programs"
need musl-gcc musl-tools "links the static binary of the image"
need go golang-go "builds kube-apiserver, helm and OpenTofu; 1.26.6 or newer, or any from 1.21 on that may download it"
need buildah buildah "builds the image and runs it"
need node nodejs "runs the IAM evaluator; 18 or newer"
need npm npm "installs the IAM evaluator"

target "$(uname -m)-unknown-linux-musl"

"$root/tests/control-plane/build.sh"
module tests/helm helm
# Without the clients of all clouds, with which Prometheus finds its targets.
module tests/promtool promtool -tags=remove_all_sd
module tests/actionlint actionlint
"$root/tests/terraform/build.sh"

deny
book
venv

iam=$root/.tools/iam
if ! cmp -s "$root/tests/iam/package-lock.json" "$iam/installed.json"; then
    echo "tools: installing the IAM evaluator"
    mkdir -p "$iam"
    cp "$root/tests/iam/package.json" "$root/tests/iam/package-lock.json" "$iam"
    npm ci --prefix "$iam" --engine-strict --ignore-scripts --no-audit --no-fund --loglevel=error
    cp "$iam/package-lock.json" "$iam/installed.json"
fi
