//! Owns the files that the monitor reads, kept open and read again, and the arithmetic between two readings.
//!
//! What a machine lacks is left out. The formats are those of proc(5) and of the kernel's documents on PSI, cpufreq
//! and thermal zones.

use super::now_ns;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::MonitorSample;

/// Most CPUs whose frequency is read, spread evenly: some kernels interrupt a CPU to learn its frequency.
const FREQUENCY_LIMIT: usize = 16;
/// A thermal zone that takes longer to answer is left out: some ask the firmware.
const THERMAL_LIMIT: Duration = Duration::from_micros(500);

/// The `cpu` line of /proc/stat, in clock ticks since boot, summed over CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    /// user + nice + system + irq + softirq; user contains guest time.
    busy: u64,
    /// idle + iowait.
    idle: u64,
    /// Taken by the hypervisor.
    steal: u64,
}

/// How CPU time was divided between two readings; the rest was idle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuUse {
    /// Busy share, 0 to 1.
    pub(crate) busy: f64,
    /// Stolen share, 0 to 1.
    pub(crate) steal: f64,
}

impl CpuTimes {
    /// The times now; none where /proc/stat cannot be read.
    pub(crate) fn read() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.strip_prefix("cpu ")?.lines().next()?.split_ascii_whitespace();
        let mut times = [0; 8];
        for (time, field) in times.iter_mut().zip(fields) {
            *time = field.parse().ok()?;
        }
        let [user, nice, system, idle, iowait, irq, softirq, steal] = times;
        Some(Self { busy: user + nice + system + irq + softirq, idle: idle + iowait, steal })
    }

    /// The shares since an earlier reading; all zero when not one tick has passed.
    pub(crate) fn since(self, earlier: Self) -> CpuUse {
        // The kernel warns that idle and iowait may go backwards.
        let busy = self.busy.saturating_sub(earlier.busy);
        let steal = self.steal.saturating_sub(earlier.steal);
        let total = (busy + steal + self.idle.saturating_sub(earlier.idle)).max(1) as f64;
        CpuUse { busy: busy as f64 / total, steal: steal as f64 / total }
    }
}

/// Everything at one time; counts are since boot.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// `CLOCK_MONOTONIC`.
    pub(super) at_ns: u64,
    cpu: CpuTimes,
    context_switches: u64,
    interrupts: u64,
    memory_used_bytes: u64,
    /// Stalled time in microseconds for CPU, memory, I/O.
    psi_us: [Option<u64>; 3],
    frequency_mhz: Option<f64>,
    temperature_celsius: Option<f64>,
}

impl Reading {
    /// Whether it knows how long tasks waited for CPUs.
    pub(super) fn tells_pressure(&self) -> bool {
        self.psi_us[0].is_some()
    }

    /// The sample between an earlier reading and this one, in a window that opened at `open_ns`.
    pub(super) fn since(&self, earlier: &Self, open_ns: u64) -> MonitorSample {
        let cpu = self.cpu.since(earlier.cpu);
        let elapsed_us = (self.at_ns.saturating_sub(earlier.at_ns)).max(1) as f64 / 1e3;
        let psi = |index: usize| {
            let stalled = self.psi_us[index]?.saturating_sub(earlier.psi_us[index]?);
            Some((stalled as f64 / elapsed_us).min(1.0))
        };
        MonitorSample {
            at_ns: self.at_ns.saturating_sub(open_ns),
            cpu_busy: cpu.busy,
            cpu_steal: cpu.steal,
            memory_used_bytes: self.memory_used_bytes,
            psi_cpu_some: psi(0),
            psi_memory_some: psi(1),
            psi_io_some: psi(2),
            context_switches: self.context_switches.saturating_sub(earlier.context_switches),
            interrupts: self.interrupts.saturating_sub(earlier.interrupts),
            frequency_mhz: self.frequency_mhz,
            temperature_celsius: self.temperature_celsius,
        }
    }
}

