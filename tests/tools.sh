#!/usr/bin/env bash
# Sets up what the tests need beyond a Rust toolchain, inside this project's .tools: a control plane built with Go,
# botocore and moto in a virtual environment, and an IAM evaluator that runs on Node.js. On Debian, as root, missing
# packages are installed; elsewhere they are named.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)

# need COMMAND PACKAGE PURPOSE: COMMAND is there, or is installed, or is asked for.
need() {
    if command -v "$1" >/dev/null; then return; fi
    install "$2" "$1 ($3)"
}

# install PACKAGE WHAT
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "tools: installing $1"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$1" >/dev/null
    else
        echo "tools: $2 is missing; on Debian: apt-get install $1" >&2
        exit 1
    fi
}

# venv: botocore and moto. moto's extra `server` brings 30 packages more for services that are not used here: what is
# needed of it is listed.
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

# mutants: cargo-mutants, for `make soak`.
mutants() {
    local version=27.1.0
    if ! "$root/.tools/mutants/bin/cargo-mutants" mutants --version 2>/dev/null | grep -qF "$version"; then
        echo "tools: installing cargo-mutants"
        cargo install --quiet --locked --root "$root/.tools/mutants" "cargo-mutants@$version"
    fi
}

# survivors: changes what decides, one place at a time, and lists what no test noticed. These are for people to judge: a
# test is missing, or the mutant is the same program, and goes with that reason into .cargo/mutants.toml.
survivors() {
    mutants
    # First what takes seconds, then all for those that are left. Never what finds only what others find too: the
    # saboteurs, and the mass change of 10,000.
    local tests=(--lib --test core -- --skip every_saboteur --skip a_mass_change) found=0
    survive -- "${tests[@]}" --skip simulation:: --skip properties:: || true
    survive --iterate -- "${tests[@]}" || found=$?
    # 2 where mutants survived, 3 where tests took too long with some (cargo-mutants, "Exit codes").
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
    "$root/.tools/mutants/bin/cargo-mutants" mutants --package zonekeeper-core --output "$root/.tools" "$@"
}

# `tools.sh venv`, `tools.sh mutants` or `tools.sh survivors` does nothing else.
case ${1:-} in
venv | mutants | survivors)
    "$1"
    exit
    ;;
esac

need cc build-essential "links Rust programs"
need musl-gcc musl-tools "links the static binary of the image"
need go golang-go "builds kube-apiserver; 1.26 or newer, or any from 1.21 on that may download it"
need buildah buildah "builds the image and runs it"
need node nodejs "runs the IAM evaluator; 18 or newer"
need npm npm "installs the IAM evaluator"

target=$(uname -m)-unknown-linux-musl
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    command -v rustup >/dev/null || {
        echo "tools: Rust's target $target (the static binary of the image) is missing; with rustup: rustup target add $target" >&2
        exit 1
    }
    rustup target add "$target"
fi

"$root/tests/control-plane/build.sh"

venv

iam=$root/.tools/iam
if ! cmp -s "$root/tests/iam/package-lock.json" "$iam/installed.json"; then
    echo "tools: installing the IAM evaluator"
    mkdir -p "$iam"
    cp "$root/tests/iam/package.json" "$root/tests/iam/package-lock.json" "$iam"
    npm ci --prefix "$iam" --engine-strict --ignore-scripts --no-audit --no-fund --loglevel=error
    cp "$iam/package-lock.json" "$iam/installed.json"
fi
