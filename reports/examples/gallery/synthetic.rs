//! A run that nobody measured, made so that reports have something lifelike to show: two modes, heavy tails under
//! load, a few losses, a failed and an invalid trial.

#[path = "details.rs"]
mod details;

use chrono::{DateTime, TimeDelta, Utc};
use probe_abi::{Histogram, SparseHistogram};
use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeMap;
use store::{
    Calibration, Environment, Estimated, Factor, Ledger, Level, LoadMetric, Manifest, Measure, MonitorSample,
    PlanInfo, ProbeInfo, ScenarioInfo, State, Status, TrialRecord, Vantage,
};

/// The three parts of a run.
#[derive(Clone)]
pub(crate) struct SyntheticRun {
    pub(crate) manifest: Manifest,
    pub(crate) trials: Vec<TrialRecord>,
    pub(crate) load: Vec<LoadMetric>,
}

impl SyntheticRun {
    pub(crate) fn view(&self) -> reports::RunView<'_> {
        reports::RunView {
            manifest: &self.manifest,
            trials: &self.trials,
            load: &self.load,
            is_under_way: false,
        }
    }
}

/// What a synthetic run is made of.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) sizes: Vec<&'static str>,
    pub(crate) loads: Vec<&'static str>,
    pub(crate) repetitions: u32,
    pub(crate) calls: u64,
    pub(crate) slowdown: f64,
    pub(crate) seed: u64,
    pub(crate) faults: bool,
    /// Failed calls, slow calls kept one by one, calls that the kernel's programs missed, 32-bit calls.
    pub(crate) details: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            sizes: vec!["4KiB", "64KiB", "1MiB", "4MiB", "16MiB"],
            loads: vec!["baseline", "medium", "high"],
            repetitions: 7,
            calls: 25_000,
            slowdown: 1.0,
            seed: 1,
            faults: true,
            details: true,
        }
    }
}

pub(crate) fn run(recipe: &Recipe) -> SyntheticRun {
    let mut random = ChaCha12Rng::seed_from_u64(recipe.seed);
    let manifest = manifest(recipe);
    let mut trials = Vec::new();
    for block in 0..recipe.repetitions {
        let mut cells: Vec<(&str, &str)> = recipe
            .loads
            .iter()
            .flat_map(|load| recipe.sizes.iter().map(move |size| (*size, *load)))
            .collect();
        cells.shuffle(&mut random);
        for (position, (size, load)) in (0..).zip(cells) {
            let number = u32::try_from(trials.len()).unwrap();
            let mut trial = trial(recipe, (size, load), &mut random);
            (trial.trial, trial.block, trial.repetition, trial.position) = (number, block, block, position);
            trial.started_at = manifest.started_at + TimeDelta::milliseconds(900 * i64::from(number));
            trials.push(trial);
        }
    }
    if recipe.details {
        details::add(&mut trials);
    }
    if recipe.faults {
        spoil(&mut trials);
    }
    let load = (0..recipe.repetitions).flat_map(|block| load_metrics(recipe, block, &mut random)).collect();
    SyntheticRun { manifest, trials, load }
}

fn spoil(trials: &mut [TrialRecord]) {
    let failed = &mut trials[17];
    failed.status = Status::Failed;
    failed.reason = Some(
        "the load did not become steady within 2 s: stress-ng's worker 3 was killed by signal 9".to_owned(),
    );
    failed.measures.clear();
    failed.monitor.clear();
    let invalid = &mut trials[58];
    invalid.status = Status::Invalid;
    invalid.reason =
        Some("1,204 of 61,022 entered calls of mmap were lost, more than the limit of 0.1 %".to_owned());
    for (trial, busiest, others) in [(40, "updatedb (911)", 0.31), (41, "updatedb (911)", 0.12)] {
        trials[trial].noise = Some(store::Noise {
            others: Some(others),
            busiest: Some(busiest.to_owned()),
            disturbed: Some(format!(
                "other programs took {:.0} % of the processor time, most of it {busiest}",
                others * 100.0
            )),
            ..store::Noise::default()
        });
    }
    let invalid = &mut trials[58];
    if let Some(ledger) = invalid.measures[0].ledger.as_mut() {
        ledger.lost = 1_204;
        ledger.entered += 1_204;
    }
}

/// 0 for no load, 1 for the highest.
fn strength(recipe: &Recipe, load: &str) -> f64 {
    let place = recipe.loads.iter().position(|other| *other == load).unwrap();
    place as f64 / (recipe.loads.len().max(2) - 1) as f64
}

fn pages(size: &str) -> f64 {
    let digits: String = size.chars().filter(char::is_ascii_digit).collect();
    let unit = if size.ends_with("MiB") { 256.0 } else { 0.25 };
    digits.parse::<f64>().unwrap() * unit
}