/// Memory in use now, in bytes; none where /proc/meminfo cannot be read.
pub(crate) fn memory_in_use() -> Option<u64> {
    memory_used(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// Memory that programs could still have, in bytes; none where /proc/meminfo does not tell.
pub(crate) fn memory_available() -> Option<u64> {
    field(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:").map(|kib| kib * 1024)
}

/// The open files.
#[derive(Debug)]
pub(super) struct Sources {
    stat: File,
    memory: File,
    psi: [Option<File>; 3],
    frequencies: Vec<File>,
    zones: Vec<File>,
    buffer: Vec<u8>,
}

impl Sources {
    /// Opens all there are. Only /proc/stat and /proc/meminfo must be there.
    pub(super) fn open() -> io::Result<Self> {
        let mut buffer = vec![0; 16 * 1024];
        let open = |path: &str| File::open(path).ok();
        let zones = numbered("/sys/class/thermal", "thermal_zone", "temp");
        Ok(Self {
            stat: File::open("/proc/stat")?,
            memory: File::open("/proc/meminfo")?,
            psi: ["/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"].map(open),
            frequencies: spread(&numbered("/sys/devices/system/cpu", "cpu", "cpufreq/scaling_cur_freq")),
            zones: zones.iter().filter_map(|path| prompt(path, &mut buffer)).collect(),
            buffer,
        })
    }

    /// Reads them all; none when one of the two indispensable fails.
    pub(super) fn read(&mut self) -> Option<Reading> {
        let Self { stat, memory, psi, frequencies, zones, buffer } = self;
        let at_ns = now_ns();
        let text = read_again(stat, buffer)?;
        let cpu = CpuTimes::parse(text)?;
        let context_switches = field(text, "ctxt ")?;
        let interrupts = field(text, "intr ")?;
        let memory_used_bytes = memory_used(read_again(memory, buffer)?)?;
        let psi_us = psi.each_ref().map(|file| stalled(read_again(file.as_ref()?, buffer)?));
        let mut numbers = |files: &[File]| -> Vec<f64> {
            let number = |file: &File| read_again(file, buffer)?.trim().parse().ok();
            files.iter().filter_map(number).collect()
        };
        let kilohertz = numbers(frequencies);
        let millidegrees = numbers(zones);
        let mean = || kilohertz.iter().sum::<f64>() / kilohertz.len() as f64 / 1e3;
        Some(Reading {
            at_ns,
            cpu,
            context_switches,
            interrupts,
            memory_used_bytes,
            psi_us,
            frequency_mhz: (!kilohertz.is_empty()).then(mean),
            temperature_celsius: millidegrees.into_iter().reduce(f64::max).map(|value| value / 1e3),
        })
    }
}

/// The whole of a file, from its beginning. The buffer grows to what is needed and stays.
fn read_again<'a>(file: &File, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
    let mut filled = 0;
    loop {
        match file.read_at(&mut buffer[filled..], filled as u64).ok()? {
            0 => break,
            read => filled += read,
        }
        if filled == buffer.len() {
            buffer.resize(filled * 2, 0);
        }
    }
    std::str::from_utf8(&buffer[..filled]).ok()
}

/// The first number of the line that begins with `name`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Memory in use by /proc/meminfo, in bytes.
fn memory_used(meminfo: &str) -> Option<u64> {
    let total = field(meminfo, "MemTotal:")?;
    // Before Linux 3.14 there was no MemAvailable.
    let available = field(meminfo, "MemAvailable:").or_else(|| field(meminfo, "MemFree:"))?;
    Some(total.saturating_sub(available) * 1024)
}

/// `total` of the line `some` of a pressure file, in microseconds.
fn stalled(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_once("total=")?.1.parse().ok()
}

/// `ROOT/PREFIX<n>/FILE` for every n that there is, by n.
fn numbered(root: &str, prefix: &str, file: &str) -> Vec<PathBuf> {
    let Ok(entries) = Path::new(root).read_dir() else {
        return Vec::new();
    };
    let mut paths: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?, entry.path()))
        })
        .map(|(number, path)| (number, path.join(file)))
        .collect();
    paths.sort();
    paths.into_iter().map(|(_, path)| path).collect()
}

