"""What runs on this machine, and what of BPF is loaded, as far as /proc and bpf(2) tell."""

import ctypes
import os
import pathlib
import platform
import shutil

# The next id of a loaded program, map or link: commands of bpf(2).
NEXT_IDS = {"programs": 11, "maps": 12, "links": 31}
BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def copy_binaries(source, folder):
    """Binaries of a folder of their own, by which their processes are known."""
    folder.mkdir()
    for name in ("runner", "generator"):
        shutil.copy(pathlib.Path(source) / name, folder)


def of_folder(folder):
    """Processes whose program or working directory lies in the folder: pid → program. The dead that nobody has waited for
    are none."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program, place = os.readlink(entry / "exe"), os.readlink(entry / "cwd")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if state not in "ZX" and any(path.startswith(f"{folder}/") for path in (program, place)):
            found[int(entry.name)] = program.removesuffix(" (deleted)")
    return found


def loaded():
    """How many programs, maps and links of BPF the kernel holds, whoever's they are; none where it may not be asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    counts = {}
    for kind, command in NEXT_IDS.items():
        count, attributes = 0, (ctypes.c_uint32 * 4)()
        while libc.syscall(BPF, command, attributes, ctypes.sizeof(attributes)) == 0:
            count, attributes[0] = count + 1, attributes[1]
        if ctypes.get_errno() != 2:
            return None
        counts[kind] = count
    return counts


def none_more(before):
    """Whether no more is loaded than was before."""
    now = loaded()
    return None not in (before, now) and all(now[kind] <= before[kind] for kind in before)


def memory(pid):
    """Resident memory of a process without what it shares with others or with files, in KiB; none when it is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), None)


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
