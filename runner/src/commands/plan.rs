//! `runner plan`: what would be executed, in which order, for how long.

use super::{check_load_only, machine, print, scenario};
use crate::cli::PlanArguments;
use crate::failure::Failure;
use crate::scenario::{Plan, plan_document, plan_text};
use std::process::ExitCode;

/// Prints the plan; measures nothing and keeps nothing.
pub(crate) fn plan(arguments: &PlanArguments) -> Result<ExitCode, Failure> {
    let machine = machine();
    let scenario = scenario(&arguments.scenario, &machine)?;
    check_load_only(&scenario, &machine)?;
    let plan = Plan::of(&scenario, scenario.plan.seed);
    let text = if arguments.json {
        let document = serde_json::to_string_pretty(&plan_document(&scenario, &plan));
        document.map_err(|error| Failure::failed(&error))? + "\n"
    } else {
        plan_text(&scenario, &plan)
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
