//! What changed from one run to another.
//!
//! Owns which runs may be compared, and the verdicts. Plain values; rendering is elsewhere.

use crate::statistics::{
    CONFIDENCE, Interval, RatioEstimate, benjamini_hochberg, holm, mann_whitney, ratio,
    repetitions_to_detect, smallest_p,
};
use crate::summary::{Figure, MeasureSummary, Summary, summarise};
use crate::view::{probe_words, warmup_words, window_words};
use crate::{CompareError, Metric, RunView, units};
use serde::Serialize;
use store::{Factor, Manifest, ProbeInfo, Vantage};

/// Two runs, set against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Id of the baseline.
    pub base: String,
    /// Id of the candidate.
    pub candidate: String,
    /// The figure that is compared.
    pub metric: Metric,
    /// A change of at most this share either way counts as none.
    pub threshold: f64,
    /// What else differs between the runs: machine, kernel, scenario.
    pub differences: Vec<Difference>,
    /// Names of the factors.
    pub factors: Vec<String>,
    /// Every cell × target × vantage that has figures in both runs.
    pub effects: Vec<Effect>,
    /// Cells × targets × vantages that lack figures in one of the runs.
    pub without_figures: u32,
    /// Where the repetitions are too few for any effect of this family to be found: how many it needs.
    pub needs_repetitions: Option<usize>,
}

/// Something in which the runs differ besides what is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// In the baseline.
    pub base: String,
    /// In the candidate.
    pub candidate: String,
}

/// What happened to one target in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// One level for each factor.
    pub levels: Vec<String>,
    /// The target.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Whether its vantage is the one that gates look at.
    pub gated: bool,
    /// The baseline's figure.
    pub base: Figure,
    /// The candidate's.
    pub candidate: Figure,
    /// Repetitions of baseline and candidate.
    pub repetitions: (usize, usize),
    /// Candidate to baseline, with its interval.
    pub ratio: RatioEstimate,
    /// p of the test.
    pub p: f64,
    /// The same, adjusted for the family by Holm: for gates.
    pub p_holm: f64,
    /// The same, adjusted by Benjamini and Hochberg: for looking around.
    pub p_bh: f64,
    /// What it amounts to.
    pub verdict: Verdict,
}

/// What an effect amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Faster by more than the threshold, and not by chance.
    Better,
    /// Slower by more than the threshold, and not by chance.
    Worse,
    /// The whole interval lies within the threshold.
    Same,
    /// None of these can be said.
    Inconclusive,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Comparison {
    /// The effects that a gate stops at.
    pub fn gate_crossings(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(|effect| effect.gated && effect.verdict == Verdict::Worse)
    }

    /// How many effects of the gated vantage have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.effects.iter().filter(|effect| effect.gated && effect.verdict == verdict).count()
    }

    /// One sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        let all = self.effects.iter().filter(|effect| effect.gated).count();
        if all == 0 {
            return "No cell has figures in both runs.".to_owned();
        }
        let changed =
            self.effects.iter().filter(|e| e.gated && matches!(e.verdict, Verdict::Better | Verdict::Worse));
        let distance = |effect: &&Effect| effect.ratio.ratio.ln().abs();
        let most = changed.max_by(|a, b| distance(a).total_cmp(&distance(b)));
        let what = self.metric.words();
        let counts = [Verdict::Worse, Verdict::Better, Verdict::Same, Verdict::Inconclusive];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|verdict| self.count(*verdict) > 0)
            .map(|verdict| format!("{} {}", self.count(verdict), verdict.name()))
            .collect();
        let counts = counts.join(", ");
        match most {
            Some(effect) => {
                let interval = effect
                    .ratio
                    .interval
                    .map_or_else(String::new, |i| format!(" {}", units::ratio_interval(i)));
                let change = units::ratio(effect.ratio.ratio);
                let cell = self.cell_words(effect);
                let at = if cell.is_empty() { String::new() } else { format!(" at {cell}") };
                format!(
                    "The {what} changed: of {all} effects {counts}; the largest is {}{at}, {change}{interval}.",
                    effect.syscall
                )
            }
            None => format!("No change of the {what} was found: of {all} effects {counts}."),
        }
    }

    /// `size 4KiB, load high`.
    #[must_use]
    pub fn cell_words(&self, effect: &Effect) -> String {
        let words: Vec<String> = self
            .factors
            .iter()
            .zip(&effect.levels)
            .map(|(factor, level)| format!("{factor} {level}"))
            .collect();
        words.join(", ")
    }
}

