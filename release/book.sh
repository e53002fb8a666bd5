#!/usr/bin/env bash
# Builds the book:
#
#   [REPOSITORY=owner/zonekeeper] release/book.sh FOLDER
#
# On GitHub, a page links to files outside of docs/ by their path. These files are not in the book, so the links in the
# book lead to the repository: to REPOSITORY, or to the one in docs/book.toml.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath --canonicalize-missing "$1")
url=$(sed -n 's/^git-repository-url = "\(.*\)"$/\1/p' "$root/docs/book.toml")
if [ -n "${REPOSITORY:-}" ]; then
    url=https://github.com/$REPOSITORY
fi

MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL=$url "$root/.tools/mdbook/bin/mdbook" build "$root/docs" --dest-dir "$out"
# mdBook copies every file of docs/ that is not a page.
rm "$out/book.toml"

# leave PATTERN FILE…: lets the links that begin with PATTERN lead to the repository. mdBook has renamed pages to .html.
leave() {
    sed -i -E -e "s#href=\"$1([^\"]*)\"#href=\"$url/blob/HEAD/\\1\"#g" \
        -e "s#(href=\"$url/blob/HEAD/[^\"\\#]*)\\.html([\"\\#])#\\1.md\\2#g" "${@:2}"
}
leave '\.\./' "$out"/*.html
leave '\.\./\.\./' "$out"/*/*.html
