#!/usr/bin/env bash
# Builds helm from its Go module in .tools/helm, for the tests of the chart.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/.tools/helm

if [ -x "$out/helm" ] && [ "$out/helm" -nt "$here/go.sum" ]; then
    exit 0
fi
echo "helm: building, about two minutes the first time"
mkdir -p "$out"
(cd "$here" && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$out/" tool)
