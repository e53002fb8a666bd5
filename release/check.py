#!/usr/bin/env python3
"""Checks what release/build.sh has built, and runs both programs.

    release/check.py FOLDER COMMIT

It needs Linux on x86-64 with qemu-aarch64-static, which runs the program for arm64.
"""

import hashlib
import io
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The number of each architecture in an ELF header, and the command that runs its programs.
ARCHITECTURES = {"amd64": (62, []), "arm64": (183, ["qemu-aarch64-static"])}
# The files of each image.
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
EXAMPLE = ["examples/shop/api.yaml", "examples/shop/services.yaml", "examples/shop/web.yaml"]
IMAGES = {"zonekeeper": [AUTHORITIES, "zonekeeper"], "zonekeeper-sandbox": [AUTHORITIES, *EXAMPLE, "zonekeeper"]}
# The maximum size of the program of each image, in bytes. Nearly all of a program is in memory, because Linux reads files in large
# steps.
MAX_SIZES = {"zonekeeper": 15_500_000, "zonekeeper-sandbox": 17_000_000}
# Only the sandbox has it.
EMULATOR = "zonekeeper-emulator"


def check(is_right, problem):
    if not is_right:
        sys.exit(f"release: {problem}")


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Elf:
    """The parts of a 64-bit little-endian ELF file that the checks need."""

    def __init__(self, content):
        self.content = content
        check(content[:6] == b"\x7fELF\x02\x01", "the program is not a 64-bit ELF file")
        (self.type, self.machine) = struct.unpack_from("<HH", content, 16)
        (self.program_headers, self.section_headers) = struct.unpack_from("<QQ", content, 32)
        (self.segment_size, self.segment_count, self.section_size, self.section_count, self.names) = struct.unpack_from(
            "<HHHHH", content, 54
        )

    def segment_types(self):
        offsets = (self.program_headers + i * self.segment_size for i in range(self.segment_count))
        return [struct.unpack_from("<I", self.content, offset)[0] for offset in offsets]

    def sections(self):
        headers = [
            struct.unpack_from("<IIQQQQ", self.content, self.section_headers + i * self.section_size)
            for i in range(self.section_count)
        ]
        names = headers[self.names][4]
        for name, _, _, _, offset, size in headers:
            end = self.content.index(b"\0", names + name)
            yield self.content[names + name : end].decode(), self.content[offset : offset + size]


def check_checksums(folder):
    listed = {}
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        listed[name] = "sha256:" + digest
    found = {path.name: sha256(path.read_bytes()) for path in folder.iterdir() if path.is_file()}
    del found["SHA256SUMS"]
    check(listed == found, f"SHA256SUMS does not fit the files: {sorted(listed.items() ^ found.items())}")


