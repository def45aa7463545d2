//! How much more memory the runner and its load can have: the machine's, or that of the control groups around it.

use crate::scenario::Room;
use std::fs;
use std::path::{Path, PathBuf};

/// The room there is now; none where the kernel does not tell.
pub(crate) fn room() -> Option<Room> {
    room_below(Path::new("/"))
}

/// The same of the machine whose files are below `root`.
fn room_below(root: &Path) -> Option<Room> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = available.split_ascii_whitespace().next()?.parse().ok()?;
    let machine = Room { bytes: kib * 1024, limit: "the machine".to_owned() };
    let groups = groups(root).into_iter().filter_map(|group| of_group(&group));
    groups.chain([machine]).min_by_key(|room| room.bytes)
}

/// The files of a control group that limit memory.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    used: &'static str,
}

/// The memory groups that this process is in, innermost first, of both versions of control groups.
fn groups(root: &Path) -> Vec<Group> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, limit, used) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => continue,
        };
        let mount = root.join(mount);
        let innermost = mount.join(path.trim_start_matches('/'));
        let around = innermost.ancestors().take_while(|folder| folder.starts_with(&mount));
        groups.extend(around.map(|folder| Group { folder: folder.to_owned(), limit, used }));
    }
    groups
}

/// What a group's limit leaves; none where it has none. Cached files are given back when memory is short.
fn of_group(group: &Group) -> Option<Room> {
    let read = |name: &str| fs::read_to_string(group.folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let (limit, used) = (number(group.limit)?, number(group.used)?);
    let statistics = read("memory.stat").unwrap_or_default();
    let cached: u64 = statistics
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| matches!(*name, "inactive_file" | "active_file"))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .sum();
    let bytes = limit.saturating_sub(used.saturating_sub(cached));
    Some(Room { bytes, limit: format!("the control group ({})", group.limit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:   4096 kB\n");

    #[test]
    fn without_a_limit_it_is_what_the_machine_has() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/user.slice/a.scope\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "5\n"),
        ]);
        assert_eq!(room_below(root.path()), Some(Room { bytes: 4 << 20, limit: "the machine".to_owned() }));
        assert_eq!(room_below(machine(&[]).path()), None);
    }

    #[test]
    fn the_tightest_group_around_counts_and_its_cache_is_free() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/user.slice/a.scope\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "3000000\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "2500000\n"),
            ("sys/fs/cgroup/user.slice/memory.stat", "anon 7\nactive_file 300000\ninactive_file 200000\n"),
        ]);
        let found = room_below(root.path()).unwrap();
        assert_eq!((found.bytes, found.limit.as_str()), (1_000_000, "the control group (memory.max)"));
    }

    #[test]
    fn the_older_groups_are_understood() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "4:memory:/jail\n2:cpuacct:/\n0::/\n"),
            ("sys/fs/cgroup/memory/jail/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/jail/memory.usage_in_bytes", "400\n"),
        ]);
        assert_eq!(room_below(root.path()).unwrap().bytes, 600);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(room().is_some_and(|room| room.bytes > 0));
    }
}
