//! Machines, or kernels, each against the median of all: who is off, by how much, and who stands out.
//!
//! Owns the comparison within a merged run whose factor is `machine` or `kernel`. Which member is an outlier is
//! `statistics`' rule; the unit within a member is the repetition, or the boot where it has several.

use crate::comparison::first_of;
use crate::rows::Worded;
use crate::statistics::{
    FULL_REPETITIONS, Interval, LEAST_MEMBERS, OUTLYING, RatioEstimate, Standing, standings,
};
use crate::summary::{ALIKE_CALLS, CellSummary, MeasureSummary};
use crate::{Metric, units};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{KERNEL, Manifest, Vantage};

/// Most rows that are told of one member, and most places of a kind.
const MOST_TOLD: usize = 3;

/// What a fleet's figures show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// `machine` or `kernel`.
    pub factor: String,
    /// Its levels, in order.
    pub members: Vec<String>,
    /// Which figure they are set against each other by.
    pub metric: Metric,
    /// Fewest members with figures among which outliers are named.
    pub least_members: usize,
    /// A member is an outlier where its score is beyond this, and its interval leaves out 1.
    pub outlying: f64,
    /// For each target and cell of which anybody saw anything, each member.
    pub rows: Vec<FleetRow>,
}

/// One member in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetRow {
    /// The target.
    pub syscall: String,
    /// Who saw it: the kernel where it did, else the callers.
    pub vantage: Vantage,
    /// The other factors with their levels.
    pub factors: Vec<(String, String)>,
    /// The machine or kernel.
    pub member: String,
    /// How many repetitions it has, or of several boots how many boots.
    pub units: usize,
    /// Whether these are boots.
    pub of_boots: bool,
    /// Its figure, the median over its repetitions, in nanoseconds; none where something is lacking.
    pub value_ns: Option<f64>,
    /// That over the median of all members'; none where no other has one.
    pub ratio: Option<f64>,
    /// The 95 % interval of the ratio, with the width of the slots in it; none with fewer than six units.
    pub interval: Option<Interval>,
    /// Its modified z-score; none among fewer than `least_members`.
    pub z: Option<f64>,
    /// Whether it stands out; none where it has no score or no interval, and so is not judged.
    pub is_outlier: Option<bool>,
    /// Why it has no figure.
    pub lacks: Option<Lack>,
}

/// Why a member has no figure that could be set against the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// None of its trials is ok.
    NoTrial,
    /// Its calls were not seen from where the others' were.
    NotSeen,
    /// A repetition has too few calls for the figure, as where calls are slow.
    TooFewCalls,
    /// Every call of it fails, and elsewhere they do not.
    EveryCallFails,
    /// A maximum grows with the number of calls, and one member has more than twice as many as another.
    UnlikeCalls,
}

/// What the cells of a merged run show of its machines or kernels by this figure; none where these are no factor of it.
pub(crate) fn of(manifest: &Manifest, cells: &[CellSummary], metric: Metric) -> Option<Fleet> {
    let name = manifest.merged.as_ref()?.factor.as_deref()?;
    let place = manifest.scenario.factors.iter().position(|factor| factor.name == name)?;
    let levels = manifest.scenario.factors[place].levels.iter();
    let names = manifest.scenario.factors.iter().map(|factor| &factor.name);
    let others: Vec<&String> = names.filter(|other| *other != name).collect();
    let mut rows = Vec::new();
    let groups = groups(cells, place);
    for syscall in &manifest.scenario.syscalls {
        for (levels, group) in &groups {
            let factors =
                others.iter().zip(levels).map(|(name, level)| ((*name).clone(), (*level).to_owned()));
            let factors: Vec<(String, String)> = factors.collect();
            rows.extend(rows_of((syscall, &factors), (place, metric), group));
        }
    }
    Some(Fleet {
        factor: name.to_owned(),
        members: levels.map(|level| level.label.clone()).collect(),
        metric,
        least_members: LEAST_MEMBERS,
        outlying: OUTLYING,
        rows,
    })
}

/// The levels of all factors but one, and the cells that have them.
type Group<'a> = (Vec<&'a str>, Vec<&'a CellSummary>);

