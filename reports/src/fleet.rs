//! Machines, or kernels, each against the median of all: who is off, by how much, and who stands out.
//!
//! Owns the comparison within a merged run whose factor is `machine` or `kernel`. Which member is an outlier is
//! `statistics`' rule; the unit within a member is the repetition, or the boot where it has several.

use crate::rows::Worded;
use crate::statistics::{Interval, LEAST_MEMBERS, OUTLYING, Standing, standings};
use crate::summary::{CellSummary, MeasureSummary};
use crate::{Metric, units};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{KERNEL, Manifest, Vantage};

/// Most outlying rows that are told of one member.
const MOST_TOLD: usize = 3;

/// What a fleet's figures show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// `machine` or `kernel`.
    pub factor: String,
    /// Its levels, in order.
    pub members: Vec<String>,
    /// Fewest members with figures among which outliers are named.
    pub least_members: usize,
    /// A member is an outlier where its score is beyond this, and its interval leaves out 1.
    pub outlying: f64,
    /// For each target and cell, each member.
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
    /// Its median of p50, in nanoseconds.
    pub p50_ns: f64,
    /// That over the median of all members'.
    pub ratio: f64,
    /// The 95 % interval of the ratio; none with fewer than three units.
    pub interval: Option<Interval>,
    /// Its modified z-score; none among fewer than `least_members`.
    pub z: Option<f64>,
    /// Whether it stands out.
    pub is_outlier: bool,
}

/// What the cells of a merged run show of its machines or kernels; none where these are no factor of it.
pub(crate) fn of(manifest: &Manifest, cells: &[CellSummary]) -> Option<Fleet> {
    let name = manifest.merged.as_ref()?.factor.as_deref()?;
    let place = manifest.scenario.factors.iter().position(|factor| factor.name == name)?;
    let levels = manifest.scenario.factors[place].levels.iter();
    let members: Vec<String> = levels.map(|level| level.label.clone()).collect();
    // Cells that differ in the member alone, in the order of the first of each.
    let mut groups: Vec<(Vec<&str>, Vec<&CellSummary>)> = Vec::new();
    for cell in cells {
        let others = cell.levels.iter().enumerate().filter(|(other, _)| *other != place);
        let others: Vec<&str> = others.map(|(_, level)| level.as_str()).collect();
        match groups.iter_mut().find(|(known, _)| *known == others) {
            Some((_, group)) => group.push(cell),
            None => groups.push((others, vec![cell])),
        }
    }
    let names = manifest.scenario.factors.iter().map(|factor| factor.name.clone());
    let names: Vec<String> = names.filter(|other| other != name).collect();
    let rows = manifest.scenario.syscalls.iter().flat_map(|syscall| {
        let names = &names;
        groups.iter().flat_map(move |(levels, group)| {
            let factors = names.iter().cloned().zip(levels.iter().map(|level| (*level).to_owned()));
            rows_of(syscall, &factors.collect::<Vec<_>>(), place, group)
        })
    });
    let rows = rows.collect();
    Some(Fleet { factor: name.to_owned(), members, least_members: LEAST_MEMBERS, outlying: OUTLYING, rows })
}

/// Each member that has the figure in these cells, which differ in the factor at `place` alone.
fn rows_of(
    syscall: &str,
    factors: &[(String, String)],
    place: usize,
    group: &[&CellSummary],
) -> Vec<FleetRow> {
    let seen = |vantage| group.iter().any(|cell| cell.measure(syscall, vantage).is_some());
    let vantage = if seen(Vantage::Kernel) { Vantage::Kernel } else { Vantage::User };
    let mut found: Vec<(&CellSummary, &MeasureSummary)> = Vec::new();
    let mut values = Vec::new();
    for cell in group {
        let Some(measure) = cell.measure(syscall, vantage) else { continue };
        // Where a repetition has too few calls for the figure, the member has none.
        if let Some(origins) = measure.by_origin(Metric::P50) {
            found.push((cell, measure));
            values.push(origins);
        }
    }
    let Some(standings) = standings(&values).filter(|standings| standings.len() > 1) else {
        return Vec::new();
    };
    let is_judged = standings.len() >= LEAST_MEMBERS;
    let row = |((cell, measure), standing): ((&CellSummary, &MeasureSummary), Standing)| {
        let is_off = standing.interval.is_some_and(|interval| !interval.contains(1.0));
        FleetRow {
            syscall: syscall.to_owned(),
            vantage,
            factors: factors.to_vec(),
            member: cell.levels[place].clone(),
            units: measure.units(),
            of_boots: measure.units() < measure.repetitions.len(),
            p50_ns: standing.median,
            ratio: standing.ratio,
            interval: standing.interval,
            z: is_judged.then_some(standing.z),
            is_outlier: is_judged && is_off && standing.z.abs() > OUTLYING,
        }
    };
    found.into_iter().zip(standings).map(row).collect()
}

