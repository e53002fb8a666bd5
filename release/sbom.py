#!/usr/bin/env python3
"""Corrects an SBOM of cargo-cyclonedx (read from standard input), and prints it.

    release/sbom.py SOURCE [OPTION OF CARGO TREE…] <zonekeeper_bin.cdx.json

cargo-cyclonedx asks `cargo metadata`, which also lists macros, and optional crates that the build leaves out. A scanner
would report their vulnerabilities. `cargo tree` lists what is in the program. The folder of the source is removed too,
because it differs between two builds.
"""

import json
import subprocess
import sys


def linked(source, options):
    """The names and versions of the crates in the program."""
    command = "cargo tree --locked --package zonekeeper --edges normal,no-proc-macro --prefix none --no-dedupe --format {p}"
    tree = subprocess.run([*command.split(), *options], cwd=source, capture_output=True, text=True, check=True).stdout
    words = (line.split() for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def main():
    source, *options = sys.argv[1:]
    sbom = json.loads(sys.stdin.read().replace(f"path+file://{source}", "path+file:///zonekeeper"))
    crates = linked(source, options)
    listed = {(part["name"], part["version"]) for part in [*sbom["components"], sbom["metadata"]["component"]]}
    if crates - listed:
        sys.exit(f"sbom: cargo-cyclonedx does not list {sorted(crates - listed)}")
    left_out = [part for part in sbom["components"] if (part["name"], part["version"]) not in crates]
    references = {part["bom-ref"] for part in left_out}
    sbom["components"] = [part for part in sbom["components"] if part not in left_out]
    sbom["dependencies"] = [entry for entry in sbom["dependencies"] if entry["ref"] not in references]
    for entry in sbom["dependencies"]:
        entry["dependsOn"] = [reference for reference in entry.get("dependsOn", []) if reference not in references]
    json.dump(sbom, sys.stdout, indent=2, ensure_ascii=False)
    print()


main()
