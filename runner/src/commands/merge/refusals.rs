//! What is not merged, as far as the manifests tell; each is refused by name, with what helps.

use super::{Part, shown};
use crate::failure::Failure;
use std::collections::BTreeMap;
use store::{Factor, Manifest, Shard, State};

/// The parts in the order that they have in the merged run: shards by their numbers, whole runs as they were named.
pub(super) fn in_order(mut parts: Vec<Part>) -> Result<Vec<Part>, Failure> {
    refuse_twice(&parts)?;
    parts.iter().try_for_each(refuse_alone)?;
    let (first, others) =
        parts.split_first().ok_or_else(|| Failure::Usage("there is no run to merge".to_owned()))?;
    others.iter().try_for_each(|other| refuse_different(&first.manifest, &other.manifest))?;
    match first.manifest.plan.shard {
        Some(shard) => refuse_overlap_and_gap(&parts, shard)?,
        None if others.is_empty() => {
            let id = &first.manifest.id;
            let reason = "it is a whole run, and is to be merged with those of other machines or kernels";
            return Err(Failure::Usage(format!("{id} cannot be merged with nothing: {reason}")));
        }
        None => {}
    }
    parts.sort_by_key(|part| part.manifest.plan.shard.map(|shard| shard.number));
    Ok(parts)
}

fn refused<T>(manifest: &Manifest, reason: &str) -> Result<T, Failure> {
    Err(Failure::Usage(format!("{} cannot be merged: {reason}", manifest.id)))
}

/// The same run under two names.
fn refuse_twice(parts: &[Part]) -> Result<(), Failure> {
    for (place, part) in parts.iter().enumerate() {
        if parts[..place].iter().any(|other| other.manifest.id == part.manifest.id) {
            return refused(&part.manifest, "it is named twice");
        }
    }
    Ok(())
}

/// What makes no part of another run, whatever the others are.
fn refuse_alone(part: &Part) -> Result<(), Failure> {
    let Part { path, manifest, .. } = part;
    if manifest.trace.is_some() {
        return refused(manifest, "it is a trace, which has no plan; `runner diff` compares traces");
    }
    if let Some(merged) = &manifest.merged {
        let parts: Vec<&str> = merged.parts.iter().map(|part| part.run.as_str()).collect();
        let parts = parts.join(" ");
        return refused(manifest, &format!("it was made of other runs; name these instead: {parts}"));
    }
    if let Some(against) = &manifest.against {
        let other = &against.run;
        let reason = format!(
            "it was executed in alternation with {other}, and their blocks belong together; `runner diff` compares them"
        );
        return refused(manifest, &reason);
    }
    if manifest.plan.design.stop.is_some() {
        let reason = "its rule (`plan.until`) ended it by its own figures; execute the scenario without it, with \
                      `--repetitions`";
        return refused(manifest, reason);
    }
    let path = shown(path);
    let state = match manifest.state {
        State::Complete => return Ok(()),
        State::Running => match store::executed_by(&part.path) {
            Some(runner) => {
                let reason = format!(
                    "it is under way: the runner with process number {runner} executes it; wait for its end"
                );
                return refused(manifest, &reason);
            }
            None => "cut off",
        },
        State::Interrupted => "interrupted",
        State::Aborted => "aborted",
    };
    refused(manifest, &format!("it is not complete, but {state}; `runner resume {path}` goes on with it"))
}

/// Whether two runs are of one scenario, executed alike.
fn refuse_different(first: &Manifest, other: &Manifest) -> Result<(), Failure> {
    if let Some((what, mine, theirs)) = difference(first, other) {
        let (a, b) = (&first.id, &other.id);
        return Err(Failure::Usage(format!(
            "{a} and {b} cannot be merged: {what} is {mine} in the first and {theirs} in the second"
        )));
    }
    Ok(())
}

/// What runs have to have in common: what it is called, and how it is told of a run.
type Trait = (&'static str, fn(&Manifest) -> String);

/// The first thing in which two runs differ that they have to have in common, with how it is in each.
fn difference(first: &Manifest, other: &Manifest) -> Option<(&'static str, String, String)> {
    let traits: [Trait; 11] = [
        ("the scenario", |it| it.scenario.name.clone()),
        ("the scenario's text", |it| format!("of hash {}", it.scenario.hash)),
        ("the seed", |it| it.plan.seed.to_string()),
        ("what was replaced in it", |it| or_nothing(&it.scenario.overrides)),
        ("the order", |it| it.plan.order.clone()),
        ("the number of repetitions", |it| it.plan.repetitions.to_string()),
        ("the design", design),
        ("the runner's version", |it| it.environment.runner_version.clone()),
        ("the backend", backends),
        ("the list of targets", |it| it.scenario.syscalls.join(", ")),
        ("the part", |it| part_words(it.plan.shard)),
    ];
    traits.into_iter().find_map(|(what, of)| {
        let (mine, theirs) = (of(first), of(other));
        (mine != theirs).then_some((what, mine, theirs))
    })
}

fn or_nothing(overrides: &[String]) -> String {
    if overrides.is_empty() { "nothing".to_owned() } else { format!("`--set {}`", overrides.join(" --set ")) }
}

/// Factors with their levels, and which combinations are cells.
fn design(manifest: &Manifest) -> String {
    let levels = |factor: &Factor| {
        let levels = factor.levels.iter();
        levels.map(|level| level.label.as_str()).collect::<Vec<_>>().join(", ")
    };
    let factors =
        manifest.scenario.factors.iter().map(|factor| format!("{} ({})", factor.name, levels(factor)));
    format!("{} cells of {}", manifest.plan.cells, factors.collect::<Vec<_>>().join(" × "))
}

fn backends(manifest: &Manifest) -> String {
    let probe = &manifest.probe;
    let Some(factor) = &probe.factor else { return probe.backend.clone() };
    let levels = factor.levels.iter();
    let levels = levels.map(|it| format!("{} at {}", it.backend.as_deref().unwrap_or("none"), it.label));
    levels.collect::<Vec<_>>().join(", ")
}

/// What has to be the same of all parts of a plan.
fn part_words(shard: Option<Shard>) -> String {
    shard.map_or_else(
        || "all of the plan".to_owned(),
        |Shard { of, by, .. }| format!("one of {of}, by {}", by.name(1)),
    )
}

/// Whether each part of the plan is there once.
fn refuse_overlap_and_gap(parts: &[Part], shard: Shard) -> Result<(), Failure> {
    let mut by_number: BTreeMap<u32, &Manifest> = BTreeMap::new();
    for Part { manifest, .. } in parts {
        let Some(Shard { number, of, .. }) = manifest.plan.shard else { continue };
        if let Some(other) = by_number.insert(number, manifest) {
            let (a, b) = (&other.id, &manifest.id);
            return Err(Failure::Usage(format!(
                "part {number}/{of} is there twice: {a} and {b}; leave one of them out"
            )));
        }
    }
    let of = shard.of;
    let missing: Vec<String> = (1..=of)
        .filter(|number| !by_number.contains_key(number))
        .map(|number| format!("{number}/{of}"))
        .collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let by = shard.by.name(1);
    let (parts, are, it) =
        if missing.len() == 1 { ("part", "is", "it") } else { ("parts", "are", "the first of them") };
    Err(Failure::Usage(format!(
        "{parts} {} {are} missing; `runner run SCENARIO --shard {first} --shard-by {by}` executes {it}",
        missing.join(", "),
    )))
}