/// Compares `metric` in every cell × target × vantage of two runs; `threshold` is a share, 0.05 for 5 %.
///
/// Per cell: the ratio of the repetitions' values by Hodges and Lehmann with the interval that belongs to Mann and
/// Whitney's test. p is adjusted within the family, which is cells × targets of one vantage.
pub fn compare(
    base: &RunView<'_>,
    candidate: &RunView<'_>,
    metric: Metric,
    threshold: f64,
) -> Result<Comparison, CompareError> {
    if !(threshold > 0.0 && threshold < 1.0) {
        return Err(CompareError::Threshold(units::percent(threshold)));
    }
    require_same_design(base.manifest, candidate.manifest)?;
    let (before, after) = (summarise(base), summarise(candidate));
    require_same_vantages(&before, &after)?;
    let (effects, without_figures, needs_repetitions) = effects(&before, &after, metric, threshold);
    Ok(Comparison {
        base: base.manifest.id.clone(),
        candidate: candidate.manifest.id.clone(),
        metric,
        threshold,
        differences: differences(base.manifest, candidate.manifest),
        factors: base.manifest.scenario.factors.iter().map(|factor| factor.name.clone()).collect(),
        effects,
        without_figures,
        needs_repetitions,
    })
}

/// Whether two runs can be compared, which their manifests tell before anything is measured.
pub fn check_comparable(base: &Manifest, candidate: &Manifest) -> Result<(), CompareError> {
    require_same_design(base, candidate)
}

fn require_same_design(base: &Manifest, candidate: &Manifest) -> Result<(), CompareError> {
    require_same_backends(&base.probe, &candidate.probe)?;
    let targets = |manifest: &Manifest| {
        let mut names = manifest.scenario.syscalls.clone();
        names.sort();
        names.join(", ")
    };
    if targets(base) != targets(candidate) {
        return Err(CompareError::Targets { base: targets(base), candidate: targets(candidate) });
    }
    let (mine, theirs) = (&base.scenario.factors, &candidate.scenario.factors);
    for index in 0..mine.len().max(theirs.len()) {
        let (mine, theirs) = (axis(mine.get(index)), axis(theirs.get(index)));
        if mine != theirs {
            return Err(CompareError::Cells { base: mine, candidate: theirs });
        }
    }
    let planned = |manifest: &Manifest| {
        let all: usize = manifest.scenario.factors.iter().map(|factor| factor.levels.len()).product();
        format!("{} of {all} combinations of levels", manifest.plan.cells)
    };
    if base.plan.design.cells != candidate.plan.design.cells {
        let (mut mine, mut theirs) = (planned(base), planned(candidate));
        if mine == theirs {
            (mine, theirs) = (format!("some {mine}"), "as many others".to_owned());
        }
        return Err(CompareError::Cells { base: mine, candidate: theirs });
    }
    Ok(())
}

/// Where the probe is a factor, a level must mean the same backend in both runs. One that only one of the machines has
/// leaves cells without figures.
fn require_same_backends(base: &ProbeInfo, candidate: &ProbeInfo) -> Result<(), CompareError> {
    let refusal = |base: String, candidate: String| Err(CompareError::Backend { base, candidate });
    let (Some(mine), Some(theirs)) = (&base.factor, &candidate.factor) else {
        return if base.factor == candidate.factor && base.backend == candidate.backend {
            Ok(())
        } else {
            refusal(probe_words(base), probe_words(candidate))
        };
    };
    for level in &mine.levels {
        let other = theirs.levels.iter().find(|other| other.label == level.label);
        let backends = level.backend.as_ref().zip(other.and_then(|other| other.backend.as_ref()));
        if let Some((base, candidate)) = backends.filter(|(base, candidate)| base != candidate) {
            let at_level = |backend: &str| format!("{backend} at {} {}", mine.name, level.label);
            return refusal(at_level(base), at_level(candidate));
        }
    }
    Ok(())
}

