"""Prints the licences of everything that is linked into the programs for the TRIPLEs: notices.py TRIPLE…

Which packages, under which terms, and the texts that their authors want to go along: each text once, with the packages
that have it. Reads what cargo has fetched already.
"""

import hashlib
import html.parser
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LICENCES = {
    "MIT": ROOT / "packaging/licences/MIT.txt",
    "BSD-3-Clause": ROOT / "packaging/licences/BSD-3-Clause.txt",
    "Apache-2.0": ROOT / "LICENSE-APACHE",
}
CODE = {".rs", ".c", ".h", ".py", ".html", ".json"}
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
    return [packages[it] for it in seen if packages[it]["source"]]


def texts(package):
    """The licence files of a package, those of what it brings along in C included; the standard text where it has none."""
    folder = pathlib.Path(package["manifest_path"]).parent
    found = [path for path in folder.rglob("*") if path.is_file() and TEXT.match(path.name) and path.suffix not in CODE]
    if not found:
        authors = ", ".join(package["authors"]) or f"the authors of {package['name']}"
        terms = re.findall(r"[\w.-]+", package["license"] or "")
        standard = [path for it in terms if (path := LICENCES.get(it)) is not None]
        if not standard:
            sys.exit(f"notices: {package['name']} has no text of its licence ({package['license']}): add one to packaging/licences")
        return [f"Copyright (c) {authors}\n\n{path.read_text().strip()}" for path in standard]
    return [path.read_text(errors="replace").strip() for path in sorted(found)]


class Words(html.parser.HTMLParser):
    """What is left of a page without its marks."""

    def __init__(self):
        super().__init__()
        self.words = []

    def handle_data(self, data):
        self.words.append(data)


def standard_library():
    """What the compiler says of its standard library, which is linked into every program."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    page = pathlib.Path(sysroot, "share/doc/rust/COPYRIGHT-library.html")
    if not page.is_file():
        sys.exit(f"notices: {page} is missing: install the compiler by rustup")
    words = Words()
    words.feed(page.read_text())
    lines = [line.strip() for line in "".join(words.words).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def everything(triples):
    """The packages of all triples, each once."""
    found = {}
    for triple in triples:
        command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", triple]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        found |= {package["id"]: package for package in linked(metadata)}
    return sorted(found.values(), key=lambda it: (it["name"], it["version"]))


def main():
    packages = everything(sys.argv[1:])
    print("Syscall Lab's programs contain Rust's standard library (MIT OR Apache-2.0), musl (MIT), and these packages,\n"
          "each under its own terms.\n")
    whose = {}
    for name, text in ("Rust's standard library", standard_library()), ("musl", (ROOT / "packaging/licences/musl.txt").read_text().strip()):
        whose[name] = (text, [name])
    for package in packages:
        name = f"{package['name']} {package['version']}"
        print(f"  {name}: {package['license'] or 'see its text below'}")
        for text in texts(package):
            key = hashlib.sha256(" ".join(text.split()).encode()).digest()
            names = whose.setdefault(key, (text, []))[1]
            if name not in names:
                names.append(name)
    for text, names in whose.values():
        print(f"\n{'-' * 80}\n{', '.join(names)}\n{'-' * 80}\n\n{text}")


if __name__ == "__main__":
    main()
