#!/usr/bin/env bash
# Prints the notes of a release from CHANGELOG.md. It fails if the tag is not the version of Cargo.toml, or if the
# version has no notes.
#
#   release/notes.sh v0.1.0
set -euo pipefail

cd "$(dirname "$0")/.."
tag=${1:?the tag is missing: release/notes.sh v0.1.0}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [ "$tag" != "v$version" ]; then
    echo "release: the tag is $tag, but Cargo.toml has the version $version" >&2
    exit 1
fi
notes=$(awk -v version="$version" '/^## / { is_wanted = ($2 == version); next } is_wanted' CHANGELOG.md)
if [ -z "${notes//[[:space:]]/}" ]; then
    echo "release: CHANGELOG.md has no notes below the heading \"## $version\"" >&2
    exit 1
fi
echo "$notes"