/// Cells that differ in the factor at `place` alone, in the order of the first of each.
fn groups(cells: &[CellSummary], place: usize) -> Vec<Group<'_>> {
    let (mut groups, mut known): (Vec<Group<'_>>, BTreeMap<Vec<&str>, usize>) = Default::default();
    for cell in cells {
        let others = cell.levels.iter().enumerate().filter(|(other, _)| *other != place);
        let others: Vec<&str> = others.map(|(_, level)| level.as_str()).collect();
        let number = *known.entry(others.clone()).or_insert_with(|| {
            groups.push((others, Vec::new()));
            groups.len() - 1
        });
        groups[number].1.push(cell);
    }
    groups
}

/// A target, and the other factors with their levels.
type Place<'a> = (&'a str, &'a [(String, String)]);

/// Each member in these cells, which differ in the factor at `place` alone; nothing where nobody saw anything of the target.
fn rows_of(
    (syscall, factors): Place<'_>,
    (place, metric): (usize, Metric),
    group: &[&CellSummary],
) -> Vec<FleetRow> {
    let seen = |vantage| group.iter().any(|cell| cell.measure(syscall, vantage).is_some());
    let vantage = if seen(Vantage::Kernel) { Vantage::Kernel } else { Vantage::User };
    if !seen(vantage) {
        return Vec::new();
    }
    let row = |cell: &&CellSummary, lacks: Option<Lack>| {
        let measure = cell.measure(syscall, vantage);
        let units = measure.map_or(0, MeasureSummary::units);
        FleetRow {
            syscall: syscall.to_owned(),
            vantage,
            factors: factors.to_vec(),
            member: cell.levels[place].clone(),
            units,
            of_boots: measure.is_some_and(|measure| units < measure.repetitions.len()),
            value_ns: None,
            ratio: None,
            interval: None,
            z: None,
            is_outlier: None,
            lacks,
        }
    };
    let found = values_of((syscall, vantage, metric), group);
    let mut rows: Vec<FleetRow> =
        group.iter().zip(&found).map(|(cell, found)| row(cell, found.as_ref().err().copied())).collect();
    let values: Vec<Vec<Vec<f64>>> = found.into_iter().flatten().collect();
    let Some(standings) = standings(&values) else { return rows };
    let with_values = rows.iter_mut().filter(|row| row.lacks.is_none());
    let (is_set_against, is_judged) = (values.len() > 1, values.len() >= LEAST_MEMBERS);
    for ((row, values), standing) in with_values.zip(&values).zip(standings) {
        row.value_ns = Some(standing.median);
        if is_set_against {
            row.judge(&standing, (metric, &values.concat()), is_judged);
        }
    }
    rows
}

/// The values of each member by its boots, or why it has none.
fn values_of(
    (syscall, vantage, metric): (&str, Vantage, Metric),
    group: &[&CellSummary],
) -> Vec<Result<Vec<Vec<f64>>, Lack>> {
    let measures = || group.iter().filter_map(|cell| cell.measure(syscall, vantage));
    // How fast calls fail is not set against how fast they succeed.
    let some_succeed = measures().any(|measure| !measure.of_failures);
    let compared = || measures().filter(|measure| !(measure.of_failures && some_succeed));
    let most = compared().map(MeasureSummary::calls_each).fold(0.0, f64::max);
    let least = compared().map(MeasureSummary::calls_each).fold(f64::INFINITY, f64::min);
    let are_unlike = metric == Metric::Max && most > ALIKE_CALLS * least;
    let values = |cell: &&CellSummary| match cell.measure(syscall, vantage) {
        None if cell.trials == 0 => Err(Lack::NoTrial),
        None => Err(Lack::NotSeen),
        Some(measure) if measure.of_failures && some_succeed => Err(Lack::EveryCallFails),
        Some(_) if are_unlike => Err(Lack::UnlikeCalls),
        Some(measure) => measure.by_origin(metric).ok_or(Lack::TooFewCalls),
    };
    group.iter().map(values).collect()
}

impl FleetRow {
    /// Sets it against the others; where they are enough, says whether it stands out.
    fn judge(&mut self, standing: &Standing, (metric, values): (Metric, &[f64]), is_judged: bool) {
        let Standing { median, ratio, interval, z } = *standing;
        let estimate = metric.widened(RatioEstimate { ratio, interval }, &[median / ratio], values);
        self.ratio = Some(ratio);
        self.interval = estimate.interval;
        self.z = is_judged.then_some(z);
        let is_off = self.interval.map(|interval| !interval.contains(1.0) && z.abs() > OUTLYING);
        self.is_outlier = is_off.filter(|_| is_judged);
    }

