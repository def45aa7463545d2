//! `runner plan`: what would be executed, in which order, for how long.

use super::report::view;
use super::{check_load_only, here, machine, print, scenario};
use crate::cli::PlanArguments;
use crate::failure::Failure;
use crate::scenario::{Effects, Plan, plan_document, plan_text};
use reports::Summary;
use std::process::ExitCode;
use store::Run;

/// Prints the plan; measures nothing and keeps nothing.
pub(crate) fn plan(arguments: &PlanArguments) -> Result<ExitCode, Failure> {
    let machine = machine();
    let scenario = scenario(&arguments.scenario, &machine)?;
    check_load_only(&scenario, &machine)?;
    here::warn(&scenario, &machine);
    let plan = Plan::of(&scenario, scenario.plan.seed);
    let kept = arguments.like.as_ref().map(|run| kept(arguments, run)).transpose()?;
    let effects = Effects::of(&scenario, kept.as_ref());
    let text = if arguments.json {
        let document = serde_json::to_string_pretty(&plan_document(&scenario, &plan, effects));
        document.map_err(|error| Failure::failed(&error))? + "\n"
    } else {
        plan_text(&scenario, &plan, &effects)
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The run as which the planned one is taken to vary.
fn kept(arguments: &PlanArguments, run: &str) -> Result<Summary, Failure> {
    let run = Run::open(&store::resolve(&arguments.runs_dir.runs_dir, run)?)?;
    Ok(reports::summarise(&view(&run)))
}
