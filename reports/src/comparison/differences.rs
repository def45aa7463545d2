//! In what runs differ besides the figures.

use crate::view::{probe_words, smt_words, warmup_words, window_words};
use crate::{RunView, units};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{Manifest, Status};

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

/// Everything besides the figures in which two runs differ, the machine first.
pub(super) fn between(base: &RunView<'_>, candidate: &RunView<'_>) -> Vec<Difference> {
    let pairs = facts(base).into_iter().zip(facts(candidate));
    let mut differences: Vec<Difference> = pairs
        .filter(|((_, mine), (_, theirs))| mine != theirs)
        .map(|((what, mine), (_, theirs))| Difference {
            what: what.to_owned(),
            base: mine,
            candidate: theirs,
        })
        .collect();
    differences.extend(machines(base.manifest, candidate.manifest));
    differences.extend(mitigations(base.manifest, candidate.manifest));
    differences
}

/// Machines of a fleet that are called alike, and are known to be others.
fn machines(base: &Manifest, candidate: &Manifest) -> Vec<Difference> {
    let (mine, theirs) = (ids(base), ids(candidate));
    let others = mine.into_iter().filter_map(|(machine, mine)| {
        let theirs = *theirs.get(machine)?;
        let id = |id: &str| format!("id {id}");
        (mine != theirs).then(|| Difference {
            what: format!("machine {machine}"),
            base: id(mine),
            candidate: id(theirs),
        })
    });
    others.collect()
}

/// The id of each machine of which a run was made, where it tells one.
fn ids(manifest: &Manifest) -> BTreeMap<&str, &str> {
    let parts = manifest.merged.iter().flat_map(|merged| &merged.parts);
    parts.filter_map(|part| Some((part.machine.as_str(), part.environment.machine_id.as_deref()?))).collect()
}

fn mitigations(base: &Manifest, candidate: &Manifest) -> Vec<Difference> {
    let (mine, theirs) = (&base.environment.mitigations, &candidate.environment.mitigations);
    let state = |states: &BTreeMap<String, String>, name: &str| {
        states.get(name).cloned().unwrap_or_else(|| "not known".to_owned())
    };
    let names: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
    let differing = names.into_iter().filter(|name| mine.get(*name) != theirs.get(*name));
    let difference = |name: &String| Difference {
        what: format!("mitigation of {name}"),
        base: state(mine, name),
        candidate: state(theirs, name),
    };
    differing.map(difference).collect()
}

fn facts(run: &RunView<'_>) -> Vec<(&'static str, String)> {
    [of_machine(run.manifest), of_scenario(run.manifest), of_trials(run)].concat()
}

fn of_machine(manifest: &Manifest) -> Vec<(&'static str, String)> {
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
        ("lockdown", told(&environment.lockdown)),
        ("distribution", told(&environment.distribution)),
        ("governor", told(&environment.governor)),
        ("turbo", told(&environment.turbo)),
        ("SMT", environment.smt.as_deref().map_or("not known", smt_words).to_owned()),
        ("huge pages", told(&environment.transparent_huge_pages)),
        ("clock source", told(&environment.clocksource)),
        ("ASLR", told(&environment.aslr)),
        ("swap", units::bytes(environment.swap_bytes as f64)),
        ("stress-ng", told(&environment.stress_ng_version)),
        ("runner", environment.runner_version.clone()),
        ("run as root", environment.root.to_string()),
        ("machine settings", machine_settings(manifest)),
    ]
}

fn machine_settings(manifest: &Manifest) -> String {
    let setting = |it: &store::MachineSetting| {
        let cannot = if it.cannot.is_some() { " (could not be had)" } else { "" };
        format!("{} {}{cannot}", it.name, it.asked)
    };
    or_none(&manifest.machine.iter().map(setting).collect::<Vec<_>>())
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join("; ") }
}

fn of_scenario(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let scenario = &manifest.scenario;
    let share = |limit: Option<f64>| limit.map_or_else(|| "not known".to_owned(), units::percent);
    let rule = &manifest.plan.design.stop;
    vec![
        ("probe", probe_words(&manifest.probe)),
        ("scenario", scenario.name.clone()),
        ("scenario's text", format!("hash {}", scenario.hash)),
        ("replaced in it", or_none(&scenario.overrides)),
        ("targets", scenario.syscalls.join(", ")),
        ("scope", scenario.scope.clone()),
        ("generators", scenario.generators.join("; ")),
        ("load options", load_options(manifest)),
        ("warm-up", warmup_words(manifest)),
        ("window", window_words(manifest)),
        ("slow calls kept", scenario.keep_slowest.to_string()),
        ("limit of loss", share(Some(scenario.loss_limit))),
        ("limit of noise", share(scenario.noise_limit)),
        ("rule for repetitions", if rule.is_some() { "yes" } else { "no" }.to_owned()),
        ("repetitions", manifest.plan.repetitions.to_string()),
        ("order", manifest.plan.order.clone()),
        ("seed", manifest.plan.seed.to_string()),
    ]
}

fn of_trials(run: &RunView<'_>) -> Vec<(&'static str, String)> {
    let count = |is: fn(&store::TrialRecord) -> bool| run.trials.iter().filter(|it| is(it)).count();
    let disturbed = count(|it| it.noise.as_ref().is_some_and(|noise| noise.disturbed.is_some()));
    let without = count(|it| it.status != Status::Ok);
    let of_all = |count: usize| format!("{count} of {}", run.trials.len());
    // Runs of different lengths do not differ in this if there are none.
    let told = |count: usize| if count == 0 { "none".to_owned() } else { of_all(count) };
    vec![
        ("disturbed trials", told(disturbed)),
        ("trials without figures", told(without)),
        ("boots", boots(run)),
    ]
}

/// How many, and where there is one which: what differs from boot to boot does so between two runs of one each.
fn boots(run: &RunView<'_>) -> String {
    let ids: Vec<&str> = super::samples::boot_ids(run).into_iter().collect();
    match ids.as_slice() {
        [only] if !only.is_empty() => format!("1, {only}"),
        several => several.len().to_string(),
    }
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