/// `size (4KiB, 1MiB)`.
fn axis(factor: Option<&Factor>) -> String {
    factor.map_or_else(
        || "no such factor".to_owned(),
        |factor| {
            let levels: Vec<&str> = factor.levels.iter().map(|level| level.label.as_str()).collect();
            format!("{} ({})", factor.name, levels.join(", "))
        },
    )
}

fn require_same_vantages(base: &Summary, candidate: &Summary) -> Result<(), CompareError> {
    if base.manifest.probe.factor.is_some() {
        // Cells differ in this by design; those that have it in one run only are without figures in the other.
        return Ok(());
    }
    let vantages = |summary: &Summary, target: &str| {
        let series = summary.series();
        let names: Vec<&str> = series
            .iter()
            .filter(|(syscall, _)| *syscall == target)
            .map(|(_, vantage)| vantage.name())
            .collect();
        if names.is_empty() { "nowhere".to_owned() } else { names.join(" and ") }
    };
    for target in &base.manifest.scenario.syscalls {
        let (mine, theirs) = (vantages(base, target), vantages(candidate, target));
        if mine != theirs {
            return Err(CompareError::Vantage { syscall: target.clone(), base: mine, candidate: theirs });
        }
    }
    Ok(())
}

/// The effects, how many lack figures, and how many repetitions it would take where these are too few.
fn effects(
    before: &Summary,
    after: &Summary,
    metric: Metric,
    threshold: f64,
) -> (Vec<Effect>, u32, Option<usize>) {
    let mut effects = Vec::new();
    let mut missing = 0;
    for (target, vantage) in before.series() {
        for (mine, theirs) in before.cells.iter().zip(&after.cells) {
            let measures = (mine.measure(target, vantage), theirs.measure(target, vantage));
            let is_measured = !mine.measures.is_empty() || !theirs.measures.is_empty();
            if measures == (None, None) && is_measured {
                // Not issued there, or without a probe there: nothing that could have an effect.
                continue;
            }
            let pair = measures.0.zip(measures.1);
            match pair.and_then(|(mine, theirs)| effect(mine, theirs, metric)) {
                Some(effect) => effects.push(Effect {
                    levels: mine.levels.clone(),
                    gated: vantage == before.primary_vantage_in(mine, target),
                    ..effect
                }),
                None => missing += 1,
            }
        }
    }
    adjust(&mut effects);
    for effect in &mut effects {
        effect.verdict = verdict(effect, threshold);
    }
    let needed = needed_repetitions(&effects);
    (effects, missing, needed)
}

fn effect(base: &MeasureSummary, candidate: &MeasureSummary, metric: Metric) -> Option<Effect> {
    let (mine, theirs) = (base.values(metric), candidate.values(metric));
    let p = mann_whitney(&mine, &theirs);
    Some(Effect {
        levels: Vec::new(),
        syscall: base.syscall.clone(),
        vantage: base.vantage,
        gated: false,
        base: base.figure(metric)?,
        candidate: candidate.figure(metric)?,
        repetitions: (mine.len(), theirs.len()),
        ratio: ratio(&mine, &theirs)?,
        p,
        p_holm: p,
        p_bh: p,
        verdict: Verdict::Inconclusive,
    })
}

/// Adjusts p within each family: what gates look at, and the rest. Each is seen from one vantage, unless some cells
/// had no probe.
fn adjust(effects: &mut [Effect]) {
    for gated in [true, false] {
        let members: Vec<usize> = (0..effects.len()).filter(|index| effects[*index].gated == gated).collect();
        let p: Vec<f64> = members.iter().map(|index| effects[*index].p).collect();
        for (index, (strict, lenient)) in
            members.into_iter().zip(holm(&p).into_iter().zip(benjamini_hochberg(&p)))
        {
            effects[index].p_holm = strict;
            effects[index].p_bh = lenient;
        }
    }
}