    /// Whether it stands out, as far as that is known.
    pub(crate) fn stands_out(&self) -> bool {
        self.is_outlier == Some(true)
    }
}

impl Fleet {
    /// `mmap at size 4KiB, load high`, with the factors of which the fleet has several levels.
    fn place_words(&self, row: &FleetRow) -> String {
        let varies = |(name, level): &&(String, String)| {
            let all = self.rows.iter().flat_map(|row| &row.factors);
            all.into_iter().any(|(other, theirs)| other == name && theirs != level)
        };
        let levels = row.factors.iter().filter(varies).map(|(name, level)| format!("{name} {level}"));
        let levels = levels.collect::<Vec<_>>().join(", ");
        if levels.is_empty() { row.syscall.clone() } else { format!("{} at {levels}", row.syscall) }
    }

    /// Where these rows are, each place once: `mmap at size 4KiB; mmap at size 1MiB; and 3 more`.
    fn places<'a>(&self, rows: impl Iterator<Item = &'a FleetRow>) -> Option<String> {
        let mut seen = BTreeSet::new();
        let once = rows.filter(|row| seen.insert((&row.syscall, &row.factors)));
        first_of(once, MOST_TOLD, |row| self.place_words(row))
    }

    /// `node7 (fsync); node8 (fsync); and 3 more`.
    fn members_at<'a>(&self, rows: impl Iterator<Item = &'a FleetRow>) -> Option<String> {
        first_of(rows, MOST_TOLD, |row| format!("{} ({})", row.member, self.place_words(row)))
    }
}

/// `Machines against the fleet's median`.
#[must_use]
pub fn heading(fleet: &Fleet) -> String {
    format!("{} against the median of all", if fleet.factor == KERNEL { "Kernels" } else { "Machines" })
}

/// One of them, or several.
fn members(fleet: &Fleet, count: usize) -> String {
    format!("{}{}", fleet.factor, if count == 1 { "" } else { "s" })
}

/// Who stands out, by which rule, what the unit is, and what could not be judged.
#[must_use]
pub fn sentences(fleet: &Fleet) -> Vec<String> {
    let with_values = || fleet.rows.iter().filter(|row| row.value_ns.is_some());
    let unit = match (with_values().any(|row| row.of_boots), with_values().all(|row| row.of_boots)) {
        (true, true) => "boots",
        (true, false) => "repetitions, or boots where there are several",
        (false, _) => "repetitions",
    };
    let what = format!(
        "Each {}'s {} over the median of all: its median over {unit}, with the 95 % interval of a bootstrap over them.",
        fleet.factor, fleet.metric
    );
    [outlier_sentences(fleet), vec![what], unjudged_sentences(fleet)].concat()
}

/// What has no figure, or was not judged, and why.
fn unjudged_sentences(fleet: &Fleet) -> Vec<String> {
    let (metric, one, all) = (fleet.metric, &fleet.factor, members(fleet, 2));
    let lacking = |lack| fleet.rows.iter().filter(move |row| row.lacks == Some(lack));
    let without = |lack, why: &str| {
        let at = fleet.members_at(lacking(lack))?;
        Some(format!("Without {metric}, and judged nowhere there, for {why}: {at}."))
    };
    let is_large = fleet.members.len() >= fleet.least_members;
    let set_against = || fleet.rows.iter().filter(move |row| is_large && row.ratio.is_some());
    let few = fleet.places(set_against().filter(|row| row.z.is_none())).map(|places| {
        format!("Where fewer than {} {all} have the figure, none is judged: {places}.", fleet.least_members)
    });
    let mut told = BTreeSet::new();
    let short = set_against().filter(|row| row.interval.is_none()).map(|row| row.member.as_str());
    let short = first_of(short.filter(|member| told.insert(*member)), MOST_TOLD, str::to_owned).map(|members| {
        format!(
            "Not judged, for an interval takes {FULL_REPETITIONS} repetitions, or of several boots {FULL_REPETITIONS} boots: \
             {members}."
        )
    });
    let failing = fleet
        .members_at(lacking(Lack::EveryCallFails))
        .map(|at| format!("Left out, for every call fails there and elsewhere not: {at}."));
    let unlike = fleet.places(lacking(Lack::UnlikeCalls)).map(|places| {
        format!(
            "Maxima are left out where a repetition of one {one} has more than twice the calls of another's, for they grow \
             with their number: {places}."
        )
    });
    let sentences = [
        without(Lack::TooFewCalls, "a repetition has too few calls, as where calls are slow"),
        without(Lack::NoTrial, "no trial is ok"),
        without(Lack::NotSeen, "the calls were not seen from where the others' were"),
        failing,
        unlike,
        few,
        short,
    ];
    sentences.into_iter().flatten().collect()
}

