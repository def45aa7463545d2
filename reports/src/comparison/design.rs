//! Which runs may be compared, and which of their cells and vantages belong together.

use crate::CompareError;
use crate::summary::Summary;
use crate::view::probe_words;
use serde::Serialize;
use std::collections::BTreeSet;
use store::{Factor, Manifest, ProbeInfo, Vantage};

/// What is compared although it differs, because somebody insists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insist {
    /// Runs that were observed by different backends.
    pub backends: bool,
    /// Targets that were seen from different places.
    pub vantages: bool,
    /// Runs that have only some targets and cells in common.
    pub cells: bool,
}

/// Something that differs and was insisted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Insisted {
    /// `backends`, `vantages` or `cells`.
    pub across: &'static str,
    /// In the baseline.
    pub base: String,
    /// In the candidate.
    pub candidate: String,
}

/// What two runs have in common.
pub(super) struct Design {
    /// Names of the factors, in the baseline's order.
    pub(super) factors: Vec<String>,
    /// Their places in baseline and candidate.
    places: [Vec<usize>; 2],
    pub(super) insisted: Vec<Insisted>,
}

impl Design {
    /// The levels of a cell, one for each common factor: 0 for a cell of the baseline, 1 for one of the candidate.
    pub(super) fn key<'a>(&self, side: usize, levels: &'a [String]) -> Vec<&'a str> {
        self.places[side].iter().map(|place| levels.get(*place).map_or("", String::as_str)).collect()
    }
}

/// A target, who saw it in the baseline, and who in the candidate.
pub(super) type Seen<'a> = (&'a str, Vantage, Vantage);

/// Whether two runs can be compared, which their manifests tell before anything is measured.
pub fn check_comparable(base: &Manifest, candidate: &Manifest) -> Result<(), CompareError> {
    common(base, candidate, Insist::default()).map(drop)
}

/// What the runs have in common; an error where it is less than all, and nobody insists.
pub(super) fn common(base: &Manifest, candidate: &Manifest, insist: Insist) -> Result<Design, CompareError> {
    if let Some(run) = shared(base, candidate) {
        return Err(CompareError::Shared(run.to_owned()));
    }
    let mut insisted = Vec::new();
    let mut passed = |across, insists: bool, refusal: CompareError| {
        let (CompareError::Backend { base, candidate }
        | CompareError::Targets { base, candidate }
        | CompareError::Cells { base, candidate }) = &refusal
        else {
            return Err(refusal);
        };
        if !insists {
            return Err(refusal);
        }
        insisted.push(Insisted { across, base: base.clone(), candidate: candidate.clone() });
        Ok(())
    };
    if let Err(refusal) = same_backends(&base.probe, &candidate.probe) {
        passed("backends", insist.backends, refusal)?;
    }
    for refusal in [same_targets(base, candidate), same_cells(base, candidate)] {
        if let Err(refusal) = refusal {
            passed("cells", insist.cells, refusal)?;
        }
    }
    let (factors, places) = common_factors(&base.scenario.factors, &candidate.scenario.factors)?;
    Ok(Design { factors, places, insisted })
}

/// A run whose trials both have, in two runs that are not one and the same.
fn shared<'a>(base: &'a Manifest, candidate: &Manifest) -> Option<&'a str> {
    fn executed(manifest: &Manifest) -> Vec<&str> {
        let parts = manifest.merged.as_ref().map(|merged| &merged.parts);
        parts.map_or(vec![&manifest.id], |parts| parts.iter().map(|part| part.run.as_str()).collect())
    }
    let theirs: BTreeSet<&str> = executed(candidate).into_iter().collect();
    executed(base).into_iter().find(|run| base.id != candidate.id && theirs.contains(run))
}

