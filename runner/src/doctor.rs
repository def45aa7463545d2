//! What a machine can measure, and how to mend what it cannot.
//!
//! Owns the judgement: from what was [`Seen`] to one [`Finding`] for each check. Pure, but for [`Seen::here`], which
//! asks those who own each fact: the probe by attaching it, `environment`, `load`, `monitor`.

mod explained;
mod machine;
mod rights;
mod seen;
mod text;

pub(crate) use seen::Seen;
pub(crate) use text::{Manner, text};

use probe::Backend;
use serde::Serialize;

/// Version of the JSON of an examination.
const VERSION: u32 = 2;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// As it should be.
    Ok,
    /// Works, with something to know.
    Note,
    /// Not there, or does not work.
    Missing,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What it belongs to: `probe`, `rights`, `kernel`, `programs`, `machine`, `runs`.
    group: &'static str,
    /// Its name.
    check: &'static str,
    /// How it came out.
    mark: Mark,
    /// What was found.
    #[serde(rename = "finding")]
    found: String,
    /// What the check means for a measurement, and why: two sentences.
    explanation: &'static str,
    /// How to mend it, where it can be.
    remedy: Option<String>,
    /// The command that does so, where there is one.
    command: Option<String>,
}

/// A machine, examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Examination {
    format: &'static str,
    version: u32,
    /// Whether the kernel's side can be measured, and a scenario executed.
    able: bool,
    /// The backends that were attached, in the order in which `auto` prefers them.
    backends: Vec<&'static str>,
    /// Whether load levels with options can be had.
    load: bool,
    checks: Vec<Finding>,
}

impl Examination {
    /// Judges what was seen.
    pub(crate) fn of(seen: &Seen) -> Self {
        let mut checks = probes(seen);
        checks.extend(rights::findings(seen));
        checks.extend(machine::kernel(seen));
        checks.extend(machine::programs(seen));
        checks.extend(machine::machine(seen));
        checks.extend(machine::runs(seen));
        let attached = seen.backends.iter().filter(|(_, attached)| attached.is_ok());
        let backends: Vec<&str> = attached.map(|(backend, _)| backend.name()).collect();
        let has_place = seen.runs.writable.is_ok() && !seen.runs.is_full();
        let able = !backends.is_empty() && seen.generator.is_ok() && has_place;
        let load = seen.environment.stress_ng_version.is_some();
        Self { format: "syscall_lab.doctor", version: VERSION, able, backends, load, checks }
    }

    /// Whether the kernel's side can be measured, and a scenario executed.
    pub(crate) fn able(&self) -> bool {
        self.able
    }

    /// The backends that were attached, in the order in which `auto` prefers them.
    pub(crate) fn backends(&self) -> &[&'static str] {
        &self.backends
    }

    /// What is missing, a line each, with its remedy where there is one.
    pub(crate) fn missing(&self) -> Vec<String> {
        let missing = self.checks.iter().filter(|finding| finding.mark == Mark::Missing);
        let words = |finding: &Finding| {
            let remedy = finding.remedy.as_ref().map_or_else(String::new, |remedy| format!(" → {remedy}"));
            let command =
                finding.command.as_ref().map_or_else(String::new, |command| format!(": `{command}`"));
            format!("{}: {}{remedy}{command}", finding.check, finding.found)
        };
        missing.map(words).collect()
    }
}

fn finding(group: &'static str, check: &'static str, mark: Mark, found: impl Into<String>) -> Finding {
    let explanation = explained::explanation(check);
    Finding { group, check, mark, found: found.into(), explanation, remedy: None, command: None }
}

impl Finding {
    /// Adds how to mend it.
    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the command that mends it.
    fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// Each backend, really attached.
fn probes(seen: &Seen) -> Vec<Finding> {
    let kernel_side = seen.backends.iter().map(|(backend, attached)| match attached {
        Ok(()) => finding("probe", backend.name(), Mark::Ok, "attached to getpid and detached again"),
        Err(reason) => {
            let found = finding("probe", backend.name(), Mark::Missing, reason);
            match where_mended(*backend, seen) {
                Some(check) => found.remedy(format!("see `{check}` below")),
                None => found,
            }
        }
    });
    let found = "needs no rights: the callers' own view, without a ledger";
    kernel_side.chain([finding("probe", Backend::User.name(), Mark::Ok, found)]).collect()
}

/// The check that names the remedy for a backend that cannot be attached.
fn where_mended(backend: Backend, seen: &Seen) -> Option<&'static str> {
    let rights = seen.capabilities;
    match backend {
        _ if seen.namespaces.is_err() => Some(rights::NAMESPACES),
        _ if !rights.suffice() => Some(rights::RIGHTS),
        Backend::Kretprobe if !seen.facilities.kprobes => Some(machine::KPROBES),
        Backend::Kretprobe if !rights.suffice_for_kprobes(seen.perf_event_paranoid) => {
            Some(rights::PERF_EVENTS)
        }
        Backend::Fentry if !seen.facilities.btf => Some(machine::BTF),
        _ if seen.environment.lockdown.as_deref() == Some("confidentiality") => Some(rights::LOCKDOWN),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