fn outlier_sentences(fleet: &Fleet) -> Vec<String> {
    let count = fleet.members.len();
    let (one, all) = (&fleet.factor, members(fleet, 2));
    if count < fleet.least_members {
        let least = fleet.least_members;
        return vec![format!(
            "No {one} is named as an outlier: among {count}, one that is off cannot be told from one that the others are off \
             from; it takes {least}."
        )];
    }
    if fleet.rows.iter().all(|row| row.is_outlier.is_none()) {
        return vec![format!("No {one} is named as an outlier: none could be judged.")];
    }
    let mut outliers: BTreeMap<&str, Vec<&FleetRow>> = BTreeMap::new();
    for row in fleet.rows.iter().filter(|row| row.stands_out()) {
        outliers.entry(&row.member).or_default().push(row);
    }
    let rule = format!(
        "An outlier's modified z-score is beyond {} (Iglewicz and Hoaglin, on logarithms), and its interval leaves out 1. Each \
         row is looked at by itself: among many rows, some are named by chance.",
        fleet.outlying
    );
    if outliers.is_empty() {
        let is_whole = fleet.rows.iter().all(|row| row.is_outlier.is_some());
        let none = if is_whole {
            format!("None of the {count} {all} is an outlier.")
        } else {
            format!("No {one} is an outlier where it could be judged, which is not everywhere.")
        };
        return vec![none, rule];
    }
    let named = outliers.iter().map(|(member, rows)| {
        let words = |row: &&FleetRow| format!("{} {}", fleet.place_words(row), ratio_words(row));
        format!("{member} ({})", first_of(rows.iter(), MOST_TOLD, words).unwrap_or_default())
    });
    let (number, named) = (outliers.len(), named.collect::<Vec<_>>().join(", "));
    let (is, plural) = if number == 1 { ("is", "an outlier") } else { ("are", "outliers") };
    vec![format!("{number} of the {count} {all} {is} {plural}: {named}."), rule]
}

/// `× 1.52 [1.40, 1.66]`.
fn ratio_words(row: &FleetRow) -> String {
    let interval = row.interval.map_or_else(String::new, |it| format!(" {}", units::ratio_interval(it)));
    format!("{}{interval}", row.ratio.map_or_else(String::new, units::ratio))
}

/// The table of all members.
pub(crate) fn rows(fleet: &Fleet) -> Worded {
    let factors =
        fleet.rows.first().map(|row| row.factors.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let words =
        ["target".to_owned()].into_iter().chain(factors.unwrap_or_default()).chain([fleet.factor.clone()]);
    let dash = || "–".to_owned();
    let row = |row: &FleetRow| {
        let levels = row.factors.iter().map(|(_, level)| level.clone());
        let words = [row.syscall.clone()].into_iter().chain(levels).chain([row.member.clone()]);
        let figures = [
            row.value_ns.map_or_else(dash, units::duration),
            row.units.to_string(),
            row.ratio.map_or_else(dash, units::ratio),
            row.interval.map_or_else(dash, units::ratio_interval),
            row.z.map_or_else(dash, |z| format!("{z:+.1}")),
            match row.is_outlier {
                Some(true) => "yes".to_owned(),
                Some(false) => String::new(),
                None => dash(),
            },
        ];
        words.chain(figures).collect()
    };
    Worded {
        words: words.collect(),
        figures: vec![fleet.metric.label(), "n", "of median", "[95 %]", "z", "outlier"],
        rows: fleet.rows.iter().map(row).collect(),
    }
}
