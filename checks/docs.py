"""Holds the documentation against the programs: every command in it is carried out, every link leads somewhere, and every
verb, option and recipe that it names is there.

A command is what stands in a block of `sh`, or in an indented block that begins with a program of ours. The blocks of a page
are carried out in their order in an empty folder of the page's own, which has the scenarios that are shipped, and where
`runner run` measures as shortly as SHORTER says, and twice where the command does not say how often. Comments in the Markdown, which no reader sees, say what else there is:

    <!-- before: COMMANDS -->       carried out at this place: what the reader has and the test has to make
    <!-- ends with: CODE -->        the exit code of the next block
    <!-- file: NAME -->             the next block, whatever it is, is a file that the reader has saved
    <!-- not run: REASON -->        the next block is not carried out; counted, and listed with its reason
    <!-- not run: `WORDS`, …: REASON -->  the same of its lines that begin so

Nothing else is left out. Python, R and TOML in the documents have tests of their own, which `checks/reading.py` and
`runner/src/scenario/tests/documented.rs` are.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import yaml

from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What is handed out has commands that `checks/lab.sh` carries out, and links and names like any page.
HANDED_OUT = sorted((ROOT / "assignments").rglob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHORTER = ["--set", "measure.window=60ms", "--set", "measure.warmup=10ms", "--set", "plan.ramp=100ms"]
OURS = re.compile(r"(sudo )?(runner|generator|just|\./justw)\b|(sudo|export|mkdir|cd) ")
OTHER_COMMENTS = re.compile(r"<!-- (made by `.*`|end of what is made|refused: .*) -->")
MARKER = re.compile(r"<!-- (before|ends with|file|not run):\s(.*?)\s?-->", re.DOTALL)
COMPLETE_AFTER_S = 300
# So many pages at a time: they mostly wait for windows to pass, and nothing of what they measure is looked at.
AT_A_TIME = 3


@dataclasses.dataclass
class Block:
    """Commands of a page; `before` where no reader sees them."""
    line: int
    text: str
    code: int = 0
    reason: str = ""
    is_hidden: bool = False

    def divided(self):
        """The commands that are carried out, and what is not, with the reason."""
        if not self.reason:
            return self.text, ""
        if some := re.match(r"((?:`[^`]*`(?:, )?)+): (.*)", self.reason):
            lines, begins = self.text.splitlines(), tuple(re.findall(r"`([^`]*)`", some[1]))
            for begin in begins:
                assert any(line.startswith(begin) for line in lines), f"line {self.line}: no command begins with {begin}"
            return "\n".join(line for line in lines if not line.startswith(begins)), self.reason
        return "", self.reason


def parts(page):
    """What a page consists of, in order: kind (`text`, `marker`, or a block's language), line, text."""
    lines, number = page.read_text().splitlines(), 0
    while number < len(lines):
        begin, line = number, lines[number]
        number += 1
        if line.startswith("<!--"):
            while "-->" not in lines[number - 1]:
                number += 1
            yield "marker", begin + 1, "\n".join(lines[begin:number])
        elif fence := re.match(r"(```+)(\w*)", line):
            while not lines[number].startswith(fence[1]):
                number += 1
            yield fence[2] or "text block", begin + 1, "\n".join(lines[begin + 1:number])
            number += 1
        elif line.startswith("    ") and (begin == 0 or not lines[begin - 1].strip()):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            yield "indented", begin + 1, "\n".join(line[4:] for line in lines[begin:number]).strip()
        else:
            yield "text", begin + 1, line


def blocks(page):
    """The commands of a page."""
    found, told = [], {}
    for kind, line, text in parts(page):
        marker = MARKER.fullmatch(text) if kind == "marker" else None
        is_known = kind != "marker" or marker or OTHER_COMMENTS.fullmatch(text)
        assert is_known, f"{page}:{line}: not a comment that this knows: {text}"
        if marker and marker[1] == "before":
            found.append(Block(line, marker[2].strip(), is_hidden=True))
        elif marker:
            told[marker[1]] = " ".join(marker[2].split())
        elif kind not in ("text", "marker") and "file" in told:
            found.append(Block(line, f"cat >{told.pop('file')} <<'END OF FILE'\n{text}\nEND OF FILE", is_hidden=True))
        elif kind == "sh" or (kind == "indented" and OURS.match(text)):
            found.append(Block(line, text, int(told.get("ends with", 0)), told.get("not run", "")))
            told = {}
        elif text.strip():
            assert not told, f"{page}:{line}: {told} is about no block of commands"
    return found


def write_program(path, lines):
    path.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
    path.chmod(0o755)


def prepare(folder, programs):
    """Makes a folder in which a page's commands can be carried out; returns their environment."""
    shorter = " ".join(SHORTER)
    tools, home = folder / "bin", folder / "home"
    for made in (tools, home):
        made.mkdir()
    shutil.copytree(ROOT / "scenarios", folder / "work" / "scenarios")
    for shipped in ("schema", "assignments"):
        (folder / "work" / shipped).symlink_to(ROOT / shipped)
    write_program(tools / "runner", [
        'allowed=0',
        'case " $* " in',
        '*" --gate "*) allowed="1 4" ;;',
        '" run "*)',
        f'    set -- "$@" {shorter}',
        '    case " $* " in *" --repetitions "*) ;; *) set -- "$@" --repetitions 2 ;; esac',
        '    allowed=3 ;;',
        'esac',
        "# By chance a gate may be crossed, and of trials so short one be invalid where the machine is busy.",
        f'{programs}/runner "$@" && exit 0',
        'status=$?',
        'case " $allowed " in *" $status "*) exit 0 ;; *) exit $status ;; esac',
    ])
    (tools / "generator").symlink_to(programs / "generator")
    write_program(tools / "sudo", ['exec "$@"'])
    # Into the scratch folder, not among the project's own; and justw looks for `just`, which must not be this one again.
    justw = [
        f'export RUNNER_RUNS_DIR={folder}/work/runs "PATH=${{PATH#{tools}:}}"',
        f'[ "${{1-}}" != run ] || set -- "$@" --repetitions 2 {shorter}',
        # As above.
        f'{ROOT}/justw "$@" && exit 0', 'status=$?', '[ "${1-} $status" = "run 3" ] || exit $status',
    ]
    write_program(tools / "just", justw)
    write_program(folder / "work" / "justw", justw)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    return environment | {
        "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(home), "SYSCALL_LAB_TURN": f"docs-{folder.name}",
        # What is elsewhere than in the home of whoever calls this, is looked for there.
        "CARGO_HOME": os.environ.get("CARGO_HOME", f"{pathlib.Path.home()}/.cargo"),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", f"{pathlib.Path.home()}/.rustup"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", f"{pathlib.Path.home()}/.cache"),
    }


