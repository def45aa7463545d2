//! `runner plan`: what would be executed, in which order, for how long.

use super::report::view;
use super::run::Side;
use super::{against, check_load_only, here, machine, print, shard};
use crate::cli::PlanArguments;
use crate::failure::Failure;
use crate::scenario::plan_text;
use reports::Summary;
use std::process::ExitCode;
use store::Run;

/// Prints the plan; measures nothing and keeps nothing.
pub(crate) fn plan(arguments: &PlanArguments) -> Result<ExitCode, Failure> {
    let machine = machine();
    let sides = against::sides((&arguments.scenario, &arguments.against), None, &machine)?;
    let sides = shard::of_sides(sides, arguments.shard)?;
    for side in &sides {
        check_load_only(&side.scenario, &machine)?;
        here::warn(&side.scenario, &machine);
    }
    let kept = arguments.like.as_ref().map(|run| kept(arguments, run)).transpose()?;
    let text = if arguments.json {
        against::plan_json(&sides, kept.as_ref()).map_err(|error| Failure::failed(&error))? + "\n"
    } else {
        let texts = sides.iter().map(|Side { scenario, plan, .. }| {
            plan_text(scenario, plan, &against::effects(&sides, scenario, kept.as_ref()))
        });
        against::order_text(&sides) + &texts.collect::<Vec<_>>().join("\n")
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The run as which the planned one is taken to vary.
fn kept(arguments: &PlanArguments, run: &str) -> Result<Summary, Failure> {
    let run = Run::open(&store::resolve(&arguments.runs_dir.runs_dir, run)?)?;
    Ok(reports::summarise(&view(&run)))
}
