//! Which runs were executed on the same machine, and what each machine is called. Pure.
//!
//! A boot is of one machine. Beyond that a machine is known by its host name and by what is in it; but a name may be many
//! machines', as `localhost` is, and where it was taken out of a run it is nobody's. So two boots under one name are taken
//! for one machine only where they were not both up at the same time.

use super::Part;
use store::Environment;

/// Most characters of a host's name that become the name of a machine.
const NAME: usize = 64;
/// What a machine without a host name is called, with its number.
const NAMELESS: &str = "machine";

/// The name of each part's machine: parts with the same one are of the same machine.
pub(super) fn names(parts: &[Part]) -> Vec<String> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for part in 0..parts.len() {
        match groups.iter_mut().find(|group| is_of(parts, group, part)) {
            Some(group) => group.push(part),
            None => groups.push(vec![part]),
        }
    }
    let bases: Vec<&str> = groups.iter().map(|group| host(&parts[group[0]]).unwrap_or(NAMELESS)).collect();
    let mut names = vec![String::new(); parts.len()];
    for (place, group) in groups.iter().enumerate() {
        let base = bases[place];
        let is_alone = bases.iter().filter(|other| **other == base).count() == 1;
        let number = bases[..=place].iter().filter(|other| **other == base).count();
        let name = if is_alone && base != NAMELESS { base.to_owned() } else { format!("{base}-{number}") };
        for part in group {
            names[*part].clone_from(&name);
        }
    }
    names
}

/// Whether a part is of the machine of those in a group.
fn is_of(parts: &[Part], group: &[usize], part: usize) -> bool {
    let part = &parts[part];
    let shares = |other: &Part| part.boots.iter().any(|boot| !boot.is_empty() && other.boots.contains(boot));
    let members = || group.iter().map(|member| &parts[*member]);
    members().any(shares) || is_alike(&parts[group[0]], part) && !members().any(|it| were_both_up(it, part))
}

/// Whether two parts could be of one machine by what it is called and made of.
fn is_alike(one: &Part, other: &Part) -> bool {
    let (mine, theirs): (&Environment, &Environment) =
        (&one.manifest.environment, &other.manifest.environment);
    host(one).is_some()
        && host(one) == host(other)
        && (&mine.cpu_model, mine.cpus, &mine.architecture) == (&theirs.cpu_model, theirs.cpus, &theirs.architecture)
        // A kernel reserves a little more or less from boot to boot.
        && mine.memory_bytes.abs_diff(theirs.memory_bytes) <= mine.memory_bytes / 50
}

/// Whether two parts, of different boots, were executed at the same time.
fn were_both_up(one: &Part, other: &Part) -> bool {
    let span =
        |part: &Part| (part.manifest.started_at, part.manifest.ended_at.unwrap_or(part.manifest.started_at));
    let (mine, theirs) = (span(one), span(other));
    mine.0 < theirs.1 && theirs.0 < mine.1
}

/// The host's name; none where it is none, or was taken out.
fn host(part: &Part) -> Option<&str> {
    let host = part.manifest.environment.host.as_str();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (!host.is_empty() && host.len() <= NAME && host.chars().all(is_name)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::manifest;
    use chrono::{DateTime, TimeDelta};
    use store::Manifest;

    /// A part on this host in these boots, begun at this hour, an hour long.
    fn part(host: &str, boots: &[&str], hour: i64) -> Part {
        let started_at = DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::hours(hour);
        let environment = Environment { host: host.to_owned(), cpus: 2, ..Environment::default() };
        let ended_at = Some(started_at + TimeDelta::hours(1));
        let manifest = Manifest { started_at, ended_at, environment, ..manifest() };
        Part { path: "run".into(), manifest, boots: boots.iter().map(ToString::to_string).collect() }
    }

    fn named(parts: &[Part]) -> String {
        names(parts).join(" ")
    }

    #[test]
    fn a_machine_is_known_by_its_boot_then_by_its_name() {
        assert_eq!(named(&[part("a", &["1"], 0), part("b", &["2"], 0)]), "a b");
        assert_eq!(named(&[part("a", &["1"], 0), part("a", &["1"], 0)]), "a a");
        assert_eq!(named(&[part("a", &["1"], 0), part("a", &["2"], 5)]), "a a", "it was restarted");
        assert_eq!(named(&[part("a", &["1", "2"], 0), part("renamed", &["2"], 5)]), "a a");
    }

    #[test]
    fn machines_of_one_name_are_told_apart() {
        let both = [part("localhost", &["1"], 0), part("localhost", &["2"], 0)];
        assert_eq!(named(&both), "localhost-1 localhost-2", "both were up");
        let mut other = part("localhost", &["2"], 5);
        other.manifest.environment.cpus = 4;
        assert_eq!(named(&[part("localhost", &["1"], 0), other]), "localhost-1 localhost-2");
    }

    #[test]
    fn machines_without_a_name_are_told_apart_by_boot() {
        let three =
            [part("(removed)", &["1"], 0), part("(removed)", &["2"], 5), part("(removed)", &["1"], 9)];
        assert_eq!(named(&three), "machine-1 machine-2 machine-1");
        assert_eq!(named(&[part("", &["1"], 0), part("a", &["2"], 0)]), "machine-1 a");
        assert_eq!(named(&[part("a\u{1b}[2J", &["1"], 0)]), "machine-1");
    }
}
