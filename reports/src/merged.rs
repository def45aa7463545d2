//! A part of a plan, or what a run was made of, in words.

use crate::units;
use store::{KERNEL, Manifest, Merged, MergedPart};

/// Most machines that are named in a sentence.
const MOST_NAMED: usize = 12;

/// What is to be known before the figures; nothing where the run was executed as a whole.
#[must_use]
pub fn sentences(manifest: &Manifest) -> Vec<String> {
    let part = manifest.plan.shard.map(|shard| {
        format!(
            "This is part {shard} of its plan, in whole {}: figures are those of its own trials, and `runner merge` makes one \
             run of all parts.",
            shard.by.name(2)
        )
    });
    part.into_iter().chain(manifest.merged.as_ref().map(sentence)).collect()
}

fn sentence(merged: &Merged) -> String {
    let (parts, machines) = (merged.parts.len(), merged.machines());
    let Some(factor) = &merged.factor else {
        let where_from = match machines.as_slice() {
            [only] => format!("executed on {only}"),
            several => format!("executed on {} machines: {}", several.len(), named(several)),
        };
        let unit = if machines.len() > 1 && !merged.confounds() {
            " Intervals are over machines, not over repetitions: what a cell has of one machine counts once."
        } else {
            ""
        };
        return format!("This run was made of the {parts} parts of one plan, {where_from}.{unit}");
    };
    let levels: Vec<&str> = merged.parts.iter().filter_map(|part| part.level.as_deref()).collect();
    let plural = if factor == KERNEL { "kernels" } else { "machines" };
    format!("This run was made of {parts} whole runs, one of each of these {plural}: {}.", named(&levels))
}

/// `a, b, c`, or the first of many.
fn named(names: &[&str]) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let first = names[..names.len() - more].join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// A fact for each run that a merged one was made of: what it is called, and what it was.
pub(crate) fn parts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let parts = manifest.merged.iter().flat_map(|merged| &merged.parts);
    parts.map(|part| ("made of", part_words(part))).collect()
}

/// `2026-11-26T…-openat-k3xv, part 2/4, on a: 250 trials, Linux 6.12.0, 4 × model; this probe (…) adds …`
fn part_words(part: &MergedPart) -> String {
    let environment = &part.environment;
    let shard = part.shard.map_or_else(String::new, |shard| format!(", part {shard}"));
    let model = environment.cpu_model.as_deref().unwrap_or("unknown processor");
    let boots = if part.boots.len() > 1 { format!(" in {} boots", part.boots.len()) } else { String::new() };
    let costs = part.probe.calibrations.iter();
    let costs = costs.map(|it| format!("; {} adds {}", it.backend, units::duration(it.added_ns.value)));
    format!(
        "{}{shard}, on {}: {} trials{boots}, Linux {}, {} × {model}{}",
        part.run,
        part.machine,
        part.trials,
        environment.kernel_release,
        environment.cpus,
        costs.collect::<String>()
    )
}
