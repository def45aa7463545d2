//! `runner fleet`: a scenario in shards on the nodes of a cluster. What a fleet is, is `crate::fleet`'s; here it is made,
//! looked at and gathered.

mod fetch;
mod slurm;
mod status;
mod submit;

use super::print;
use crate::cli::{FleetArguments, FleetVerb};
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::fleet::{self, FleetFolder};
use std::process::ExitCode;

/// Carries out what is asked.
pub(crate) fn fleet(verb: &FleetVerb) -> Result<ExitCode, Failure> {
    let only_prints = matches!(verb, FleetVerb::Slurm(arguments) if arguments.print);
    if Credentials::of_invoker().is_some() && !only_prints {
        return Err(Failure::Usage(
            "jobs, and what they leave, belong to whoever submits them: call `runner fleet` without sudo; the --sudo of `runner \
             fleet slurm` has nodes begin the runner as root"
                .to_owned(),
        ));
    }
    match verb {
        FleetVerb::Slurm(arguments) => slurm::slurm(arguments),
        FleetVerb::Status(arguments) => status::status(arguments),
        FleetVerb::Fetch(arguments) => fetch::fetch(arguments),
        FleetVerb::Retry(arguments) => submit::retry(arguments),
        FleetVerb::Cancel(arguments) => cancel(arguments),
    }
}

fn named(arguments: &FleetArguments) -> Result<FleetFolder, Failure> {
    fleet::named(&arguments.runs_dir.runs_dir, &arguments.fleet)
}

/// Cancels all jobs of the fleet, and keeps that: Slurm need not know any more of what never began.
fn cancel(arguments: &FleetArguments) -> Result<ExitCode, Failure> {
    let path = named(arguments)?.path;
    let _lock = FleetFolder::open(&path)?.lock()?;
    // As it is now that nobody else changes it any more.
    let mut folder = FleetFolder::open(&path)?;
    let queue = fleet::queue(&folder.fleet)?;
    if !queue.iter().any(|job| job.is_to_come() || job.is_stuck()) {
        print(&format!("{}: nothing is in the queue\n", folder.fleet.id))?;
        return Ok(ExitCode::SUCCESS);
    }
    fleet::cancel(&folder.fleet, &[])?;
    let now = chrono::Utc::now();
    for job in &mut folder.fleet.jobs {
        job.cancelled_at.get_or_insert(now);
    }
    folder.save()?;
    print(&format!(
        "{}: cancelled; what was measured is kept, and `runner fleet retry {}` goes on with it\n",
        folder.fleet.id,
        folder.handle()
    ))?;
    Ok(ExitCode::SUCCESS)
}
