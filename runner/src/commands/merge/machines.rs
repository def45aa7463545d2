//! Which runs were executed on the same machine, and what each machine is called. Pure.
//!
//! A boot is of one machine, and a machine has one boot at a time. Beyond that a machine is known by its id together with its
//! host name: either alone may be many machines', an id that of all that were made of one image, a name as `localhost`. Of runs
//! without an id the name has to do, with what is in the machine; then that is said. Where the name was taken out of a run, boots
//! alone tell.

use super::{Boot, Part};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use store::Environment;

/// Most characters of a host's name that become the name of a machine.
const NAME: usize = 64;
/// What a machine without a host name is called, with its number.
const NAMELESS: &str = "machine";

/// The machines of parts.
#[derive(Debug)]
pub(super) struct Machines {
    /// That of each part: parts with the same name are of the same machine.
    pub(super) names: Vec<String>,
    /// Those for which nothing but the host's name speaks, and what is in them.
    pub(super) by_name: Vec<String>,
}

impl Machines {
    pub(super) fn of(parts: &[Part]) -> Self {
        let mut groups: Vec<(Vec<usize>, bool)> = Vec::new();
        // What shares a boot first: so much is certain, and what is likely must not come before it.
        for group in by_boot(parts) {
            let known = groups.iter_mut().find_map(|(known, by_name)| {
                let likeness = likeness(parts, known, &group)?;
                Some((known, by_name, likeness))
            });
            match known {
                Some((known, by_name, likeness)) => {
                    known.extend(group);
                    *by_name |= likeness == Likeness::Name;
                }
                None => groups.push((group, false)),
            }
        }
        // In the order of the first of each.
        for (group, _) in &mut groups {
            group.sort_unstable();
        }
        groups.sort_by_key(|(group, _)| group[0]);
        let called = called(parts, &groups);
        let mut names = vec![String::new(); parts.len()];
        for ((group, _), name) in groups.iter().zip(&called) {
            for part in group {
                names[*part].clone_from(name);
            }
        }
        let by_name = groups.iter().zip(called).filter(|((_, by_name), _)| *by_name);
        Self { names, by_name: by_name.map(|(_, name)| name).collect() }
    }
}

/// What each machine is called: by its host, with a number where several have that name or none.
fn called(parts: &[Part], groups: &[(Vec<usize>, bool)]) -> Vec<String> {
    let bases: Vec<&str> =
        groups.iter().map(|(group, _)| host(&parts[group[0]]).unwrap_or(NAMELESS)).collect();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let mut names = Vec::new();
    for base in &bases {
        let number = told.entry(*base).and_modify(|number| *number += 1).or_insert(1);
        let is_alone = bases.iter().filter(|other| *other == base).count() == 1;
        let has_name = is_alone && *base != NAMELESS;
        names.push(if has_name { (*base).to_owned() } else { format!("{base}-{number}") });
    }
    names
}

/// Parts that share boots, be it by way of others.
fn by_boot(parts: &[Part]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        let boots = || part.boots.iter().map(|boot| boot.id.as_str()).filter(|id| !id.is_empty());
        let mut found: Vec<usize> = boots().filter_map(|id| group_of.get(id).copied()).collect();
        found.sort_unstable();
        found.dedup();
        let home = found.first().copied().unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        // It is what shows that they are one.
        for other in found.into_iter().skip(1) {
            let moved = std::mem::take(&mut groups[other]);
            groups[home].extend(moved);
            group_of.values_mut().filter(|group| **group == other).for_each(|group| *group = home);
        }
        groups[home].push(number);
        group_of.extend(boots().map(|id| (id, home)));
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// What speaks for two boots' being of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// Id and host name.
    Id,
    /// The host name, and what is in it.
    Name,
}

/// Whether two groups could be of one machine, and by what; none where they could not.
fn likeness(parts: &[Part], one: &[usize], other: &[usize]) -> Option<Likeness> {
    let (mine, theirs) = (&parts[one[0]], &parts[other[0]]);
    if host(mine).is_none() || host(mine) != host(theirs) || were_both_up(parts, one, other) {
        return None;
    }
    let id = |part: &Part| part.manifest.environment.machine_id.clone();
    match (id(mine), id(theirs)) {
        (Some(mine), Some(theirs)) => (mine == theirs).then_some(Likeness::Id),
        _ => is_alike(&mine.manifest.environment, &theirs.manifest.environment).then_some(Likeness::Name),
    }
}

