#!/usr/bin/env bash
# Builds everything that a release publishes, from the last commit, into a new folder:
#
#   release/build.sh dist
#
#   zonekeeper-VERSION-linux-{amd64,arm64}.tar.gz   the static program with the sandbox, its licence and the example
#   zonekeeper-VERSION.cdx.json                     the SBOM (CycloneDX) of this program
#   zonekeeper-VERSION.tgz                          the chart
#   images/zonekeeper                               the image for both architectures, in the OCI layout
#   images/zonekeeper-sandbox                       the image of the sandbox
#   zonekeeper-VERSION-images.txt                   the digests of both images
#   zonekeeper-VERSION-image.cdx.json               the SBOM of the program in the first image, without the sandbox
#   SHA256SUMS                                      the checksums of these files, except images/
#
# The same commit gives the same bytes, wherever the checkout is. The digests of the images also depend on the
# version of buildah, because buildah writes and compresses the layers.
#
# REPOSITORY=owner/zonekeeper names the repository on GitHub. The chart then installs its image, and the images
# name their source. The second argument is the work folder. The default is target/release-build.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -lt 1 ] || [ -e "$1" ]; then
    echo "usage: release/build.sh NEW_FOLDER [WORK_FOLDER]" >&2
    exit 2
fi
mkdir -p "$1" "${2:-$root/target/release-build}"
out=$(cd "$1" && pwd)
work=$(cd "${2:-$root/target/release-build}" && pwd)
source=$work/source
repository=${REPOSITORY:-}

commit=$(git -C "$root" rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
rm -rf "$source"
mkdir -p "$source" "$work/programs"
# Cargo builds a file again if it is newer than the last build. So the files get the time of now, not of the commit.
git -C "$root" archive "$commit" | tar --extract --touch --directory "$source"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/Cargo.toml" | head -n 1)

tools=$root/.tools
export PATH=$tools/release/bin:$tools/cargo-auditable/bin:$tools/cargo-cyclonedx/bin:$tools/helm:$PATH

# triple ARCHITECTURE: prints Rust's name of it.
triple() {
    case $1 in
    amd64) echo x86_64-unknown-linux-musl ;;
    arm64) echo aarch64-unknown-linux-musl ;;
    esac
}

# The two kinds of programs, with the option of Cargo for each.
declare -A features=([zonekeeper]=--no-default-features [zonekeeper-sandbox]=--features=sandbox)

# program KIND ARCHITECTURE: builds $work/programs/KIND-ARCHITECTURE. The compilers write no path of this machine
# into it.
program() {
    local paths=("$source=/zonekeeper" "$work/target=/target" "${CARGO_HOME:-$HOME/.cargo}=/cargo")
    (
        cd "$source"
        export CARGO_TARGET_DIR=$work/target CARGO_ENCODED_RUSTFLAGS CFLAGS
        # Zig links at a fixed address unless it is told otherwise. Rust itself links so that the kernel chooses it.
        CARGO_ENCODED_RUSTFLAGS=$(printf -- '--remap-path-prefix=%s\x1f' "${paths[@]}")-Clink-arg=-pie
        CFLAGS=$(printf -- '-ffile-prefix-map=%s ' "${paths[@]}")
        cargo auditable zigbuild --locked --release --package zonekeeper --bin zonekeeper --target "$(triple "$2")" \
            "${features[$1]}"
    )
    cp "$work/target/$(triple "$2")/release/zonekeeper" "$work/programs/$1-$2"
}

# tarball ARCHITECTURE: packs the program with its licence, and the example for `zonekeeper sandbox`. The tar file
# depends only on the content of the files.
tarball() {
    local name=zonekeeper-$version-linux-$1
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name/examples"
    cp "$work/programs/zonekeeper-sandbox-$1" "$work/$name/zonekeeper"
    cp "$source/LICENSE" "$work/$name"
    cp -R "$source/examples/shop" "$work/$name/examples"
    tar --create --directory "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip --no-name --best >"$out/$name.tar.gz"
}

# sbom KIND: prints the crates in the programs for both architectures.
sbom() {
    (
        cd "$source"
        cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps --target all \
            "${features[$1]}"
        "$root/release/sbom.py" "$source" "${features[$1]}" --target="$(triple amd64)" --target="$(triple arm64)" \
            <zonekeeper_bin.cdx.json
    )
}

# chart: packs the chart. helm takes the time of its files from SOURCE_DATE_EPOCH.
chart() {
    local chart=$source/charts/zonekeeper
    if [ -n "$repository" ]; then
        # Names in a registry are in lower case.
        local owner=${repository%%/*}
        sed -i "s|registry.example.com/zonekeeper|ghcr.io/${owner,,}/zonekeeper|" "$chart/values.yaml"
        sed -i "s|OWNER/zonekeeper/blob/HEAD|$repository/blob/v$version|" "$chart/values.yaml" "$chart/files/rules.yaml"
    fi
    helm lint --quiet --set zone.id=Z0123456789EXAMPLE --set zone.ownerId=release "$chart"
    helm package --destination "$out" "$chart" >/dev/null
}

container() {
    buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"
}

# image KIND [OPTION…]: builds the Dockerfile for both architectures, with the programs in place of its build stage.
image() {
    local kind=$1 stage=$work/stage architecture labels
    shift
    labels=(--label "org.opencontainers.image.revision=$commit")
    if [ -n "$repository" ]; then
        labels+=(--label "org.opencontainers.image.source=https://github.com/$repository")
    fi
    container manifest create "$kind:$version" >/dev/null
    for architecture in amd64 arm64; do
        rm -rf "$stage"
        mkdir -p "$stage/usr/local/bin" "$stage/etc/ssl/certs"
        cp "$work/programs/$kind-$architecture" "$stage/usr/local/bin/zonekeeper"
        cp "$("$tools/release/bin/python" -m certifi)" "$stage/etc/ssl/certs/ca-certificates.crt"
        container build --quiet --isolation=chroot --platform "linux/$architecture" --timestamp "$SOURCE_DATE_EPOCH" \
            --identity-label=false --build-arg "VERSION=$version" --build-context "build=$stage" "${labels[@]}" \
            --tag "$kind:$architecture" "$@" "$source" >/dev/null
        container manifest add "$kind:$version" "$kind:$architecture" >/dev/null
    done
    container manifest push --all --quiet --digestfile "$work/digest" "$kind:$version" "oci:$out/images/$kind:$version"
    echo "$kind $(cat "$work/digest")" >>"$out/zonekeeper-$version-images.txt"
}

for architecture in amd64 arm64; do
    program zonekeeper-sandbox $architecture
    program zonekeeper $architecture
    tarball $architecture
done
sbom zonekeeper-sandbox >"$out/zonekeeper-$version.cdx.json"
sbom zonekeeper >"$out/zonekeeper-$version-image.cdx.json"
chart

rm -rf "$work/storage" "$work/run"
mkdir -p "$out/images"
image zonekeeper
image zonekeeper-sandbox --target sandbox

(cd "$out" && sha256sum -- zonekeeper-* >SHA256SUMS)
echo "release: zonekeeper $version of commit $commit is in $out"
