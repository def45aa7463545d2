//! What is not merged, as far as the manifests tell; each is refused by name, with what helps.

use super::super::in_command;
use super::Part;
use crate::failure::Failure;
use crate::fleet::quoted;
use std::collections::{BTreeMap, BTreeSet};
use store::{Factor, MOST_PARTS, Manifest, ScenarioInfo, Shard, State};

/// Most runs that a message names.
const MOST_NAMED: usize = 12;

/// The parts in the order that they have in the merged run: shards by their numbers, whole runs as they were named.
pub(super) fn in_order(mut parts: Vec<Part>) -> Result<Vec<Part>, Failure> {
    refuse_too_many(&parts)?;
    refuse_twice(&parts)?;
    refuse_merged(&parts)?;
    parts.iter().try_for_each(refuse_alone)?;
    let (first, others) =
        parts.split_first().ok_or_else(|| Failure::Usage("there is no run to merge".to_owned()))?;
    others.iter().try_for_each(|other| refuse_different(first, other))?;
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

/// More than a reader takes.
fn refuse_too_many(parts: &[Part]) -> Result<(), Failure> {
    if parts.len() > MOST_PARTS {
        let count = parts.len();
        return Err(Failure::Usage(format!(
            "{count} runs cannot be merged: a run is made of at most {MOST_PARTS}"
        )));
    }
    Ok(())
}

/// The same run in two folders: one that was copied.
fn refuse_twice(parts: &[Part]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    match parts.iter().find(|part| !seen.insert(&part.manifest.id)) {
        Some(part) => refused(&part.manifest, "two folders have it; name one of them"),
        None => Ok(()),
    }
}

/// What was made of other runs has neither their places nor all that was known of them: those are merged instead, all at once.
fn refuse_merged(parts: &[Part]) -> Result<(), Failure> {
    let Some(merged) = parts.iter().find(|part| part.manifest.merged.is_some()) else { return Ok(()) };
    let originals = parts.iter().flat_map(|part| match &part.manifest.merged {
        Some(merged) => merged.parts.iter().map(|part| part.run.as_str()).collect(),
        None => vec![part.manifest.id.as_str()],
    });
    let mut seen = BTreeSet::new();
    let originals: Vec<&str> = originals.filter(|id| seen.insert(*id)).collect();
    let more = originals.len().saturating_sub(MOST_NAMED);
    let named = originals[..originals.len() - more].join(" ");
    let more =
        if more == 0 { String::new() } else { format!(" and {more} more, which `runner report` names") };
    let reason = format!(
        "it was made of other runs; merge the original runs in one command: `runner merge {named}`{more}"
    );
    refused(&merged.manifest, &reason)
}

/// What makes no part of another run, whatever the others are.
fn refuse_alone(part: &Part) -> Result<(), Failure> {
    let Part { path, manifest, .. } = part;
    if manifest.trace.is_some() {
        return refused(manifest, "it is a trace, which has no plan; `runner diff` compares traces");
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
    let path = in_command(path);
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
fn refuse_different(first: &Part, other: &Part) -> Result<(), Failure> {
    let differs = |it: &&Trait| (it.of)(&first.manifest) != (it.of)(&other.manifest);
    let Some(Trait { what, of, remedy }) = TRAITS.iter().find(differs) else { return Ok(()) };
    let (mine, theirs) = (of(&first.manifest), of(&other.manifest));
    let (a, b, remedy) = (&first.manifest.id, &other.manifest.id, remedy(first));
    Err(Failure::Usage(format!(
        "{a} and {b} cannot be merged: {what} is {mine} in the first and {theirs} in the second; {remedy}"
    )))
}

/// What runs have to have in common.
struct Trait {
    what: &'static str,
    /// How it is told of a run.
    of: fn(&Manifest) -> String,
    /// What makes the second like the first.
    remedy: fn(&Part) -> String,
}

/// All of it; the first that differs is told.
static TRAITS: [Trait; 11] = [
    Trait {
        what: "the scenario",
        of: |it| it.scenario.name.clone(),
        remedy: |_| "only runs of one scenario make one run: leave the others out".to_owned(),
    },
    Trait {
        what: "the scenario's text",
        of: |it| format!("of hash {}", it.scenario.hash),
        remedy: |it| {
            let text = it.path.join("scenario.toml");
            format!("execute the second anew by the first's, which is {}", text.display())
        },
    },
    Trait {
        what: "the seed",
        of: |it| it.plan.seed.to_string(),
        remedy: |it| format!("execute the second anew with `--seed {}`", it.manifest.plan.seed),
    },
    Trait {
        what: "what was replaced in it",
        of: |it| or_nothing(&it.scenario.overrides),
        remedy: |it| match or_nothing(&it.manifest.scenario.overrides).as_str() {
            "nothing" => "execute the second anew without".to_owned(),
            sets => format!("execute the second anew with {sets}"),
        },
    },
    Trait {
        what: "the order",
        of: |it| it.plan.order.clone(),
        remedy: |it| format!("execute the second anew with `--set plan.order={}`", it.manifest.plan.order),
    },
    Trait {
        what: "the number of repetitions",
        of: |it| it.plan.repetitions.to_string(),
        // Where the same is replaced in both, blocks were added to one of them.
        remedy: |_| "`runner run SCENARIO --append RUN` adds what the one has fewer".to_owned(),
    },
    Trait { what: "the design", of: design, remedy: |_| ALIKE.to_owned() },
    Trait {
        what: "the runner's version",
        of: |it| it.environment.runner_version.clone(),
        remedy: |it| {
            let version = &it.manifest.environment.runner_version;
            format!("execute the second anew with runner {version}, or both with the newer one")
        },
    },
    Trait {
        what: "the backend",
        of: backends,
        remedy: |it| match &it.manifest.probe {
            probe if probe.factor.is_some() => ALIKE.to_owned(),
            probe => format!(
                "execute the second anew with `--probe {}`, or both with one that both machines have (`runner doctor`); \
                 `--probe user` is had everywhere",
                probe.backend
            ),
        },
    },
    Trait {
        what: "the list of targets",
        of: |it| it.scenario.syscalls.join(", "),
        remedy: |_| ALIKE.to_owned(),
    },
    Trait {
        what: "the part",
        of: |it| part_words(it.plan.shard),
        remedy: |_| {
            "merge the shards of one division, which have the same N and `--shard-by`, or whole runs"
                .to_owned()
        },
    },
];

/// What remains to be said where a scenario means different things to two machines.
const ALIKE: &str = "execute both with the same options, on machines to which the scenario means the same";

fn or_nothing(overrides: &[String]) -> String {
    if overrides.is_empty() {
        return "nothing".to_owned();
    }
    format!("`{}`", sets(overrides).join(" "))
}

/// What replaces the same on a command line.
fn sets(overrides: &[String]) -> Vec<String> {
    overrides.iter().map(|set| format!("--set {}", quoted(set))).collect()
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
    let (word, are, it) =
        if missing.len() == 1 { ("part", "is", "it") } else { ("parts", "are", "the first of them") };
    // As the parts that are there, which it would not fit else.
    let Manifest { scenario: ScenarioInfo { overrides, .. }, probe, .. } = &parts[0].manifest;
    let mut words = sets(overrides);
    words.extend(probe.factor.is_none().then(|| format!("--probe {}", probe.backend)));
    words.push(format!("--shard {first} --shard-by {by}"));
    let words = words.join(" ");
    Err(Failure::Usage(format!(
        "{word} {} {are} missing; `runner run SCENARIO {words}` executes {it}",
        missing.join(", "),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::manifest;
    use store::{Merged, MergedPart};

    fn part(id: String) -> Part {
        Part { path: "run".into(), manifest: Manifest { id, ..manifest() }, boots: Vec::new() }
    }

    #[test]
    fn more_runs_than_a_reader_takes_are_refused_before_anything_is_written() {
        let many = (0..=MOST_PARTS).map(|number| part(number.to_string())).collect();
        let refused = in_order(many).unwrap_err().to_string();
        assert_eq!(refused, "4097 runs cannot be merged: a run is made of at most 4096");
    }

    #[test]
    fn what_was_merged_names_all_that_is_to_be_merged_instead() {
        let original = |number: u32| MergedPart {
            run: format!("original-{number}"),
            label: None,
            seal: None,
            shard: None,
            level: None,
            machine: "a".to_owned(),
            boots: Vec::new(),
            trials: 1,
            started_at: chrono::Utc::now(),
            ended_at: None,
            command: Vec::new(),
            probe: manifest().probe,
            environment: store::Environment::default(),
            extensions: Vec::new(),
            settings: Vec::new(),
        };
        let mut merged = part("merged".to_owned());
        merged.manifest.merged = Some(Merged { factor: None, parts: (1..=2).map(original).collect() });
        let told = |parts| in_order(parts).unwrap_err().to_string();
        let refused = told(vec![part("original-2".to_owned()), merged]);
        assert!(refused.ends_with("in one command: `runner merge original-2 original-1`"), "{refused}");
        let mut large = part("large".to_owned());
        large.manifest.merged = Some(Merged { factor: None, parts: (1..=20).map(original).collect() });
        let refused = told(vec![large, part("another".to_owned())]);
        assert!(refused.ends_with("original-12` and 9 more, which `runner report` names"), "{refused}");
    }
}