def carry_out(text, folder, environment):
    """The exit code of commands, and what they printed."""
    command = ["bash", "-euo", "pipefail", "-c", text]
    # In a group of its own, all of which can be ended; what the runner started ends with it.
    begun = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    try:
        said, _ = begun.communicate(timeout=COMPLETE_AFTER_S)
        return begun.returncode, said
    except subprocess.TimeoutExpired:
        os.killpg(begun.pid, signal.SIGKILL)
        said, _ = begun.communicate()
        return None, f"not done after {COMPLETE_AFTER_S} s: {said}"


def check_commands(tally, page, programs):
    """Carries out the commands of a page; returns those that it says cannot be, with their reasons."""
    found, left_out = blocks(page), []
    name = page.relative_to(ROOT)
    with tempfile.TemporaryDirectory(prefix="docs-") as scratch:
        folder = pathlib.Path(scratch)
        environment = prepare(folder, programs) if found else {}
        for block in found:
            commands, reason = block.divided()
            left_out += [f"{name}:{block.line}: {reason}"] if reason else []
            if not commands:
                continue
            code, said = carry_out(commands, folder / "work", environment)
            tally.check(code == block.code, f"{name}:{block.line} ends with {block.code}:\n{block.text}",
                        f"it ended with {code}:\n{said[-3000:]}")
    return left_out


# What of a workflow's steps belongs to another machine than this.
STEPS_NOT_RUN = {
    "Base": "the two versions are made up here", "Build both versions": "they are programs already",
    "Build Syscall Lab": "built already",
}


def check_workflow(tally, path, programs):
    """Reads a workflow as GitHub would, and carries out its steps with two versions of a program that are made up."""
    workflow = yaml.safe_load(path.read_text())
    name, left_out = path.relative_to(ROOT), []
    # YAML 1.1 takes the key `on` for a truth value.
    tally.check(True in workflow and workflow["jobs"], f"{name} is a workflow")
    with tempfile.TemporaryDirectory(prefix="docs-") as scratch:
        folder = pathlib.Path(scratch)
        environment = prepare(folder, programs)
        work = folder / "work"
        for side in ("base", "head"):
            (work / side / "build").mkdir(parents=True)
            write_program(work / side / "build" / "tool", ["for round in {1..400}; do read -r _ </etc/hostname; done"])
        (work / "head" / "ci").mkdir()
        shutil.copy(path.parent / "syscalls.toml", work / "head" / "ci")
        environment |= {"GITHUB_STEP_SUMMARY": str(work / "summary.md"), "GITHUB_WORKSPACE": str(work)}
        for job in workflow["jobs"].values():
            environment |= {key: str(value) for key, value in job.get("env", {}).items()}
            for step in job["steps"]:
                tally.check(("run" in step) != ("uses" in step), f"{name}: {step} runs or uses something")
                if "run" not in step:
                    continue
                if step["name"] in STEPS_NOT_RUN:
                    left_out.append(f"{name}: {step['name']}: {STEPS_NOT_RUN[step['name']]}")
                    continue
                tally.check("${{" not in step["run"], f"{name}: {step['name']} has no text of others in a command")
                code, said = carry_out(step["run"], work, environment)
                tally.check(code == 0, f"{name}: {step['name']}", said[-3000:])
        summary = work / "summary.md"
        tally.check(summary.exists() and "openat" in summary.read_text(), f"{name} puts the comparison into its summary")
    return left_out