fn trial(recipe: &Recipe, (size, load): (&str, &str), random: &mut ChaCha12Rng) -> TrialRecord {
    let strength = strength(recipe, load);
    let mut measures = Vec::new();
    for (syscall, base) in
        [("mmap", 780.0 + 20.0 * pages(size).log2()), ("munmap", 620.0 + 9.0 * pages(size).powf(0.85))]
    {
        let drift = (0.03 * gaussian(random)).exp();
        let shape = Shape { base: base * drift * recipe.slowdown, strength };
        let calls = (recipe.calls as f64 / (1.0 + strength) * (0.05 * gaussian(random)).exp()) as u64;
        measures.extend(measured(syscall, shape, calls, random));
    }
    let operations = measures[0].ok.count;
    TrialRecord {
        factors: BTreeMap::from([("size".to_owned(), size.to_owned()), ("load".to_owned(), load.to_owned())]),
        boot: "6f2f4c1e-7d0b-4d7e-9a43-0f7f0d4f8a11".to_owned(),
        window_ns: 500_000_000,
        wall_ns: 812_000_000,
        operations,
        measures,
        monitor: (1..=5).map(|i| sample(i, strength, random)).collect(),
        ..TrialRecord::begun(DateTime::UNIX_EPOCH)
    }
}

#[derive(Clone, Copy)]
struct Shape {
    base: f64,
    strength: f64,
}

impl Shape {
    /// A fast and a slow path, interrupts, and under load the rare call that waits for a time slice.
    fn draw(self, random: &mut ChaCha12Rng) -> f64 {
        let mut ns = self.base * (0.09 * gaussian(random)).exp() * (1.0 + 0.06 * self.strength);
        if random.random_bool(0.11 + 0.12 * self.strength) {
            ns *= 2.3 + 0.5 * self.strength;
        }
        if random.random_bool(0.012 * (1.0 + 4.0 * self.strength)) {
            ns += 4_000.0 * (0.7 * gaussian(random)).exp();
        }
        if random.random_bool(0.000_4 + 0.001_6 * self.strength) {
            ns += 60_000.0 * (1.0 + 14.0 * self.strength) * (0.9 * gaussian(random)).exp();
        }
        ns
    }
}

fn measured(syscall: &str, shape: Shape, calls: u64, random: &mut ChaCha12Rng) -> [Measure; 2] {
    let mut kernel = Box::new(Histogram::EMPTY);
    let mut user = Box::new(Histogram::EMPTY);
    for _ in 0..calls {
        let ns = shape.draw(random);
        kernel.record(ns as u64);
        user.record((ns + 150.0 * (0.1 * gaussian(random)).exp()) as u64);
    }
    let errors = SparseHistogram::default();
    let measure = |vantage, histogram: &Histogram, ledger| Measure {
        syscall: syscall.to_owned(),
        vantage,
        ok: SparseHistogram::from(histogram),
        error: errors.clone(),
        errnos: Vec::new(),
        ledger,
    };
    let censored = u64::from(random.random_bool(0.2));
    let ledger = Ledger {
        entered: calls + censored,
        censored,
        censored_age_max_ns: censored * 1_873,
        lost: 0,
        missed: None,
        compat: None,
    };
    [measure(Vantage::Kernel, &kernel, Some(ledger)), measure(Vantage::User, &user, None)]
}

fn sample(index: u64, strength: f64, random: &mut ChaCha12Rng) -> MonitorSample {
    MonitorSample {
        at_ns: index * 100_000_000,
        cpu_busy: (0.52 + 0.47 * strength + 0.01 * gaussian(random)).clamp(0.0, 1.0),
        cpu_steal: 0.0,
        memory_used_bytes: (1.1e9 + 4.6e9 * strength) as u64,
        psi_cpu_some: Some((0.01 + 0.7 * strength + 0.01 * gaussian(random)).clamp(0.0, 1.0)),
        psi_memory_some: Some(0.0),
        psi_io_some: Some((0.2 * strength + 0.005 * gaussian(random)).clamp(0.0, 1.0)),
        context_switches: (60.0 + 900.0 * strength + 10.0 * gaussian(random)).max(0.0) as u64,
        interrupts: (110.0 + 300.0 * strength + 5.0 * gaussian(random)).max(0.0) as u64,
        frequency_mhz: None,
        temperature_celsius: None,
    }
}

fn load_metrics(recipe: &Recipe, block: u32, random: &mut ChaCha12Rng) -> Vec<LoadMetric> {
    let mut metrics = Vec::new();
    for load in recipe.loads.iter().filter(|load| strength(recipe, load) > 0.0) {
        for (stressor, rate) in [("cpu", 910.0), ("io", 61_500.0), ("vm", 104_000.0)] {
            let rate = rate * strength(recipe, load) * (0.04 * gaussian(random)).exp();
            metrics.push(LoadMetric {
                block,
                level: (*load).to_owned(),
                stressor: stressor.to_owned(),
                instances: if stressor == "vm" { 1 } else { (2.0 * strength(recipe, load)) as u32 },
                bogo_ops: Some((rate * 6.0) as u64),
                bogo_ops_per_second: Some(rate),
                wall_seconds: Some(6.0),
                user_seconds: Some(4.0),
                system_seconds: Some(1.9),
                rss_max_kib: None,
            });
        }
    }
    metrics
}