/// Some of the files, evenly spread, opened.
fn spread(paths: &[PathBuf]) -> Vec<File> {
    let step = paths.len().div_ceil(FREQUENCY_LIMIT).max(1);
    paths.iter().step_by(step).filter_map(|path| File::open(path).ok()).collect()
}

/// The file, opened, if it can be read soon enough.
fn prompt(path: &Path, buffer: &mut Vec<u8>) -> Option<File> {
    let file = File::open(path).ok()?;
    // The first reading may have to wake something up.
    read_again(&file, buffer)?;
    let began = Instant::now();
    read_again(&file, buffer)?;
    (began.elapsed() < THERMAL_LIMIT).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 50 800 40 5 5 10 7 0
cpu0 100 10 50 800 40 5 5 10 7 0
intr 240393 0 0 1
ctxt 432585
btime 1795425675
";

    #[test]
    fn cpu_shares_count_steal_apart_and_guests_once() {
        let first = CpuTimes::parse(STAT).unwrap();
        assert_eq!(first, CpuTimes { busy: 170, idle: 840, steal: 10 });
        let later = CpuTimes { busy: 170 + 30, idle: 840 + 60, steal: 10 + 10 };
        assert_eq!(later.since(first), CpuUse { busy: 0.3, steal: 0.1 });
        assert_eq!(first.since(first), CpuUse::default());
        let backwards = CpuTimes { idle: 800, busy: 180, ..first };
        assert!((backwards.since(first).busy - 1.0).abs() < f64::EPSILON);
        assert_eq!(CpuTimes::parse("cpu 1 x"), None);
        assert_eq!(CpuTimes::parse(""), None);
        // Kernels before 2.6.11 have no steal.
        assert_eq!(CpuTimes::parse("cpu  1 1 1 5 1 1 1\n"), Some(CpuTimes { busy: 5, idle: 6, steal: 0 }));
    }

    #[test]
    fn fields_are_found_by_name() {
        assert_eq!((field(STAT, "ctxt "), field(STAT, "intr ")), (Some(432_585), Some(240_393)));
        assert_eq!(field(STAT, "none "), None);
        let meminfo = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n";
        assert_eq!(memory_used(meminfo), Some(400 * 1024));
        assert_eq!(
            stalled("some avg10=4.38 avg60=6.53 avg300=4.87 total=576\nfull avg10=0.00 total=9"),
            Some(576)
        );
        assert_eq!(stalled("full avg10=0.00 total=9"), None);
    }

    #[test]
    fn pressure_is_a_share_of_the_interval() {
        let earlier = Reading { at_ns: 1_000, psi_us: [Some(10), Some(0), None], ..Reading::default() };
        let later = Reading { at_ns: 101_000, psi_us: [Some(35), Some(500), Some(3)], ..Reading::default() };
        let sample = later.since(&earlier, 1_000);
        assert_eq!(sample.at_ns, 100_000);
        assert_eq!(
            (sample.psi_cpu_some, sample.psi_memory_some, sample.psi_io_some),
            (Some(0.25), Some(1.0), None)
        );
    }

    #[test]
    fn files_are_read_whole_again_and_again() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let file = File::open(&path).unwrap();
        let mut buffer = vec![0; 4];
        for text in ["", "1234", "a longer text than the buffer", "short"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_again(&file, &mut buffer), Some(text));
        }
    }

    #[test]
    fn numbered_folders_come_in_order_of_number() {
        let root = tempfile::tempdir().unwrap();
        for name in ["cpu10", "cpu2", "cpuidle", "cpu0"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let found = numbered(root.path().to_str().unwrap(), "cpu", "f");
        let expected: Vec<_> =
            ["cpu0/f", "cpu2/f", "cpu10/f"].iter().map(|name| root.path().join(name)).collect();
        assert_eq!(found, expected);
    }
}
