//! Which runs were executed on the same machine, and what each machine is called. Pure.
//!
//! A boot is of one machine, and a machine has one boot at a time. Beyond that a machine is known by its id together with its
//! host name: either alone may be many machines', an id that of all that were made of one image, a name as `localhost`. Of runs
//! without an id the name has to do, with what is in the machine; then that is said. Where the name was taken out of a run, boots
//! alone tell.

use super::{Boot, Part};
use crate::environment::is_same_memory;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use store::Environment;

/// Most characters of a host's name that become the name of a machine.
const NAME: usize = 64;
/// What a machine without a host name is called, with its number.
const NAMELESS: &str = "machine";
/// Least characters of an id that are shown.
const ID_SHOWN: usize = 4;

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

/// What each machine is called: by its host, and where several have that name, with the beginning of its id, which is the same in
/// every merge; where that does not tell them apart, or there is no name, with a number.
fn called(parts: &[Part], groups: &[(Vec<usize>, bool)]) -> Vec<String> {
    let first = |group: usize| &parts[groups[group].0[0]];
    let bases: Vec<Option<&str>> = (0..groups.len()).map(|group| host(first(group))).collect();
    let mut names: Vec<String> = Vec::new();
    for (group, base) in bases.iter().enumerate() {
        let rivals: Vec<usize> = (0..groups.len()).filter(|it| *it != group && bases[*it] == *base).collect();
        let name = match base {
            Some(base) if rivals.is_empty() => (*base).to_owned(),
            _ => {
                let ids = rivals.iter().map(|rival| id(first(*rival)));
                let stem = base.unwrap_or(NAMELESS);
                let suffix =
                    base.and_then(|_| beginning(id(first(group))?, &ids.collect::<Option<Vec<_>>>()?));
                // What is another's name already, or will be, is none for this one.
                let is_free = |name: &String| !names.contains(name) && !bases.contains(&Some(name));
                let by_id = suffix.map(|suffix| format!("{stem}-{suffix}")).filter(is_free);
                let mut numbered = (1..).map(|number| format!("{stem}-{number}")).filter(is_free);
                by_id.or_else(|| numbered.next()).unwrap_or_default()
            }
        };
        names.push(name);
    }
    names
}

/// As much of an id as tells it from the others; none where one is the same.
fn beginning<'a>(id: &'a str, others: &[&str]) -> Option<&'a str> {
    (ID_SHOWN..=id.len()).map(|length| &id[..length]).find(|it| !others.iter().any(|id| id.starts_with(it)))
}

/// The machine's id, where it tells one.
fn id(part: &Part) -> Option<&str> {
    let id = part.manifest.environment.machine_id.as_deref()?;
    (id.len() >= ID_SHOWN && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
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
    match (id(mine), id(theirs)) {
        (Some(mine), Some(theirs)) => (mine == theirs).then_some(Likeness::Id),
        _ => is_alike(&mine.manifest.environment, &theirs.manifest.environment).then_some(Likeness::Name),
    }
}

/// Whether two machines are made of the same.
pub(super) fn is_alike(mine: &Environment, theirs: &Environment) -> bool {
    (&mine.cpu_model, mine.cpus, &mine.architecture) == (&theirs.cpu_model, theirs.cpus, &theirs.architecture)
        && is_same_memory(mine, theirs)
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
        let loops = [with_id("localhost", "1", (0, "ab120f")), with_id("localhost", "2", (5, "ab1240"))];
        assert_eq!(named(&loops), "localhost-ab120 localhost-ab124");
        let again = [with_id("a", "1", (0, "ab12")), with_id("a", "2", (5, "ab12"))];
        assert_eq!((named(&again), Machines::of(&again).by_name.len()), ("a a".to_owned(), 0));
        // Made of one image: they have one id, and two names, or were up at the same time.
        assert_eq!(named(&[with_id("a", "1", (0, "ab12")), with_id("b", "2", (5, "ab12"))]), "a b");
        assert_eq!(named(&[with_id("a", "1", (0, "ab12")), with_id("a", "2", (0, "ab12"))]), "a-1 a-2");
    }

    #[test]
    fn a_machine_that_tells_its_id_has_the_same_name_in_every_merge() {
        let [one, other] =
            [("1", "ab12"), ("2", "cd34")].map(|(boot, id)| move || with_id("a", boot, (0, id)));
        assert_eq!(named(&[one(), other()]), "a-ab12 a-cd34");
        assert_eq!(named(&[other(), one()]), "a-cd34 a-ab12");
        assert_eq!(named(&[other(), part("a", &["3"], 0), one()]), "a-1 a-2 a-3", "one tells no id");
    }

    #[test]
    fn no_two_machines_get_one_name() {
        let taken = [part("a", &["1"], 0), part("a", &["2"], 0), part("a-1", &["3"], 0)];
        assert_eq!(named(&taken), "a-2 a-3 a-1");
        let taken =
            [with_id("a", "1", (0, "ab12")), with_id("a", "2", (5, "cd34")), part("a-ab12", &["3"], 0)];
        assert_eq!(named(&taken), "a-1 a-cd34 a-ab12");
        assert_eq!(named(&[part("", &["1"], 0), part("machine-1", &["2"], 0)]), "machine-2 machine-1");
        assert_eq!(named(&[part("", &["1"], 0), part("machine", &["2"], 0)]), "machine-1 machine");
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
