#!/usr/bin/env bash
# Builds promtool from the Go module of Prometheus in .tools/promtool, for the tests of the alerts and the dashboard.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/.tools/promtool

if [ -x "$out/promtool" ] && [ "$out/promtool" -nt "$here/go.sum" ]; then
    exit 0
fi
echo "promtool: building, about two minutes the first time"
mkdir -p "$out"
# Without the clients of all clouds, with which Prometheus finds its targets.
(cd "$here" && CGO_ENABLED=0 go build -trimpath -tags remove_all_sd -ldflags='-s -w' -o "$out/" tool)
