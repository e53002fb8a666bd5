#!/usr/bin/env bash
# Builds OpenTofu and a provider with schemas of AWS in .tools/terraform, for the tests of manifests/aws.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/.tools/terraform

# The folders of the provider's file state its version and the platform. OpenTofu finds it by them.
provider=$out/providers/registry.opentofu.org/hashicorp/aws/6.62.0/$(go env GOOS)_$(go env GOARCH)/terraform-provider-aws

if [ -x "$out/tofu" ] && [ -x "$provider" ] && [ "$out/tofu" -nt "$here/go.sum" ] && [ "$provider" -nt "$here/provider/main.go" ]; then
    exit 0
fi
echo "terraform: building OpenTofu, about four minutes the first time"
mkdir -p "$out"
(
    cd "$here"
    export CGO_ENABLED=0
    go build -trimpath -ldflags='-s -w' -o "$out/" tool
    go build -trimpath -ldflags='-s -w' -o "$provider" ./provider
)
