//! The files that settings are: where they are on this machine, what they may be set to, and what they are.

use super::journal::Change;
use crate::scenario::MachineRequest;
use rustix::fs::Access;
use std::fs;
use std::path::Path;
use store::MachineSetting;

const CPUS: &str = "sys/devices/system/cpu";
const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
const BOOST: &str = "sys/devices/system/cpu/cpufreq/boost";
const THP: &str = "sys/kernel/mm/transparent_hugepage/enabled";
const ASLR: &str = "proc/sys/kernel/randomize_va_space";
const SWAPPINESS: &str = "proc/sys/vm/swappiness";

/// A setting with every file that it is in, and what these are to be.
#[derive(Debug)]
pub(super) struct Knob {
    changes: Vec<Change>,
}

impl Knob {
    /// Each setting that is asked for, with its files, or why it cannot be had.
    pub(super) fn of(root: &Path, asked: &MachineRequest) -> Vec<(MachineSetting, Result<Self, String>)> {
        let mut all = Vec::new();
        let mut add = |name: &str, asked: &str, knob: Result<Self, String>| {
            let (name, asked) = (name.to_owned(), asked.to_owned());
            all.push((MachineSetting { name, asked, before: None, cannot: None }, knob));
        };
        if let Some(governor) = &asked.governor {
            add("governor", governor, governor_of(root, governor));
        }
        if let Some(on) = asked.turbo {
            add("turbo", if on { "on" } else { "off" }, turbo(root, on));
        }
        if let Some(mode) = asked.thp {
            add("thp", mode, Self::at(root, &[THP.to_owned()], mode));
        }
        if let Some(on) = asked.aslr {
            let value = if on { "2" } else { "0" };
            add("aslr", if on { "on" } else { "off" }, Self::at(root, &[ASLR.to_owned()], value));
        }
        if let Some(swappiness) = asked.swappiness {
            let value = swappiness.to_string();
            add("swappiness", &value, Self::at(root, &[SWAPPINESS.to_owned()], &value));
        }
        all
    }

    /// Files that are all to be set to one value.
    fn at(root: &Path, paths: &[String], value: &str) -> Result<Self, String> {
        let change = |path: &String| {
            let before = read(root, path).ok_or_else(|| format!("this machine has no /{path}"))?;
            if before != value
                && let Some(reason) = unwritable(root, path)
            {
                return Err(reason);
            }
            Ok(Change { path: path.clone(), before, set: value.to_owned() })
        };
        paths.iter().map(change).collect::<Result<_, _>>().map(|changes| Self { changes })
    }

    /// Whether anything is not yet as it is to be.
    pub(super) fn would_change(&self) -> bool {
        self.changes().next().is_some()
    }

    /// What is to be changed.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.changes.iter().filter(|change| change.before != change.set).cloned()
    }

    /// What it was; each value once.
    pub(super) fn before(&self) -> String {
        let mut values: Vec<&str> = self.changes.iter().map(|change| change.before.as_str()).collect();
        values.sort_unstable();
        values.dedup();
        values.join(", ")
    }

    /// Sets every file; where one cannot be, all are as they were, and the error says why.
    pub(super) fn turn(&self, root: &Path) -> Result<(), String> {
        for change in self.changes() {
            let written = fs::write(root.join(&change.path), &change.set);
            if written.is_err() || read(root, &change.path).as_ref() != Some(&change.set) {
                let why = written.err().map_or("it stayed as it was".to_owned(), |error| error.to_string());
                for change in self.changes() {
                    let _ = fs::write(root.join(&change.path), &change.before);
                }
                return Err(format!("/{} does not take {}: {why}", change.path, change.set));
            }
        }
        Ok(())
    }
}

/// The governor of every CPU.
fn governor_of(root: &Path, governor: &str) -> Result<Knob, String> {
    let entries = fs::read_dir(root.join(CPUS)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_cpu = |name: &String| name.strip_prefix("cpu").is_some_and(|n| n.parse::<u32>().is_ok());
    let mut folders: Vec<String> =
        names.filter(is_cpu).map(|name| format!("{CPUS}/{name}/cpufreq")).collect();
    folders.retain(|folder| root.join(folder).join("scaling_governor").exists());
    folders.sort();
    if folders.is_empty() {
        return Err("this machine has no frequency governor".to_owned());
    }
    for folder in &folders {
        let known = fs::read_to_string(root.join(folder).join("scaling_available_governors"));
        if let Ok(known) = known
            && !known.split_whitespace().any(|name| name == governor)
        {
            return Err(format!("there is no governor {governor} here; there are {}", known.trim()));
        }
    }
    let paths: Vec<String> = folders.iter().map(|folder| format!("{folder}/scaling_governor")).collect();
    Knob::at(root, &paths, governor)
}

fn turbo(root: &Path, on: bool) -> Result<Knob, String> {
    let (path, is_one) = if root.join(NO_TURBO).exists() { (NO_TURBO, !on) } else { (BOOST, on) };
    Knob::at(root, &[path.to_owned()], if is_one { "1" } else { "0" })
        .map_err(|reason| reason.replace("has no /sys/devices/system/cpu/cpufreq/boost", "tells of no turbo"))
}

/// Why a file cannot be written to, if it cannot.
pub(super) fn unwritable(root: &Path, path: &str) -> Option<String> {
    let file = root.join(path);
    if !file.exists() {
        return Some(format!("this machine has no /{path}"));
    }
    let refused = rustix::fs::access(&file, Access::WRITE_OK).err()?;
    let remedy = if rustix::process::geteuid().is_root() { "" } else { "; only root may change it" };
    Some(format!("/{path} cannot be written to: {refused}{remedy}"))
}

/// The value in a file; of several, the one in brackets.
pub(super) fn read(root: &Path, path: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(path)).ok()?;
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(chosen, _)| chosen);
    Some(chosen.unwrap_or(&text).trim().to_owned())
}