def prose(page):
    """The lines of a page outside of blocks."""
    return [(line, text) for kind, line, text in parts(page) if kind == "text"]


def anchors(page):
    """The places in a page that a link can lead to, as GitHub and mdBook name them."""
    found = set()
    for _, text in prose(page):
        if heading := re.match(r"#+ (.*)", text):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower().replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            number = 1
            while (place := slug if number == 1 else f"{slug}-{number - 1}") in found:
                number += 1
            found.add(place)
    return found


def check_links(tally):
    known = {page.resolve(): anchors(page) for page in PAGES}
    for page in [*PAGES, *HANDED_OUT]:
        for line, text in prose(page):
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, place = target.partition("#")
                led = (page.parent / path).resolve() if path else page.resolve()
                leads = led.exists() and (not place or place in known.get(led, ()))
                tally.check(leads, f"{page.relative_to(ROOT)}:{line} leads somewhere: {target}")
    summary = ROOT / "docs" / "SUMMARY.md"
    listed = {(summary.parent / path).resolve() for path in re.findall(r"\]\(([^)]+)\)", summary.read_text())}
    for page in (ROOT / "docs").rglob("*.md"):
        tally.check(page == summary or page.resolve() in listed, f"docs/SUMMARY.md has {page.relative_to(ROOT)}")


def verbs(programs):
    """Every command of the runner with its options, as its manual says."""
    manual = subprocess.run([programs / "runner", "man", "--format", "markdown"], capture_output=True, text=True, check=True)
    found, verb = {}, None
    for line in manual.stdout.splitlines():
        if heading := re.match(r"#+ `runner ?(.*)`", line):
            verb = heading[1]
            found[verb] = {"--help", "--version"}
        elif option := re.match(r"\| `(--[a-z-]+)", line):
            found[verb].add(option[1])
    return found


def check_names(tally, programs):
    """Every `runner …` and `just …` within a sentence is a command that there is."""
    known = verbs(programs)
    recipes = set(re.findall(r"^([a-z][a-z-]*)\b[^:\n]*:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE))
    for page in [*PAGES, *HANDED_OUT]:
        for line, text in prose(page):
            where = f"{page.relative_to(ROOT)}:{line}"
            for words in re.findall(r"`runner ([a-z][^`]*)`", text):
                named = [it for it in known if it and (words + " ").startswith(it + " ")]
                tally.check(named, f"{where}: there is a command `runner {words}`")
                options = known[max(named, key=len)] if named else set()
                for option in re.findall(r"(?<!\S)--[a-z-]+", words):
                    tally.check(option in options, f"{where}: `runner {words}` has an option {option}")
            for recipe in re.findall(r"`(?:just|\./justw) ([a-z-]+)", text):
                tally.check(recipe in recipes, f"{where}: there is a recipe `just {recipe}`")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path, help="the folder of runner and generator")
    parser.add_argument("pages", type=pathlib.Path, nargs="*", help="carry out only what these pages have")
    arguments = parser.parse_args()
    programs = arguments.programs.resolve()
    chosen = [page.resolve() for page in arguments.pages] or PAGES
    tally, left_out = Tally("docs"), []
    check_links(tally)
    check_names(tally, programs)
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        pages = [page for page in chosen if page.suffix == ".md"]
        for told in pool.map(lambda page: check_commands(tally, page, programs), pages):
            left_out += told
    for workflow in sorted((ROOT / "docs" / "ci").glob("*.yml")):
        if not arguments.pages or workflow in chosen:
            left_out += check_workflow(tally, workflow, programs)
    print(f"docs: {len(left_out)} blocks are not carried out here:")
    for told in left_out:
        print(f"docs:   {told}")
    tally.end()


if __name__ == "__main__":
    main()
