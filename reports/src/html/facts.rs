//! Facts about the run, in words.

use super::Kept;
use crate::calibration::origin;
use crate::merged;
use crate::summary::Summary;
use crate::units;
use crate::view::{cpus_words, memory_words, probe_words, smt_words, warmup_words, window_words};
use store::{Manifest, Role, State};

/// A label and what it says.
pub(super) type Fact = (String, String);

/// A short fact below the title.
pub(super) struct Badge {
    pub(super) text: String,
    pub(super) class: &'static str,
}

pub(super) fn badges(summary: &Summary) -> Vec<Badge> {
    let manifest = &summary.manifest;
    let progress = summary.progress;
    let plain = |text: String| Badge { text, class: "plain" };
    let state = match manifest.state {
        State::Complete => Badge { text: "complete".to_owned(), class: "good" },
        State::Running if progress.is_under_way => Badge { text: "under way".to_owned(), class: "bad" },
        State::Running => Badge { text: "cut off".to_owned(), class: "bad" },
        State::Interrupted => Badge { text: "interrupted".to_owned(), class: "bad" },
        State::Aborted => Badge { text: "stopped by an error".to_owned(), class: "bad" },
    };
    let mut badges = vec![
        state,
        Badge {
            text: summary.progress_words(),
            class: match (progress.ok == progress.planned, summary.disturbed.is_empty()) {
                (true, true) => "good",
                (true, false) => "plain",
                (false, _) => "bad",
            },
        },
        plain(format!("{} repetitions", manifest.plan.repetitions)),
        plain(probe_words(&manifest.probe)),
        plain(format!("Linux {}", manifest.environment.kernel_release)),
        plain(manifest.started_at.format("%-d %B %Y, %H:%M UTC").to_string()),
        plain(manifest.id.clone()),
    ];
    badges.extend(manifest.label.clone().map(plain));
    badges
}

pub(super) fn machine(manifest: &Manifest) -> Vec<Fact> {
    let environment = &manifest.environment;
    let told = |fact: &Option<String>| fact.clone();
    let facts = [
        (
            "probe",
            Some(format!("{} (asked for: {})", probe_words(&manifest.probe), manifest.probe.requested)),
        ),
        ("why this probe", Some(manifest.probe.reasons.join("; ")).filter(|reasons| !reasons.is_empty())),
        ("its cost was found in", Some(calibrations(manifest)).filter(|found| !found.is_empty())),
        ("host", Some(environment.host.clone())),
        ("kernel", Some(format!("{} {}", environment.kernel_release, environment.kernel_version))),
        ("distribution", told(&environment.distribution)),
        ("CPU", Some(cpu(manifest))),
        ("memory", Some(memory_words(manifest))),
        ("swap", Some(units::bytes(environment.swap_bytes as f64))),
        ("hypervisor", told(&environment.hypervisor)),
        ("frequency governor", told(&environment.governor)),
        ("turbo", told(&environment.turbo)),
        ("SMT", environment.smt.as_deref().map(|state| smt_words(state).to_owned())),
        ("huge pages", told(&environment.transparent_huge_pages)),
        ("clock source", told(&environment.clocksource)),
        ("ASLR", told(&environment.aslr)),
        ("lockdown", told(&environment.lockdown)),
        ("stress-ng", told(&environment.stress_ng_version)),
        ("runner as root", Some(if environment.root { "yes" } else { "no" }.to_owned())),
    ];
    let unknown = || "not told by the machine".to_owned();
    let said = facts.into_iter().map(|(what, fact)| (what.to_owned(), fact.unwrap_or_else(unknown)));
    let of_probe = ["why this probe", "its cost was found in"];
    said.filter(|(what, fact)| !of_probe.contains(&what.as_str()) || *fact != unknown()).collect()
}

fn calibrations(manifest: &Manifest) -> String {
    let parts = manifest.merged.iter().flat_map(|merged| &merged.parts).map(|part| &part.probe);
    let all = parts.chain([&manifest.probe]).flat_map(|probe| &probe.calibrations);
    let mut found: Vec<String> = all.map(|it| format!("{}: {}", it.backend, origin(it))).collect();
    found.sort_unstable();
    found.dedup();
    found.join("; ")
}

fn cpu(manifest: &Manifest) -> String {
    let environment = &manifest.environment;
    let model = environment.cpu_model.as_deref().unwrap_or("unknown model");
    format!("{} × {model}, {}", cpus_words(manifest), environment.architecture)
}

pub(super) fn mitigations(manifest: &Manifest) -> Vec<Fact> {
    let environment = &manifest.environment;
    let states = environment.mitigations.iter().map(|(name, state)| (name.clone(), state.clone()));
    let line =
        environment.kernel_command_line.clone().unwrap_or_else(|| "not told by the machine".to_owned());
    states.chain([("kernel command line".to_owned(), line)]).collect()
}

/// What the numbers in brackets are, after "the numbers in brackets are its".
pub(super) fn intervals(summary: &Summary) -> String {
    match &summary.manifest.plan.design.stop {
        None => "95 % interval, a bootstrap over blocks".to_owned(),
        Some(rule) => {
            let each = units::asked_percent(rule.confidence);
            format!(
                "{each} interval by order statistics, so sure that all looks of the rule together have 95 %,"
            )
        }
    }
}

