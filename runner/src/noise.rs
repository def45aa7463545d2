//! Owns the account of what else went on on the machine while a trial ran: processor time of others' programs, what the
//! hypervisor took, CPUs slowed down by heat. It looks before the warm-up and after the window, never within.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use store::{MonitorSample, Noise};

/// Of the flags of a thread: it is the kernel's.
const PF_KTHREAD: u64 = 0x0020_0000;
/// Less than so many clock ticks is what the accounting of a few processes is coarse by.
const TICKS_SURE: u64 = 3;

/// Looks at the machine. Reading a process takes a few microseconds.
#[derive(Debug)]
pub(crate) struct Listener {
    proc: PathBuf,
    runner: i32,
    cpus: u32,
    /// Threads of the kernel that were seen: they need not be looked at again.
    kernel_threads: HashSet<i32>,
    /// Counters of each CPU's slowing down.
    throttles: Vec<File>,
    buffer: Vec<u8>,
}

/// The machine at one time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    processes: HashMap<i32, Process>,
    throttled: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    name: String,
    parent: i32,
    /// Processor time so far, its ended threads' included, in clock ticks.
    ticks: u64,
}

impl Listener {
    pub(crate) fn new(cpus: u32) -> Self {
        let runner = rustix::process::getpid().as_raw_nonzero().get();
        Self::at(Path::new("/"), runner, cpus)
    }

    fn at(root: &Path, runner: i32, cpus: u32) -> Self {
        let cpu = |number: u32| root.join(format!("sys/devices/system/cpu/cpu{number}/thermal_throttle"));
        let files = (0..cpus).flat_map(|number| {
            ["core_throttle_count", "package_throttle_count"].map(|name| cpu(number).join(name))
        });
        Self {
            proc: root.join("proc"),
            runner,
            cpus,
            kernel_threads: HashSet::new(),
            throttles: files.filter_map(|path| File::open(path).ok()).collect(),
            buffer: vec![0; 1024],
        }
    }

    /// The machine now.
    pub(crate) fn look(&mut self) -> Snapshot {
        let at = Instant::now();
        let entries = self.proc.read_dir().into_iter().flatten().flatten();
        let ids: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        let mut processes = HashMap::with_capacity(ids.len());
        for id in ids {
            if self.kernel_threads.contains(&id) {
                continue;
            }
            // One that has ended meanwhile is none.
            let Some((process, flags)) = self.process(id) else { continue };
            if flags & PF_KTHREAD == 0 {
                processes.insert(id, process);
            } else {
                self.kernel_threads.insert(id);
            }
        }
        Snapshot { at, processes, throttled: self.throttled() }
    }

    fn process(&mut self, id: i32) -> Option<(Process, u64)> {
        let mut file = File::open(self.proc.join(id.to_string()).join("stat")).ok()?;
        let length = file.read(&mut self.buffer).ok()?;
        parse(&String::from_utf8_lossy(&self.buffer[..length]))
    }

    fn throttled(&mut self) -> Option<u64> {
        let mut sum = None;
        for file in &self.throttles {
            let length = file.read_at(&mut self.buffer, 0).ok()?;
            let count: u64 = std::str::from_utf8(&self.buffer[..length]).ok()?.trim().parse().ok()?;
            sum = Some(sum.unwrap_or(0) + count);
        }
        sum
    }

    /// What went on since `before`, while the hypervisor took `steal`. A trial is disturbed when others and the hypervisor
    /// took more than `limit`, like it a share of all CPUs' time, or when heat slowed a CPU down.
    pub(crate) fn since(&mut self, before: &Snapshot, steal: f64, limit: f64) -> Noise {
        let now = self.look();
        let taken = taken(before, &now, self.runner);
        let ticks: u64 = taken.iter().map(|(_, ticks)| ticks).sum();
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        let elapsed = (now.at - before.at).as_secs_f64() * f64::from(self.cpus) * per_second;
        let others = (ticks as f64 / elapsed.max(1.0)).min(1.0);
        let throttled = now.throttled.zip(before.throttled).map(|(now, before)| now.saturating_sub(before));
        let busiest = taken.into_iter().max_by_key(|(_, ticks)| *ticks).map(|(name, _)| name);
        let mut noise = Noise { others: Some(others), busiest, steal, throttled, disturbed: None };
        let sure = if ticks >= TICKS_SURE { others } else { 0.0 };
        noise.disturbed = disturbed(&noise, sure, limit);
        noise
    }
}

/// What others took between two times, in clock ticks, each by name; of those that ended in between nothing is known.
fn taken(before: &Snapshot, now: &Snapshot, runner: i32) -> Vec<(String, u64)> {
    let is_ours = |id: i32| {
        let mut id = id;
        // No line of ancestors is longer than this.
        for _ in 0..=now.processes.len() {
            if id == runner {
                return true;
            }
            match now.processes.get(&id) {
                Some(process) => id = process.parent,
                None => return false,
            }
        }
        false
    };
    let took = |(id, process): (&i32, &Process)| {
        let earlier = before.processes.get(id).map_or(0, |before| before.ticks);
        let ticks = process.ticks.saturating_sub(earlier);
        (ticks > 0 && !is_ours(*id)).then(|| (format!("{} ({id})", process.name), ticks))
    };
    now.processes.iter().filter_map(took).collect()
}