/// Whether two machines are made of the same.
fn is_alike(mine: &Environment, theirs: &Environment) -> bool {
    (&mine.cpu_model, mine.cpus, &mine.architecture) == (&theirs.cpu_model, theirs.cpus, &theirs.architecture)
        // A kernel reserves a little more or less from boot to boot.
        && mine.memory_bytes.abs_diff(theirs.memory_bytes) <= mine.memory_bytes / 50
}

/// Whether a boot of one group was up while one of the other was.
fn were_both_up(parts: &[Part], one: &[usize], other: &[usize]) -> bool {
    let (mine, theirs) = (spans(parts, one), spans(parts, other));
    mine.iter().any(|mine| theirs.iter().any(|theirs| mine.0 < theirs.1 && theirs.0 < mine.1))
}

/// From when to when something was.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// From when to when each boot of a group was up: of one in which several parts have trials, from the first to the last.
fn spans(parts: &[Part], group: &[usize]) -> Vec<Span> {
    let mut spans: BTreeMap<(&str, usize), Span> = BTreeMap::new();
    for part in group {
        for Boot { id, first, last } in &parts[*part].boots {
            // One without an id is that of its part.
            let key = (id.as_str(), if id.is_empty() { *part } else { 0 });
            let span = spans.entry(key).or_insert((*first, *last));
            *span = (span.0.min(*first), span.1.max(*last));
        }
    }
    spans.into_values().collect()
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
    use chrono::TimeDelta;
    use store::Manifest;

    /// A part on this host in these boots, the first begun at this hour, each an hour long and an hour after the one before.
    fn part(host: &str, boots: &[&str], hour: i64) -> Part {
        let begun = DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::hours(hour);
        let environment = Environment { host: host.to_owned(), cpus: 2, ..Environment::default() };
        let boots = boots.iter().zip(0..).map(|(id, number)| {
            let first = begun + TimeDelta::hours(2 * number);
            Boot { id: (*id).to_owned(), first, last: first + TimeDelta::hours(1) }
        });
        Part { path: "run".into(), manifest: Manifest { environment, ..manifest() }, boots: boots.collect() }
    }

    /// The same of a machine that tells its id.
    fn with_id(host: &str, boot: &str, (hour, id): (i64, &str)) -> Part {
        let mut part = part(host, &[boot], hour);
        part.manifest.environment.machine_id = Some(id.to_owned());
        part
    }

    fn named(parts: &[Part]) -> String {
        Machines::of(parts).names.join(" ")
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
        // One after the other, as in a loop: by their ids, for nothing else tells.
        let loops = [with_id("localhost", "1", (0, "x")), with_id("localhost", "2", (5, "y"))];
        assert_eq!(named(&loops), "localhost-1 localhost-2");
        let again = [with_id("a", "1", (0, "x")), with_id("a", "2", (5, "x"))];
        assert_eq!((named(&again), Machines::of(&again).by_name.len()), ("a a".to_owned(), 0));
        // Made of one image: they have one id, and two names, or were up at the same time.
        assert_eq!(named(&[with_id("a", "1", (0, "x")), with_id("b", "2", (5, "x"))]), "a b");
        assert_eq!(named(&[with_id("a", "1", (0, "x")), with_id("a", "2", (0, "x"))]), "a-1 a-2");
    }

    #[test]
    fn where_the_name_alone_speaks_for_one_machine_that_is_told() {
        let found = Machines::of(&[part("a", &["1"], 0), part("a", &["2"], 5), part("b", &["3"], 0)]);
        assert_eq!((found.names.join(" ").as_str(), found.by_name.join(" ").as_str()), ("a a b", "a"));
        assert_eq!(Machines::of(&[part("a", &["1"], 0), part("a", &["1"], 0)]).by_name, [""; 0]);
    }

    #[test]
    fn a_shared_boot_counts_for_more_than_what_was_named_first() {
        // Two machines of one name; the third part is of the second one's boot, and was executed after the first.
        let three =
            [part("localhost", &["x"], 0), part("localhost", &["y"], 0), part("localhost", &["y"], 5)];
        assert_eq!(named(&three), "localhost-1 localhost-2 localhost-2");
        // One machine that was started anew twice, and one of its runs gone on with behind the other.
        assert_eq!(named(&[part("a", &["1", "3"], 0), part("a", &["2"], 1)]), "a a");
        let by_way = [part("a", &["1"], 0), part("b", &["2"], 0), part("c", &["1", "2"], 3)];
        assert_eq!(named(&by_way), "a a a");
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