impl FleetRow {
    /// `mmap at size 4KiB, load high`, with the factors of which the fleet has several levels.
    fn place(&self, fleet: &Fleet) -> String {
        let varies = |(name, level): &&(String, String)| {
            fleet
                .rows
                .iter()
                .any(|row| row.factors.iter().any(|(other, theirs)| other == name && theirs != level))
        };
        let levels = self.factors.iter().filter(varies).map(|(name, level)| format!("{name} {level}"));
        let levels = levels.collect::<Vec<_>>().join(", ");
        if levels.is_empty() { self.syscall.clone() } else { format!("{} at {levels}", self.syscall) }
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

/// Who stands out, by which rule, and what the unit is.
#[must_use]
pub fn sentences(fleet: &Fleet) -> Vec<String> {
    let unit = match (fleet.rows.iter().any(|row| row.of_boots), fleet.rows.iter().all(|row| row.of_boots)) {
        (true, true) => "boots",
        (true, false) => "repetitions, or boots where there are several",
        (false, _) => "repetitions",
    };
    let what = format!(
        "Each {}'s p50 over the median of all: its median over {unit}, with the 95 % interval of a bootstrap over them.",
        fleet.factor
    );
    let is_large = fleet.members.len() >= fleet.least_members;
    let unjudged = (is_large && fleet.rows.iter().any(|row| row.z.is_none())).then(|| {
        let (least, all) = (fleet.least_members, members(fleet, 2));
        format!("Where fewer than {least} {all} have the figure, which takes enough calls in each repetition, none is judged.")
    });
    [outlier_sentences(fleet), vec![what], unjudged.into_iter().collect()].concat()
}

fn outlier_sentences(fleet: &Fleet) -> Vec<String> {
    let count = fleet.members.len();
    let all = members(fleet, 2);
    if count < fleet.least_members {
        let least = fleet.least_members;
        return vec![format!(
            "No {} is named as an outlier: among {count}, one that is off cannot be told from one that the others are off \
             from; it takes {least}.",
            fleet.factor
        )];
    }
    let mut outliers: BTreeMap<&str, Vec<&FleetRow>> = BTreeMap::new();
    for row in fleet.rows.iter().filter(|row| row.is_outlier) {
        outliers.entry(&row.member).or_default().push(row);
    }
    let rule = format!(
        "An outlier's modified z-score is beyond {} (Iglewicz and Hoaglin, on logarithms), and its interval leaves out 1. Each \
         row is looked at by itself: among many rows, some are named by chance.",
        fleet.outlying
    );
    if outliers.is_empty() {
        return vec![format!("None of the {count} {all} is an outlier."), rule];
    }
    let named = outliers.iter().map(|(member, rows)| {
        let told =
            rows.iter().take(MOST_TOLD).map(|row| format!("{} {}", row.place(fleet), ratio_words(row)));
        let more = rows.len().saturating_sub(MOST_TOLD);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        format!("{member} ({}{more})", told.collect::<Vec<_>>().join("; "))
    });
    let (number, named) = (outliers.len(), named.collect::<Vec<_>>().join(", "));
    let (is, plural) = if number == 1 { ("is", "an outlier") } else { ("are", "outliers") };
    vec![format!("{number} of the {count} {all} {is} {plural}: {named}."), rule]
}

/// `× 1.52 [1.40, 1.66]`.
fn ratio_words(row: &FleetRow) -> String {
    let interval = row.interval.map_or_else(String::new, |it| format!(" {}", units::ratio_interval(it)));
    format!("{}{interval}", units::ratio(row.ratio))
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
            units::duration(row.p50_ns),
            row.units.to_string(),
            units::ratio(row.ratio),
            row.interval.map_or_else(dash, units::ratio_interval),
            row.z.map_or_else(dash, |z| format!("{z:+.1}")),
            if row.is_outlier { "yes" } else { "" }.to_owned(),
        ];
        words.chain(figures).collect()
    };
    Worded {
        words: words.collect(),
        figures: vec!["p50", "n", "of median", "[95 %]", "z", "outlier"],
        rows: fleet.rows.iter().map(row).collect(),
    }
}
