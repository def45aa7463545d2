//! What the merged run is: pooled of shards, or with a factor that tells its parts apart. Pure.

use super::machines::Machines;
use super::{Part, manifest};
use crate::failure::Failure;
use crate::scenario::MAX_TRIALS;
use std::collections::BTreeSet;
use store::{Factor, KERNEL, Level, MACHINE, Manifest, Merged, MergedPart};

/// A run that is to be written.
pub(super) struct Design {
    /// Without name and label.
    pub(super) manifest: Manifest,
    pub(super) merged: Merged,
    /// Cells of each part.
    pub(super) cells: u32,
}

impl Design {
    /// What these parts make; refuses whole runs that nothing tells apart, and parts of one plan under several kernels.
    pub(super) fn of(parts: &[Part]) -> Result<Self, Failure> {
        let found = Machines::of(parts);
        let machines = found.names;
        let kernels = kernels(parts);
        let are_shards = parts[0].manifest.plan.shard.is_some();
        let (factor, levels) = if are_shards {
            refuse_kernels(parts, &kernels)?;
            (None, vec![None; parts.len()])
        } else {
            let (factor, levels) = told_apart(parts, &machines, &kernels)?;
            (Some(factor), levels.iter().cloned().map(Some).collect())
        };
        let made = parts.iter().zip(&machines).zip(levels);
        let made = made.map(|((part, machine), level)| merged_part(part, machine, level));
        let merged = Merged { factor: factor.map(str::to_owned), parts: made.collect() };
        let cells = parts[0].manifest.plan.cells;
        let mut manifest = manifest::common(parts, &merged, &found.by_name);
        if let Some(factor) = factor {
            add_factor(&mut manifest, factor, &merged)?;
        }
        Ok(Self { manifest, merged, cells })
    }
}

fn merged_part(part: &Part, machine: &str, level: Option<String>) -> MergedPart {
    let manifest = &part.manifest;
    MergedPart {
        run: manifest.id.clone(),
        label: manifest.label.clone(),
        seal: manifest.seal.clone(),
        shard: manifest.plan.shard,
        level,
        machine: machine.to_owned(),
        boots: part.boots.iter().map(|boot| boot.id.clone()).collect(),
        trials: manifest.plan.trials,
        started_at: manifest.started_at,
        ended_at: manifest.ended_at,
        command: manifest.command.clone(),
        probe: manifest.probe.clone(),
        environment: manifest.environment.clone(),
        extensions: manifest.extensions.clone(),
        settings: manifest.machine.clone(),
    }
}

/// The kernel of each part: its release, and where one release was built several times, the build as well.
fn kernels(parts: &[Part]) -> Vec<String> {
    let environments = || parts.iter().map(|part| &part.manifest.environment);
    let name = |it: &store::Environment| {
        let builds: BTreeSet<&str> = environments()
            .filter(|other| other.kernel_release == it.kernel_release)
            .map(|other| other.kernel_version.as_str())
            .collect();
        let build = if builds.len() > 1 { format!(" {}", it.kernel_version) } else { String::new() };
        let name = format!("{}{build}", it.kernel_release);
        name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    };
    environments().map(name).collect()
}

/// A figure of a cell is of one kernel.
fn refuse_kernels(parts: &[Part], kernels: &[String]) -> Result<(), Failure> {
    let Some(other) = kernels.iter().position(|kernel| *kernel != kernels[0]) else { return Ok(()) };
    let (a, b) = (&parts[0].manifest.id, &parts[other].manifest.id);
    Err(Failure::Usage(format!(
        "{a} and {b} cannot be merged: they are parts of one plan under two kernels, {} and {}, and its figures would be \
         of both; execute the whole plan under each kernel, and merge these runs",
        kernels[0], kernels[other]
    )))
}

/// The factor by which whole runs are told apart, and the level of each: the machine, or the kernel where they are of one
/// machine.
fn told_apart<'a>(
    parts: &[Part],
    machines: &'a [String],
    kernels: &'a [String],
) -> Result<(&'static str, &'a [String]), Failure> {
    let twice = |names: &[String]| {
        (1..names.len()).find_map(|b| Some((names[..b].iter().position(|it| *it == names[b])?, b)))
    };
    let Some((a, b)) = twice(machines) else { return Ok((MACHINE, machines)) };
    let is_one_machine = machines.iter().all(|machine| *machine == machines[0]);
    let kernel = twice(kernels);
    if is_one_machine && kernel.is_none() {
        return Ok((KERNEL, kernels));
    }
    let (a, b) = kernel.filter(|_| is_one_machine).unwrap_or((a, b));
    let (first, second) = (&parts[a].manifest.id, &parts[b].manifest.id);
    let what = if is_one_machine {
        format!("under kernel {}", kernels[a])
    } else {
        "and there are other machines' besides".to_owned()
    };
    Err(Failure::Usage(format!(
        "{first} and {second} cannot be merged: both are whole runs on machine {}, {what}, and in the same order (seed {}): what \
         that does to a cell would be in both alike, and look as if it were no chance. `runner run SCENARIO --append \
         {first}` adds blocks in an order of their own, in this boot or another; of these two leave one out, or compare them: \
         `runner diff {first} {second}`",
        machines[a], parts[a].manifest.plan.seed
    )))
}

/// Adds a factor whose levels are the parts', in their order, before all others.
fn add_factor(manifest: &mut Manifest, factor: &str, merged: &Merged) -> Result<(), Failure> {
    let refused = |reason: String| Err(Failure::Usage(format!("the runs cannot be merged: {reason}")));
    if manifest.scenario.factors.iter().any(|it| it.name == factor) {
        return refused(format!(
            "their scenario has a factor `{factor}` of its own, and it is what would tell them apart; rename that one"
        ));
    }
    let trials: u64 = merged.parts.iter().map(|part| u64::from(part.trials)).sum();
    let parts = merged.parts.len();
    let Some(trials) = u32::try_from(trials).ok().filter(|trials| *trials as usize <= MAX_TRIALS) else {
        return refused(format!(
            "together they have {trials} trials, and a run has at most {MAX_TRIALS}; merge fewer"
        ));
    };
    let labels = merged.parts.iter().filter_map(|part| part.level.clone());
    let level = |label| Level { label, value: None, arguments: Vec::new(), command: Vec::new() };
    let levels = labels.map(level).collect();
    manifest.scenario.factors.insert(0, Factor { name: factor.to_owned(), levels });
    let plan = &mut manifest.plan;
    let parts = u32::try_from(parts).unwrap_or(u32::MAX);
    let cell = |part: u32, cell: &Vec<u32>| [vec![part], cell.clone()].concat();
    let cells = std::mem::take(&mut plan.design.cells);
    plan.design.cells = (0..parts).flat_map(|part| cells.iter().map(move |it| cell(part, it))).collect();
    plan.cells = plan.cells.saturating_mul(parts);
    plan.trials = trials;
    Ok(())
}