/// A standard normal deviate, by Box and Muller.
fn gaussian(random: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn manifest(recipe: &Recipe) -> Manifest {
    let started_at: DateTime<Utc> = "2026-11-23T07:35:41Z".parse().unwrap();
    let level = |label: &&str| Level {
        label: (*label).to_owned(),
        value: Some(pages(label) * 4096.0),
        arguments: vec![],
        command: Vec::new(),
    };
    let load = |label: &&str| {
        let arguments = if *label == "baseline" { "" } else { "--cpu 2 --io 2 --vm 1 --vm-bytes 70%" };
        Level {
            label: (*label).to_owned(),
            value: None,
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            command: Vec::new(),
        }
    };
    Manifest {
        format_version: store::FORMAT_VERSION,
        id: "2026-11-23T073541Z-mmap_sweep-k3f9".to_owned(),
        state: State::Complete,
        started_at,
        ended_at: Some(started_at + TimeDelta::seconds(131)),
        label: None,
        command: ["runner", "run", "scenarios/mmap_sweep.toml"].map(str::to_owned).to_vec(),
        scenario: ScenarioInfo {
            name: "mmap_sweep".to_owned(),
            summary: "What load and size do to mmap and munmap".to_owned(),
            hash: "8f0c7dd0ad1c0b1f9c6a6ab8d2c7e0f41b7f6b2c3f0d7a5e9b1c2d3e4f506172".to_owned(),
            syscalls: vec!["mmap".to_owned(), "munmap".to_owned()],
            scope: "generators".to_owned(),
            warmup_ns: 200_000_000,
            window_ns: Some(500_000_000),
            factors: vec![
                Factor { name: "size".to_owned(), levels: recipe.sizes.iter().map(level).collect() },
                Factor { name: "load".to_owned(), levels: recipe.loads.iter().map(load).collect() },
            ],
            generators: vec!["mapper: mmap, 1 thread, size from the factor, untouched".to_owned()],
            overrides: vec![],
            loss_limit: 0.001,
            noise_limit: Some(0.05),
            keep_slowest: if recipe.details { details::KEPT } else { 0 },
        },
        plan: plan(recipe),
        probe: probe(),
        environment: environment(),
        against: None,
        trace: None,
        extensions: Vec::new(),
        merged: None,
        warnings: vec!["The frequency governor is unknown: the machine is virtual.".to_owned()],
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

fn plan(recipe: &Recipe) -> PlanInfo {
    let cells = u32::try_from(recipe.sizes.len() * recipe.loads.len()).unwrap();
    PlanInfo {
        order: "random_blocks".to_owned(),
        seed: recipe.seed,
        repetitions: recipe.repetitions,
        cells,
        trials: cells * recipe.repetitions,
        design: store::Design::default(),
        shard: None,
    }
}

fn probe() -> ProbeInfo {
    ProbeInfo {
        requested: "auto".to_owned(),
        backend: "raw_tracepoint".to_owned(),
        reasons: vec![
            "kretprobe: the kernel has no kprobes (CONFIG_KPROBES is off)".to_owned(),
            "fentry: loading was refused (EPERM)".to_owned(),
        ],
        factor: None,
        calibrations: vec![Calibration {
            backend: "raw_tracepoint".to_owned(),
            call: "getpid".to_owned(),
            rounds: 11,
            calls_per_round: 10_000,
            bare_ns: 141.7,
            added_ns: Estimated { value: 240.4, low: 235.1, high: 246.3 },
            reads_ns: Estimated { value: 115.0, low: 113.0, high: 117.0 },
        }],
    }
}

fn environment() -> Environment {
    Environment {
        kernel_release: "6.18.5".to_owned(),
        kernel_version: "#1 SMP PREEMPT_DYNAMIC".to_owned(),
        architecture: "x86_64".to_owned(),
        host: "lab-07".to_owned(),
        distribution: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        cpu_model: Some("Intel(R) Xeon(R) Processor @ 2.80GHz".to_owned()),
        cpus: 2,
        memory_bytes: 8 << 30,
        transparent_huge_pages: Some("madvise".to_owned()),
        clocksource: Some("tsc".to_owned()),
        hypervisor: Some("KVM".to_owned()),
        mitigations: BTreeMap::from([
            ("meltdown".to_owned(), "Not affected".to_owned()),
            ("spectre_v2".to_owned(), "Mitigation: Enhanced IBRS".to_owned()),
        ]),
        aslr: Some("2".to_owned()),
        stress_ng_version: Some("0.15.06".to_owned()),
        runner_version: "0.1.0".to_owned(),
        root: true,
        ..Environment::default()
    }
}