def read_tar(content, epoch):
    """The files of a tar file. Its entries are sorted, and belong to nobody."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = tar.getmembers()
        for member in members:
            owner = (member.uid, member.gid, member.mtime)
            check(owner == (0, 0, epoch), f"{member.name}: owner and time are {owner}, not 0, 0, {epoch}")
        return {member.name: tar.extractfile(member).read() for member in members if member.isfile()}


def read_sbom(path, version):
    sbom = json.loads(path.read_bytes())
    check((sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.5"), f"{path.name} is not CycloneDX 1.5")
    parts = [sbom["metadata"]["component"], *sbom["components"]]
    check(parts[0]["version"] == version, f"{path.name} is not of version {version}")
    check(all(part.get("licenses") for part in parts), f"{path.name} has crates without a licence")
    return {(part["name"], part["version"]) for part in parts}


def check_program(program, architecture):
    """Checks a program, and returns the crates that it lists itself."""
    machine, _ = ARCHITECTURES[architecture]
    elf = Elf(program)
    check(elf.machine == machine, f"the program for {architecture} is of machine {elf.machine}")
    # ET_DYN: the kernel chooses the address of the program.
    check(elf.type == 3, f"the program for {architecture} has a fixed address")
    # PT_INTERP names a dynamic linker.
    check(3 not in elf.segment_types(), f"the program for {architecture} is not static")
    sections = dict(elf.sections())
    check(".dep-v0" in sections, f"the program for {architecture} has no list of its crates")
    check(".symtab" not in sections, f"the program for {architecture} has symbols")
    for path in (str(pathlib.Path.home()), str(ROOT), "/home/", "/root/"):
        check(path.encode() not in program, f"the program for {architecture} names the folder {path}")
    crates = json.loads(zlib.decompress(sections[".dep-v0"]))["packages"]
    return {(crate["name"], crate["version"]) for crate in crates if crate.get("kind") != "build"}


def run(program, architecture, arguments, example=None):
    """Runs a program in a folder with the example, and returns what it prints, or None if it fails."""
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        for path, content in {"zonekeeper": program, **(example or {})}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        (folder / "zonekeeper").chmod(0o755)
        command = [*ARCHITECTURES[architecture][1], folder / "zonekeeper", *arguments]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return ended.stdout if ended.returncode == 0 else None
    finally:
        shutil.rmtree(folder)


def blob(folder, digest):
    content = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    check(sha256(content) == digest, f"the image has another file at {digest}")
    return content


def check_image(folder, name, digest, version, commit, epoch):
    """Checks an image, and returns its program for each architecture."""
    programs = {}
    index = json.loads((folder / "index.json").read_bytes())["manifests"]
    check([entry["digest"] for entry in index] == [digest], f"{name} is not {digest}: {index}")
    for entry in json.loads(blob(folder, digest))["manifests"]:
        architecture = entry["platform"]["architecture"]
        manifest = json.loads(blob(folder, entry["digest"]))
        config = json.loads(blob(folder, manifest["config"]["digest"]))
        check(config["architecture"] == architecture, f"{name} for {architecture} is for {config['architecture']}")
        inner = config["config"]
        check(inner["User"] == "65532:65532" and inner["Entrypoint"] == ["/zonekeeper"], f"{name} has {inner}")
        labels = {key.rsplit(".", 1)[1]: value for key, value in inner["Labels"].items()}
        check((labels["version"], labels["revision"]) == (version, commit), f"the labels of {name} are {labels}")
        files = {}
        for layer in manifest["layers"]:
            files.update(read_layer(blob(folder, layer["digest"]), epoch))
        check(sorted(files) == sorted(IMAGES[name]), f"{name} has the files {sorted(files)}")
        check(b"BEGIN CERTIFICATE" in files[AUTHORITIES], f"{name} trusts no certificate authority")
        programs[architecture] = files["zonekeeper"]
        size = len(files["zonekeeper"])
        check(size <= MAX_SIZES[name], f"the program of {name} for {architecture} has {size} bytes, more than {MAX_SIZES[name]}")
    check(programs.keys() == ARCHITECTURES.keys(), f"{name} is only for {sorted(programs)}")
    return programs


def read_layer(content, epoch):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = tar.getmembers()
        newest = max((member.mtime for member in members), default=0)
        check(newest <= epoch, f"a file of the image is newer than the commit: {newest}")
        return {member.name: tar.extractfile(member).read() for member in members if member.isfile()}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: release/check.py FOLDER COMMIT")
    folder, commit = pathlib.Path(sys.argv[1]), sys.argv[2]

    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    commit = git("rev-parse", commit)
    epoch = int(git("log", "-1", "--format=%ct", commit))
    manifest = git("show", f"{commit}:Cargo.toml")
    version = next(line.split('"')[1] for line in manifest.splitlines() if line.startswith("version = "))
    check_checksums(folder)
    chart = read_tar((folder / f"zonekeeper-{version}.tgz").read_bytes(), epoch)
    check(f"\nversion: {version}\n" in chart["zonekeeper/Chart.yaml"].decode(), f"the chart is not of version {version}")

    lines = (folder / f"zonekeeper-{version}-images.txt").read_text().splitlines()
    digests = dict(line.split() for line in lines)
    check(digests.keys() == IMAGES.keys(), f"the digests are of {sorted(digests)}")
    programs = {
        name: check_image(folder / "images" / name, name, digest, version, commit, epoch) for name, digest in digests.items()
    }
    sboms = {"zonekeeper": f"zonekeeper-{version}-image.cdx.json", "zonekeeper-sandbox": f"zonekeeper-{version}.cdx.json"}
    for name, sbom in sboms.items():
        components = read_sbom(folder / sbom, version)
        check((EMULATOR in dict(components)) == (name == "zonekeeper-sandbox"), f"{name}: the SBOM is that of the other one")
        # release/sbom.py has checked that the SBOM lacks no crate.
        built = set().union(*(check_program(program, architecture) for architecture, program in programs[name].items()))
        check(components <= built, f"{sbom} has crates that are not in the programs: {sorted(components - built)}")

    shown = {}
    for architecture in ARCHITECTURES:
        name = f"zonekeeper-{version}-linux-{architecture}"
        files = read_tar((folder / f"{name}.tar.gz").read_bytes(), epoch)
        files = {path.removeprefix(f"{name}/"): content for path, content in files.items()}
        check(sorted(files) == sorted(["LICENSE", "zonekeeper", *EXAMPLE]), f"{name}.tar.gz has {sorted(files)}")
        example = {path: files[path] for path in EXAMPLE}
        sandbox = programs["zonekeeper-sandbox"][architecture]
        check(files["zonekeeper"] == sandbox, f"{name}.tar.gz has another program than the sandbox")
        shown[architecture] = run(sandbox, architecture, ["sandbox", "--once"], example)
        controller = programs["zonekeeper"][architecture]
        check(run(controller, architecture, ["--version"]) == f"zonekeeper {version}\n", f"{architecture}: another version")
        check(
            run(controller, architecture, ["sandbox", "--once"], example) is None,
            f"{architecture}: the program of the controller has the sandbox",
        )
        print(f"release: {architecture}: {len(controller)} bytes, {len(sandbox)} bytes with the sandbox")
    check("0 to delete: zonekeeper never deletes" in (shown["amd64"] or ""), f"the sandbox shows {shown['amd64']}")
    check(shown["amd64"] == shown["arm64"], f"the sandbox shows another result on arm64: {shown['arm64']}")
    print(f"release: zonekeeper {version} is complete: {digests}")


main()