fn same_targets(base: &Manifest, candidate: &Manifest) -> Result<(), CompareError> {
    let targets = |manifest: &Manifest| {
        let names: BTreeSet<&str> = manifest.scenario.syscalls.iter().map(String::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (base, candidate) = (targets(base), targets(candidate));
    if base == candidate { Ok(()) } else { Err(CompareError::Targets { base, candidate }) }
}

fn same_cells(base: &Manifest, candidate: &Manifest) -> Result<(), CompareError> {
    let (mine, theirs) = (&base.scenario.factors, &candidate.scenario.factors);
    for index in 0..mine.len().max(theirs.len()) {
        let (base, candidate) = (axis(mine.get(index)), axis(theirs.get(index)));
        if base != candidate {
            return Err(CompareError::Cells { base, candidate });
        }
    }
    let planned = |manifest: &Manifest| {
        let all = manifest.scenario.factors.iter().map(|factor| factor.levels.len());
        let all = all.fold(1, usize::saturating_mul);
        format!("{} of {all} combinations of levels", manifest.plan.cells)
    };
    if base.plan.design.cells == candidate.plan.design.cells {
        return Ok(());
    }
    let (mut base, mut candidate) = (planned(base), planned(candidate));
    if base == candidate {
        (base, candidate) = (format!("some {base}"), "as many others".to_owned());
    }
    Err(CompareError::Cells { base, candidate })
}

/// The factors that both have. One that only one of them has must have a single level there, or cells would have several
/// partners.
fn common_factors(
    base: &[Factor],
    candidate: &[Factor],
) -> Result<(Vec<String>, [Vec<usize>; 2]), CompareError> {
    let place = |factors: &[Factor], name: &str| factors.iter().position(|factor| factor.name == name);
    for (mine, theirs) in [(base, candidate), (candidate, base)] {
        let alone = mine.iter().find(|it| it.levels.len() > 1 && place(theirs, &it.name).is_none());
        if let Some(factor) = alone {
            return Err(CompareError::LoneFactor(axis(Some(factor))));
        }
    }
    let both = base
        .iter()
        .enumerate()
        .filter_map(|(mine, factor)| Some((factor.name.clone(), mine, place(candidate, &factor.name)?)));
    let mut common = (Vec::new(), [Vec::new(), Vec::new()]);
    for (name, mine, theirs) in both {
        common.0.push(name);
        common.1[0].push(mine);
        common.1[1].push(theirs);
    }
    Ok(common)
}

/// Where the probe is a factor, a level must mean the same backend in both runs. One that only one of the machines has
/// leaves cells without figures.
fn same_backends(base: &ProbeInfo, candidate: &ProbeInfo) -> Result<(), CompareError> {
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

/// Every target that both runs have, with the vantages that are set against each other: each with itself, and the kernel's
/// with the callers' only where a target has none in common and somebody insists. A target of both that only one of them
/// has figures of is there as well, for that is to be told.
pub(super) fn series<'a>(
    before: &'a Summary,
    after: &Summary,
    insist: Insist,
    insisted: &mut Vec<Insisted>,
) -> Result<Vec<Seen<'a>>, CompareError> {
    // Where the probe is a factor, cells differ in this by design.
    let by_factor = [before, after].iter().any(|summary| summary.manifest.probe.factor.is_some());
    let asked = &before.manifest.scenario.syscalls;
    let are_asked = |target: &str| {
        let mut runs = [asked, &after.manifest.scenario.syscalls].into_iter();
        runs.all(|syscalls| syscalls.iter().any(|it| it == target))
    };
    let seen = before.targets();
    let unseen = asked.iter().map(String::as_str).filter(|target| !seen.contains(target));
    let mut series = Vec::new();
    for target in seen.iter().copied().chain(unseen) {
        let mine = vantages(before, target);
        let theirs = vantages(after, target);
        if mine.is_empty() || theirs.is_empty() {
            // No trial of it is ok in one of the runs, which is no other way of looking.
            let there = mine.into_iter().chain(theirs).filter(|_| are_asked(target));
            series.extend(there.map(|vantage| (target, vantage, vantage)));
            continue;
        }
        if mine != theirs && !by_factor {
            let (base, candidate) = (names(&mine), names(&theirs));
            if !insist.vantages {
                return Err(CompareError::Vantage { syscall: target.to_owned(), base, candidate });
            }
            let told = |names: String| format!("{target} {names}");
            insisted.push(Insisted { across: "vantages", base: told(base), candidate: told(candidate) });
        }
        let shared = |vantage: &&Vantage| by_factor || theirs.contains(vantage);
        let both: Vec<Seen<'a>> = mine.iter().filter(shared).map(|it| (target, *it, *it)).collect();
        match (both.is_empty(), mine.first(), theirs.first()) {
            (true, Some(mine), Some(theirs)) => series.push((target, *mine, *theirs)),
            _ => series.extend(both),
        }
    }
    Ok(series)
}

fn vantages(summary: &Summary, target: &str) -> Vec<Vantage> {
    summary.series().into_iter().filter(|(syscall, _)| *syscall == target).map(|(_, it)| it).collect()
}

fn names(vantages: &[Vantage]) -> String {
    let names: Vec<&str> = vantages.iter().map(|vantage| vantage.name()).collect();
    if names.is_empty() { "nowhere".to_owned() } else { names.join(" and ") }
}

impl Insisted {
    /// What must be said of it wherever the comparison is shown.
    #[must_use]
    pub fn sentence(&self) -> String {
        let meaning = match self.across {
            "backends" => "their latencies do not mean the same",
            "vantages" => "what the kernel's and the callers' view measure is not the same",
            _ => "only what both have is compared",
        };
        format!(
            "Compared across {} because that was insisted on: {} in the baseline, {} in the candidate; {meaning}.",
            self.across, self.base, self.candidate
        )
    }
}