/// What becomes of them where repetitions are few.
pub(super) fn few(summary: &Summary) -> &'static str {
    if summary.manifest.plan.design.stop.is_some() {
        "With fewer repetitions than so sure an interval takes there is none."
    } else {
        "With fewer than three repetitions there is no interval; with fewer than six it is the range of the repetitions, \
         which covers less than 95 %. Of several boots their number counts."
    }
}

pub(super) fn reproduction(manifest: &Manifest) -> Vec<Fact> {
    let scenario = &manifest.scenario;
    let mut facts = vec![
        ("as it was run", manifest.command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")),
        ("seed of the order", manifest.plan.seed.to_string()),
        ("order", manifest.plan.order.replace('_', " ")),
        ("plan", plan(manifest)),
        ("scenario's hash", scenario.hash.clone()),
        ("window", format!("{} after {} of warm-up", window_words(manifest), warmup_words(manifest))),
        ("scope", scenario.scope.clone()),
        ("generators", scenario.generators.join("; ")),
        ("loss limit", units::percent(scenario.loss_limit)),
        ("format of the run", manifest.format_version.to_string()),
    ];
    if scenario.keep_slowest > 0 {
        facts.push(("slow calls", format!("{} kept of each target and trial", scenario.keep_slowest)));
    }
    if !scenario.overrides.is_empty() {
        facts.insert(5, ("replaced in it", scenario.overrides.join(", ")));
    }
    facts.extend(merged::parts(manifest));
    for level in scenario.factors.iter().flat_map(|factor| &factor.levels) {
        let words = level.load_words();
        if !words.is_empty() {
            facts.push(("load", format!("{}: {words}", level.label)));
        }
    }
    facts.into_iter().map(|(what, fact)| (what.to_owned(), fact)).collect()
}

fn plan(manifest: &Manifest) -> String {
    let plan = &manifest.plan;
    let part =
        plan.shard.map_or_else(String::new, |shard| format!(" of part {shard}, whole {}", shard.by.name(2)));
    format!("{} cells, {} repetitions, {} trials{part}", plan.cells, plan.repetitions, plan.trials)
}

/// The folder in which a run is unless told otherwise.
pub(super) fn usual_folder(manifest: &Manifest) -> String {
    format!("runs/{}", manifest.id)
}

/// The commands that do the same again, hold the run against its checksums, draw its report and compare the two runs.
pub(super) fn commands(manifest: &Manifest, kept: &Kept<'_>) -> String {
    // By its id where `runner` looks for it anyway.
    let is_usual = kept.folder == usual_folder(manifest);
    let name = shell_word(if is_usual { &manifest.id } else { kept.folder });
    // Of two runs in alternation the candidate is the later one.
    let role = manifest.against.as_ref().map(|it| it.role);
    let again = if role == Some(Role::Baseline) { "latest~1" } else { "latest" };
    let words = reproducing_command(manifest, kept);
    let command = words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    format!("{command}\nrunner verify {name}\nrunner report {name}\nrunner diff {name} {again}")
}

/// The command that does the same again, from the run's own copy of the scenario; of two runs in alternation both.
fn reproducing_command(manifest: &Manifest, kept: &Kept<'_>) -> Vec<String> {
    let base = match (&manifest.against, kept.other) {
        // Without the other run nobody knows what was changed in it.
        (Some(_), None) => return manifest.command.clone(),
        (Some(against), Some(other)) if against.role == Role::Candidate => other,
        _ if manifest.trace.is_some() => return manifest.command.clone(),
        _ => (manifest, kept.folder),
    };
    let candidate = match (&manifest.against, kept.other) {
        (Some(against), Some(other)) if against.role == Role::Baseline => Some(other),
        (Some(_), Some(_)) => Some((manifest, kept.folder)),
        _ => None,
    };
    let text = |folder: &str| format!("{folder}/scenario.toml");
    let mut words = ["runner", "run"].map(str::to_owned).to_vec();
    words.push(text(base.1));
    if let Some((_, folder)) = candidate {
        words.extend(["--against".to_owned(), text(folder)]);
    }
    if manifest.probe.factor.is_none() {
        words.extend(["--probe".to_owned(), manifest.probe.backend.clone()]);
    }
    words.extend(["--seed".to_owned(), manifest.plan.seed.to_string()]);
    if let Some(shard) = manifest.plan.shard {
        words.extend(["--shard".to_owned(), shard.to_string()]);
        words.extend(["--shard-by".to_owned(), shard.by.name(1).to_owned()]);
    }
    let is_longer = !manifest.extensions.is_empty();
    if is_longer {
        words.extend(["--repetitions".to_owned(), manifest.plan.repetitions.to_string()]);
    }
    let common = &base.0.scenario.overrides;
    let is_said = |change: &&String| !is_longer || !change.starts_with("plan.repetitions=");
    let set = |option: &'static str| move |change: &String| [option.to_owned(), change.clone()];
    words.extend(common.iter().filter(is_said).flat_map(set("--set")));
    if let Some((candidate, _)) = candidate {
        let own = candidate.scenario.overrides.iter().filter(|change| !common.contains(change));
        words.extend(own.flat_map(set("--against-set")));
    }
    words
}

/// A word of a command line as a shell wants it.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+~^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(
            (shell_word("a/b.toml").as_str(), shell_word("it's").as_str()),
            ("a/b.toml", "'it'\\''s'")
        );
    }
}
