//! The manifest of a merged run: what its parts have in common, and what the reader should know of the rest. Pure.

use super::Part;
use super::machines::is_alike;
use std::collections::BTreeMap;
use store::{
    DIFFERS, Environment, Factor, Manifest, Merged, MergedPart, PlanInfo, ProbeInfo, ScenarioInfo, State,
};

/// What the parts make together, without a name. What differs between their machines is said to differ, or is not told.
pub(super) fn common(parts: &[Part], merged: &Merged, by_name: &[String]) -> Manifest {
    let manifests: Vec<&Manifest> = parts.iter().map(|part| &part.manifest).collect();
    let first = manifests[0];
    let settings = first.machine.iter();
    let settings = settings.filter(|it| manifests.iter().all(|other| other.machine.contains(it)));
    let trials = manifests.iter().map(|it| it.plan.trials).sum();
    Manifest {
        format_version: store::PARTS_FORMAT_VERSION,
        id: String::new(),
        state: State::Running,
        started_at: manifests.iter().map(|it| it.started_at).min().unwrap_or(first.started_at),
        ended_at: None,
        label: None,
        command: std::env::args().collect(),
        scenario: first.scenario.clone(),
        plan: PlanInfo { trials, shard: None, ..first.plan.clone() },
        probe: probe(&manifests),
        environment: environment(&manifests),
        machine: settings.cloned().collect(),
        against: None,
        trace: None,
        // They are the parts', each with its own.
        extensions: Vec::new(),
        merged: None,
        warnings: warnings(&manifests, merged, by_name),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// What each part found out about its probe stays with the part: it is that machine's, at that hour.
fn probe(manifests: &[&Manifest]) -> ProbeInfo {
    let mut probe = ProbeInfo { calibrations: Vec::new(), reasons: Vec::new(), ..manifests[0].probe.clone() };
    for reason in manifests.iter().flat_map(|it| &it.probe.reasons) {
        if !probe.reasons.contains(reason) {
            probe.reasons.push(reason.clone());
        }
    }
    probe
}

/// What all machines have in common; the fewest CPUs and the least memory.
fn environment(manifests: &[&Manifest]) -> Environment {
    let all: Vec<&Environment> = manifests.iter().map(|it| &it.environment).collect();
    let first = all[0];
    let text = |of: fn(&Environment) -> &String| {
        let is_common = all.iter().all(|it| of(it) == of(first));
        if is_common { of(first).clone() } else { DIFFERS.to_owned() }
    };
    let fact = |of: fn(&Environment) -> &Option<String>| {
        let is_common = all.iter().all(|it| of(it) == of(first));
        if is_common { of(first).clone() } else { Some(DIFFERS.to_owned()) }
    };
    let mitigation = |name: &String| {
        let state = |it: &Environment| it.mitigations.get(name).cloned();
        let is_common = all.iter().all(|it| state(it) == state(first));
        (name.clone(), if is_common { state(first).unwrap_or_default() } else { DIFFERS.to_owned() })
    };
    Environment {
        kernel_release: text(|it| &it.kernel_release),
        kernel_version: text(|it| &it.kernel_version),
        architecture: text(|it| &it.architecture),
        host: text(|it| &it.host),
        machine_id: first
            .machine_id
            .clone()
            .filter(|id| all.iter().all(|it| it.machine_id.as_ref() == Some(id))),
        distribution: fact(|it| &it.distribution),
        kernel_command_line: fact(|it| &it.kernel_command_line),
        cpu_model: fact(|it| &it.cpu_model),
        cpus: all.iter().map(|it| it.cpus).min().unwrap_or(first.cpus),
        memory_bytes: all.iter().map(|it| it.memory_bytes).min().unwrap_or(first.memory_bytes),
        governor: fact(|it| &it.governor),
        turbo: fact(|it| &it.turbo),
        smt: fact(|it| &it.smt),
        transparent_huge_pages: fact(|it| &it.transparent_huge_pages),
        clocksource: fact(|it| &it.clocksource),
        hypervisor: fact(|it| &it.hypervisor),
        mitigations: all.iter().flat_map(|it| it.mitigations.keys()).map(mitigation).collect(),
        aslr: fact(|it| &it.aslr),
        swap_bytes: all.iter().map(|it| it.swap_bytes).min().unwrap_or(first.swap_bytes),
        stress_ng_version: fact(|it| &it.stress_ng_version),
        runner_version: text(|it| &it.runner_version),
        lockdown: fact(|it| &it.lockdown),
        root: all.iter().all(|it| it.root),
    }
}

/// What was true of all parts once, what of some with which they are; first of all what the merging itself does to figures.
fn warnings(manifests: &[&Manifest], merged: &Merged, by_name: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    if merged.confounds() {
        warnings.push(format!(
            "cells were executed on different machines ({}): what differs between two cells may be the machines' doing, \
             so no cell is set against another; `--shard-by block` gives each machine every cell",
            merged.machines().join(", ")
        ));
    }
    if !by_name.is_empty() {
        warnings.push(format!(
            "only the host's name says that runs of different boots are of one machine ({}): if they are not, its figures are \
             of several",
            by_name.join(", ")
        ));
    }
    warnings.extend(unlike(merged));
    warnings.extend(other_loads(manifests, merged));
    let mut told: Vec<(&String, Vec<usize>)> = Vec::new();
    for (place, manifest) in manifests.iter().enumerate() {
        for warning in &manifest.warnings {
            match told.iter_mut().find(|(known, _)| *known == warning) {
                Some((_, places)) => places.push(place),
                None => told.push((warning, vec![place])),
            }
        }
    }
    let words = |(warning, places): (&String, Vec<usize>)| {
        if places.len() == manifests.len() {
            warning.clone()
        } else {
            format!("{}: {warning}", whose(merged, &places))
        }
    };
    warnings.extend(told.into_iter().map(words));
    warnings
}

/// `part 2/4`, `parts 1/4, 3/4`, or the levels of the factor.
fn whose(merged: &Merged, places: &[usize]) -> String {
    let parts = || places.iter().map(|place| &merged.parts[*place]);
    let levels: Vec<&str> = parts().filter_map(|part| part.level.as_deref()).collect();
    if !levels.is_empty() {
        return levels.join(", ");
    }
    let shards: Vec<String> = parts().filter_map(|part| part.shard).map(|shard| shard.to_string()).collect();
    format!("part{} {}", if shards.len() == 1 { "" } else { "s" }, shards.join(", "))
}

/// Where trials of one cell are from machines that are not made of the same.
fn unlike(merged: &Merged) -> Option<String> {
    if merged.factor.is_some() || merged.confounds() {
        return None;
    }
    let made_of = |part: &MergedPart| {
        let environment = &part.environment;
        let model = environment.cpu_model.as_deref().unwrap_or("unknown processor");
        format!("{} × {model}, {} MiB", environment.cpus, environment.memory_bytes >> 20)
    };
    let first = merged.parts.first()?;
    let other = merged.parts.iter().find(|part| !is_alike(&part.environment, &first.environment))?;
    Some(format!(
        "the machines are not alike ({}: {}; {}: {}), and cells have trials of several",
        first.machine,
        made_of(first),
        other.machine,
        made_of(other)
    ))
}

/// Where a level of load means other options on another machine, as shares of its CPUs do.
fn other_loads(manifests: &[&Manifest], merged: &Merged) -> Option<String> {
    let words = |manifest: &Manifest| {
        let levels = manifest.scenario.factors.iter().flat_map(|factor: &Factor| &factor.levels);
        levels.map(|level| (level.label.clone(), level.load_words())).collect::<Vec<_>>()
    };
    let first = words(manifests[0]);
    // All have the same levels in the same order.
    let (other, (level, theirs), mine) = manifests.iter().enumerate().find_map(|(place, manifest)| {
        let mut levels = words(manifest).into_iter().zip(&first);
        let (theirs, (_, mine)) = levels.find(|(theirs, mine)| theirs != *mine)?;
        Some((place, theirs, mine))
    })?;
    let (a, b) = (whose(merged, &[0]), whose(merged, &[other]));
    Some(format!("load {level} is not the same everywhere: `{mine}` ({a}), `{theirs}` ({b})"))
}

/// What a merged run's manifest says of all its parts: without them, and without the factor that tells them apart.
pub(super) fn without_parts(merged: &Manifest) -> Manifest {
    let made = merged.merged.as_ref().and_then(|it| it.factor.as_deref());
    let factors = merged.scenario.factors.iter().filter(|factor| Some(factor.name.as_str()) != made);
    Manifest {
        merged: None,
        scenario: ScenarioInfo { factors: factors.cloned().collect(), ..merged.scenario.clone() },
        ..merged.clone()
    }
}

/// The manifest of a part, as far as its plan follows from it and from what all parts have in common.
pub(super) fn as_it_was(common: &Manifest, part: &MergedPart) -> Manifest {
    Manifest {
        environment: part.environment.clone(),
        extensions: part.extensions.clone(),
        plan: PlanInfo { shard: part.shard, trials: part.trials, ..common.plan.clone() },
        ..common.clone()
    }
}
