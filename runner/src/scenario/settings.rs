//! What a scenario asks of the machine, after validation. It does not know how a machine is told.

use super::diagnostic::{Diagnostic, Diagnostics, Place, quoted};
use super::model::Scenario;
use std::collections::BTreeMap;
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
    /// Where each key of it was written.
    pub(crate) places: BTreeMap<String, Place>,
}

impl MachineRequest {
    /// Whether another asks for the same, wherever it is written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        *self == Self { places: self.places.clone(), ..other.clone() }
    }
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
        let required = cannot.iter().filter(|(name, _)| self.machine.required.contains(name));
        self.judged(required.filter_map(|(name, reason)| {
            let place = self.machine.places.get("required")?;
            let message = format!("this machine cannot be set as `machine.{name}` asks: {reason}");
            let problem = Diagnostic::at(place, message, "the scenario requires it");
            Some(problem.help(format!("take `{name}` out of `required` to run without it")))
        }))
    }

    /// Points at everything that is asked of the machine and that it cannot do, and says what becomes of a run then.
    pub(crate) fn check_settings(&self, cannot: &[(String, String)]) -> Result<(), Diagnostics> {
        self.judged(cannot.iter().filter_map(|(name, reason)| {
            let place = self.machine.places.get(name)?;
            let message = format!("{} cannot be had: {reason}", quoted(&format!("machine.{name}")));
            let required =
                self.machine.places.get("required").filter(|_| self.machine.required.contains(name));
            Some(match required {
                None => Diagnostic::at(place, message, "a run goes on without it, and says so"),
                Some(required) => Diagnostic::at(place, message, "no run begins without it")
                    .related(required, "the scenario requires it"),
            })
        }))
    }

    /// Points at every generator that is pinned to a CPU that `can_pin` does not say can be had.
    pub(crate) fn check_pins(&self, can_pin: impl Fn(u32) -> bool) -> Result<(), Diagnostics> {
        let pinned = self.generators.iter().flat_map(|generator| &generator.pinned);
        self.judged(pinned.filter(|(cpu, _)| !can_pin(*cpu)).map(|(cpu, place)| {
            let message = format!("threads cannot be pinned to CPU {cpu}, which this system does not give");
            Diagnostic::at(place, message, "its trials would fail")
        }))
    }

    /// Everything that was found wrong, if anything was.
    pub(super) fn judged(&self, found: impl IntoIterator<Item = Diagnostic>) -> Result<(), Diagnostics> {
        let found: Vec<Diagnostic> = found.into_iter().collect();
        if found.is_empty() { Ok(()) } else { Err(Diagnostics::new(self.sources.clone(), found)) }
    }
}
