#!/usr/bin/env bash
# Builds kube-apiserver, etcd and kubectl from Go modules, as a real control plane for tests without
# containers.
# Usage: tests/control-plane/build.sh [FOLDER]    default: .tools/control-plane
# It builds nothing if the folder KUBEBUILDER_ASSETS already has these programs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$(cd "$here/../.." && pwd)/.tools/control-plane}

# holds FOLDER: whether FOLDER has all three programs.
holds() { [ -x "$1/kube-apiserver" ] && [ -x "$1/etcd" ] && [ -x "$1/kubectl" ]; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ] && holds "$KUBEBUILDER_ASSETS"; then
    echo "control plane: using KUBEBUILDER_ASSETS"
    exit 0
fi
if holds "$out" && [ "$out/etcd" -nt "$here/go.sum" ] && [ "$out/etcd" -nt "$here/build.sh" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "control plane: Go is needed to build kube-apiserver: 1.26, or any from 1.21 on that may download it (https://go.dev/dl)," >&2
    echo "or set KUBEBUILDER_ASSETS to a folder that holds kube-apiserver, etcd and kubectl" >&2
    exit 1
fi
# In the folder of go.mod, Go downloads the version that go.mod names, unless GOTOOLCHAIN forbids it.
version=$(cd "$here" && go env GOVERSION | sed 's/^go//')
if [ "$(printf '%s\n1.26\n' "$version" | sort -V | head -n 1)" != 1.26 ]; then
    echo "control plane: Go $version is too old, 1.26 or newer is needed (https://go.dev/dl)" >&2
    exit 1
fi
echo "control plane: building kube-apiserver, etcd and kubectl, about six minutes the first time"
mkdir -p "$out"
# The API server and kubectl say this version. helm compares it with the `kubeVersion` of a chart.
release=$(cd "$here" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
(cd "$here" && CGO_ENABLED=0 go build -trimpath \
    -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$release" -o "$out/" tool)
mv "$out/server" "$out/etcd"