/// What the hypervisor took in a window: the mean of its samples, each as long as it was.
pub(crate) fn steal(samples: &[MonitorSample]) -> f64 {
    let (mut sum, mut earlier) = (0.0, 0);
    for sample in samples {
        sum += sample.cpu_steal * sample.at_ns.saturating_sub(earlier) as f64;
        earlier = sample.at_ns;
    }
    sum / earlier.max(1) as f64
}

fn disturbed(noise: &Noise, others: f64, limit: f64) -> Option<String> {
    let mut reasons = Vec::new();
    if others + noise.steal > limit {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        if others > noise.steal {
            let most = noise.busiest.as_ref().map_or(String::new(), |name| format!(", most of it {name}"));
            reasons.push(format!("other programs took {} of the processor time{most}", percent(others)));
        } else {
            reasons.push(format!("the hypervisor took {} of the processor time", percent(noise.steal)));
        }
    }
    if let Some(times @ 1..) = noise.throttled {
        reasons.push(format!("CPUs were slowed down by heat, {times} times"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// `/proc/PID/stat`: the process and its flags.
fn parse(stat: &str) -> Option<(Process, u64)> {
    let (head, fields) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    // From the third on.
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let parent = fields.get(1)?.parse().ok()?;
    Some((Process { name, parent, ticks: number(11)? + number(12)? }, number(6)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(root: &Path, id: i32, (name, parent): (&str, i32), (flags, ticks): (u64, u64)) {
        let folder = root.join("proc").join(id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let text =
            format!("{id} ({name}) S {parent} 1 1 0 -1 {flags} 0 0 0 0 {ticks} 1 0 0 20 0 1 0 5 1000 200\n");
        std::fs::write(folder.join("stat"), text).unwrap();
    }

    fn heat(root: &Path, count: u64) {
        let folder = root.join("sys/devices/system/cpu/cpu0/thermal_throttle");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("core_throttle_count"), format!("{count}\n")).unwrap();
    }

    #[test]
    fn processes_are_told_by_their_lines() {
        let (process, flags) = parse("7 (a) b) S 3 1 1 0 -1 4194560 9 9 9 9 30 12 0 0 20 0\n").unwrap();
        assert_eq!(process, Process { name: "a) b".to_owned(), parent: 3, ticks: 42 });
        assert_eq!(flags & PF_KTHREAD, 0);
        assert_eq!(parse("7 (a) S 3"), None);
    }

    #[test]
    fn others_are_whoever_is_neither_the_kernels_nor_the_runners() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        heat(root, 5);
        stat(root, 1, ("init", 0), (0, 10));
        stat(root, 2, ("kworker", 0), (PF_KTHREAD, 10));
        stat(root, 30, ("runner", 1), (0, 10));
        stat(root, 31, ("stress-ng", 30), (0, 10));
        stat(root, 40, ("cargo", 1), (0, 10));
        let mut listener = Listener::at(root, 30, 2);
        let before = listener.look();
        for (id, name, parent) in [(30, "runner", 1), (31, "stress-ng", 30), (32, "worker", 31)] {
            stat(root, id, (name, parent), (0, 900));
        }
        stat(root, 2, ("kworker", 0), (PF_KTHREAD, 900));
        stat(root, 40, ("cargo", 1), (0, 17));
        stat(root, 41, ("rustc", 40), (0, 2));
        let taken = taken(&before, &listener.look(), 30);
        let sorted: std::collections::BTreeMap<_, _> = taken.into_iter().collect();
        assert_eq!(
            sorted.into_iter().collect::<Vec<_>>(),
            [("cargo (40)".to_owned(), 7), ("rustc (41)".to_owned(), 3)]
        );
        heat(root, 7);
        let noise = listener.since(&before, 0.0, 0.05);
        assert_eq!((noise.busiest.as_deref(), noise.throttled), (Some("cargo (40)"), Some(2)));
        let words = noise.disturbed.unwrap();
        assert!(
            words.starts_with("other programs took") && words.contains("most of it cargo (40)"),
            "{words}"
        );
        assert!(words.contains("slowed down by heat, 2 times"), "{words}");
    }

    #[test]
    fn a_tick_or_two_disturb_nobody_and_steal_does() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        stat(root, 40, ("cron", 1), (0, 10));
        let mut listener = Listener::at(root, 30, 2);
        let before = listener.look();
        stat(root, 40, ("cron", 1), (0, 12));
        let sample = |at_ns, cpu_steal| MonitorSample { at_ns, cpu_steal, ..MonitorSample::default() };
        let noise = listener.since(&before, steal(&[sample(10, 0.0), sample(40, 0.04)]), 0.05);
        assert!((noise.steal - 0.03).abs() < 1e-12, "{}", noise.steal);
        assert_eq!((noise.disturbed, noise.throttled), (None, None));
        let stolen = listener.since(&before, steal(&[sample(10, 0.06)]), 0.05);
        assert_eq!(stolen.disturbed.as_deref(), Some("the hypervisor took 6 % of the processor time"));
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let mut listener = Listener::new(2);
        let snapshot = listener.look();
        assert!(snapshot.processes.contains_key(&i32::try_from(std::process::id()).unwrap()));
        assert!(listener.since(&snapshot, 0.0, 1.0).others.is_some());
    }
}
