//! What only this machine knows of a scenario: a program that is not installed, a CPU that is not there. `run` stops at it
//! or says it with the run; `check` and `plan` warn, since a file may well be meant for another machine.

use super::{colour, is_program, stress_ng};
use crate::scenario::{Diagnostics, Machine, Scenario};
use crate::settings;
use std::io::{Write, stderr};

/// Says on standard error what this machine cannot do of the scenario.
pub(crate) fn warn(scenario: &Scenario, machine: &Machine) {
    for found in lacking(scenario, machine) {
        // Who does not hear it loses no more than a warning.
        let _ = writeln!(stderr(), "{}\n", found.of_this_machine().render(colour(&stderr())));
    }
}

fn lacking(scenario: &Scenario, machine: &Machine) -> Vec<Diagnostics> {
    let cannot: Vec<_> = settings::cannot(&settings::root(), &scenario.machine)
        .into_iter()
        .filter_map(|it| Some((it.name, it.cannot?)))
        .collect();
    let stress_ng = match stress_ng::version() {
        Ok(_) => stress_ng::room().map_or(Ok(()), |room| scenario.check_memory(machine, &room)),
        Err(error) => scenario.check_without_stress_ng(&error.to_string()),
    };
    let all = [
        scenario.check_programs(is_program),
        scenario.check_pins(settings::can_pin),
        scenario.check_settings(&cannot),
        stress_ng,
    ];
    all.into_iter().filter_map(Result::err).collect()
}
