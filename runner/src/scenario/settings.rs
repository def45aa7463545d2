//! What a scenario asks of the machine, after validation. It does not know how a machine is told.

use super::diagnostic::{Diagnostic, Diagnostics, Place};
use super::model::Scenario;
use std::fmt;

/// `[machine]`; what is none or false is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MachineRequest {
    /// The frequency governor of every CPU.
    pub(crate) governor: Option<String>,
    /// Whether CPUs may exceed their nominal frequency.
    pub(crate) turbo: Option<bool>,
    /// When the kernel makes huge pages: one of [`THP`].
    pub(crate) thp: Option<&'static str>,
    /// Whether addresses are randomised.
    pub(crate) aslr: Option<bool>,
    /// How readily the kernel swaps.
    pub(crate) swappiness: Option<u64>,
    /// Who runs where.
    pub(crate) cpus: CpuSets,
    /// Whether caches are dropped before each trial.
    pub(crate) drop_caches: bool,
    /// Keys that the run is refused without.
    pub(crate) required: Vec<String>,
    /// Where that was written.
    pub(crate) required_at: Option<Place>,
}

/// The modes of transparent huge pages.
pub(crate) const THP: [&str; 3] = ["always", "madvise", "never"];

/// The CPUs of each; none for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuSets {
    pub(crate) generators: Option<CpuList>,
    pub(crate) load: Option<CpuList>,
    pub(crate) runner: Option<CpuList>,
}

impl CpuSets {
    /// Those that are set, with their names.
    pub(crate) fn named(&self) -> Vec<(&'static str, &CpuList)> {
        let all = [("generators", &self.generators), ("load", &self.load), ("runner", &self.runner)];
        all.into_iter().filter_map(|(name, list)| Some((name, list.as_ref()?))).collect()
    }
}

/// CPUs by number, as the kernel writes such lists: `0-3,6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CpuList {
    ranges: Vec<(usize, usize)>,
}

impl CpuList {
    /// Largest number of a CPU, and most ranges.
    const MOST: usize = 4_095;

    /// From text; none where it is no such list.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<usize>().ok().filter(|number| is_number && *number <= Self::MOST)
        };
        let range = |text: &str| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let (from, to) = (number(from.trim())?, number(to.trim())?);
            (from <= to).then_some((from, to))
        };
        let ranges: Vec<_> = text.split(',').map(|text| range(text.trim())).collect::<Option<_>>()?;
        (ranges.len() <= Self::MOST).then_some(Self { ranges })
    }

    /// Its CPUs.
    pub(crate) fn cpus(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges.iter().flat_map(|(from, to)| *from..=*to)
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |(from, to): &(usize, usize)| {
            if from == to { from.to_string() } else { format!("{from}-{to}") }
        };
        f.write_str(&self.ranges.iter().map(range).collect::<Vec<_>>().join(","))
    }
}

impl Scenario {
    /// Refuses what the scenario requires and the machine cannot do, each named with the reason.
    pub(crate) fn check_required(&self, cannot: &[(String, String)]) -> Result<(), Diagnostics> {
        let Some(place) = &self.machine.required_at else { return Ok(()) };
        let required = cannot.iter().filter(|(name, _)| self.machine.required.contains(name));
        let found: Vec<Diagnostic> = required
            .map(|(name, reason)| {
                let message = format!("this machine cannot be set as `machine.{name}` asks: {reason}");
                let problem = Diagnostic::at(place, message, "the scenario requires it");
                problem.help(format!("take `{name}` out of `required` to run without it"))
            })
            .collect();
        if found.is_empty() { Ok(()) } else { Err(Diagnostics::new(self.sources.clone(), found)) }
    }
}
