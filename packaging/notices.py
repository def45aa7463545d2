"""Prints the licences of everything that is linked into the programs: which packages, under which terms, and the texts
that their authors want to go along. Each text once, with the packages that have it. Reads what cargo has fetched already.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)


def linked(metadata):
    """The packages that the runner is made of, ours aside: over its dependencies, but for those of tests and build scripts."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    waiting = [it for it, package in packages.items() if package["name"] == "runner"]
    seen = set()
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        waiting += [to["pkg"] for to in nodes[package]["deps"] if any(kind["kind"] is None for kind in to["dep_kinds"])]
    return sorted((packages[it] for it in seen if packages[it]["source"]), key=lambda it: (it["name"], it["version"]))


def texts(package):
    """The licence files of a package, in order."""
    folder = pathlib.Path(package["manifest_path"]).parent
    found = [path for path in folder.iterdir() if path.is_file() and TEXT.match(path.name)]
    return [path.read_text(errors="replace").strip() for path in sorted(found)]


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", sys.argv[1]]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    packages = linked(metadata)
    print("Syscall Lab's programs contain Rust's standard library (MIT OR Apache-2.0), musl (MIT), and these packages,\n"
          "each under its own terms.\n")
    whose = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        print(f"  {name}: {package['license'] or 'see its text below'}")
        for text in texts(package):
            key = hashlib.sha256(" ".join(text.split()).encode()).digest()
            whose.setdefault(key, (text, []))[1].append(name)
    for text, names in whose.values():
        print(f"\n{'-' * 80}\n{', '.join(names)}\n{'-' * 80}\n\n{text}")


if __name__ == "__main__":
    main()