fn verdict(effect: &Effect, threshold: f64) -> Verdict {
    let band = Interval { low: 1.0 - threshold, high: 1.0 + threshold };
    let RatioEstimate { ratio, interval } = effect.ratio;
    if interval.is_some_and(|interval| interval.is_within(band)) {
        return Verdict::Same;
    }
    let by_chance = effect.p_holm > 1.0 - CONFIDENCE;
    match ratio {
        _ if by_chance => Verdict::Inconclusive,
        ratio if ratio > band.high => Verdict::Worse,
        ratio if ratio < band.low => Verdict::Better,
        _ => Verdict::Inconclusive,
    }
}

fn needed_repetitions(effects: &[Effect]) -> Option<usize> {
    let family = effects.iter().filter(|effect| effect.gated).count();
    let least = effects
        .iter()
        .map(|effect| smallest_p(effect.repetitions.0, effect.repetitions.1))
        .reduce(f64::min)?;
    let alpha = 1.0 - CONFIDENCE;
    (least * family as f64 > alpha).then(|| repetitions_to_detect(family, alpha))
}

/// Everything besides the figures in which two runs differ, the machine first.
fn differences(base: &Manifest, candidate: &Manifest) -> Vec<Difference> {
    let pairs = facts(base).into_iter().zip(facts(candidate));
    let mut differences: Vec<Difference> = pairs
        .filter(|((_, mine), (_, theirs))| mine != theirs)
        .map(|((what, mine), (_, theirs))| Difference {
            what: what.to_owned(),
            base: mine,
            candidate: theirs,
        })
        .collect();
    let (mine, theirs) = (&base.environment.mitigations, &candidate.environment.mitigations);
    let state = |states: &std::collections::BTreeMap<String, String>, name: &str| {
        states.get(name).cloned().unwrap_or_else(|| "not known".to_owned())
    };
    let names: std::collections::BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
    for name in names.into_iter().filter(|name| mine.get(*name) != theirs.get(*name)) {
        let what = format!("mitigation of {name}");
        differences.push(Difference { what, base: state(mine, name), candidate: state(theirs, name) });
    }
    differences
}

fn facts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let environment = &manifest.environment;
    let told = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "not known".to_owned());
    vec![
        ("host", environment.host.clone()),
        ("CPU", told(&environment.cpu_model)),
        ("CPUs", environment.cpus.to_string()),
        ("memory", units::bytes(environment.memory_bytes as f64)),
        ("hypervisor", told(&environment.hypervisor)),
        ("architecture", environment.architecture.clone()),
        ("kernel", format!("{} {}", environment.kernel_release, environment.kernel_version)),
        ("kernel command line", told(&environment.kernel_command_line)),
        ("distribution", told(&environment.distribution)),
        ("governor", told(&environment.governor)),
        ("turbo", told(&environment.turbo)),
        ("SMT", told(&environment.smt)),
        ("huge pages", told(&environment.transparent_huge_pages)),
        ("clock source", told(&environment.clocksource)),
        ("ASLR", told(&environment.aslr)),
        ("swap", units::bytes(environment.swap_bytes as f64)),
        ("stress-ng", told(&environment.stress_ng_version)),
        ("runner", environment.runner_version.clone()),
        ("run as root", environment.root.to_string()),
        ("scenario", manifest.scenario.name.clone()),
        ("scenario's text", format!("hash {}", manifest.scenario.hash)),
        ("scope", manifest.scenario.scope.clone()),
        ("generators", manifest.scenario.generators.join("; ")),
        ("load options", load_options(manifest)),
        ("warm-up", warmup_words(manifest)),
        ("window", window_words(manifest)),
        ("repetitions", manifest.plan.repetitions.to_string()),
        ("order", manifest.plan.order.clone()),
    ]
}

fn load_options(manifest: &Manifest) -> String {
    let levels = manifest.scenario.factors.iter().flat_map(|factor| &factor.levels);
    let options: Vec<String> = levels
        .map(|level| (level, level.load_words()))
        .filter(|(_, words)| !words.is_empty())
        .map(|(level, words)| format!("{}: {words}", level.label))
        .collect();
    options.join("; ")
}
