#!/usr/bin/env bash
# Publishes a release: pushes the images and the chart, signs them, and creates the release on GitHub. Only the
# workflow of GitHub Actions runs it, because the signature is the identity of that workflow (cosign, keyless).
#
#   REPOSITORY=owner/zonekeeper GH_TOKEN=… GITHUB_ACTOR=… release/publish.sh dist v0.1.0
#
# The commands `crane push` and `helm push` have run with a registry on one machine. The other commands need GitHub and
# the servers of Sigstore, and have never run.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dist=$(cd "$1" && pwd)
version=${2#v}
owner=${REPOSITORY%%/*}
# Names in a registry are in lower case.
registry=ghcr.io/${owner,,}

notes=$("$root/release/notes.sh" "$2")
(cd "$dist" && sha256sum --check --quiet SHA256SUMS)
"$root/tests/tools.sh" publish
export PATH=$root/.tools/publish:$root/.tools/helm:$PATH

# crane and helm read the credentials from the same file.
cosign login ghcr.io --username "$GITHUB_ACTOR" --password-stdin <<<"$GH_TOKEN"

# existing REFERENCE: prints the digest of what is in the registry; fails if there is nothing. Any other error ends the release.
existing() {
    local answer
    if answer=$(crane digest "$1" 2>&1); then
        echo "$answer"
    elif [[ $answer == *MANIFEST_UNKNOWN* || $answer == *NAME_UNKNOWN* ]]; then
        return 1
    else
        echo "release: the registry does not say whether $1 exists: $answer" >&2
        kill $$
    fi
}

while read -r name digest; do
    image=$registry/$name
    # A released version never changes.
    if pushed=$(existing "$image:$version") && [ "$pushed" != "$digest" ]; then
        echo "release: $image:$version exists, with the digest $pushed instead of $digest" >&2
        exit 1
    fi
    case $name in
    zonekeeper) sbom=zonekeeper-$version-image.cdx.json ;;
    *) sbom=zonekeeper-$version.cdx.json ;;
    esac
    crane push "$dist/images/$name" "$image:$version"
    cosign sign --yes --recursive "$image@$digest"
    cosign attest --yes --type cyclonedx --predicate "$dist/$sbom" "$image@$digest"
done <"$dist/zonekeeper-$version-images.txt"

chart=$registry/charts/zonekeeper
if existing "$chart:$version" >/dev/null; then
    echo "release: $chart:$version exists" >&2
    exit 1
fi
# helm prints the digest of what it has pushed. The registry could name another one.
pushed=$(helm push "$dist/zonekeeper-$version.tgz" "oci://$registry/charts" 2>&1 | tee /dev/stderr)
cosign sign --yes "$chart@$(sed -n 's/^Digest: //p' <<<"$pushed")"

# One signature covers all files.
cosign sign-blob --yes --bundle "$dist/SHA256SUMS.sigstore.json" "$dist/SHA256SUMS"
options=()
if [[ $version == *-* ]]; then options=(--prerelease); fi
gh release create "$2" --repo "$REPOSITORY" --verify-tag --title "zonekeeper $version" --notes "$notes" "${options[@]}" \
    "$dist"/zonekeeper-* "$dist"/SHA256SUMS*
