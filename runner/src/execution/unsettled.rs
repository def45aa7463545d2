//! Owns what is told of load levels that were measured under before they had settled: the user at once and once for each
//! level, the run at its end, with how often. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

/// The levels that came up so far.
#[derive(Debug)]
pub(super) struct Unsettled {
    ramp: Duration,
    levels: BTreeMap<String, Level>,
}

#[derive(Debug, Default)]
struct Level {
    starts: u32,
    unsettled: u32,
    /// What was not steady when that was first seen.
    words: String,
}

impl Unsettled {
    /// For loads that are waited for so long.
    pub(super) fn within(ramp: Duration) -> Self {
        Self { ramp, levels: BTreeMap::new() }
    }

    /// A level came up, steady but for these words. Returns the warning when it is the first of its level.
    pub(super) fn note(&mut self, level: &str, words: Option<&String>) -> Option<String> {
        let noted = self.levels.entry(level.to_owned()).or_default();
        noted.starts += 1;
        let words = words?;
        noted.unsettled += 1;
        (noted.unsettled == 1).then(|| {
            noted.words.clone_from(words);
            format!("load {level} had not settled within {}: {words}", seconds(self.ramp))
        })
    }

    /// A warning for each level that had not settled at least once.
    pub(super) fn warnings(self) -> Vec<String> {
        let ramp = seconds(self.ramp);
        let unsettled = self.levels.into_iter().filter(|(_, level)| level.unsettled > 0);
        let warning = |(name, Level { starts, unsettled, words }): (String, Level)| {
            let times = if unsettled == starts { "" } else { &format!(", {unsettled} of {starts} times") };
            format!("load {name} had not settled within {ramp}{times}: {words}")
        };
        unsettled.map(warning).collect()
    }
}

fn seconds(ramp: Duration) -> String {
    format!("{} s", ramp.as_secs_f64())
}
