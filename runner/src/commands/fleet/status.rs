//! `runner fleet status`: how far each shard is, by what lies in the fleet's folder and what Slurm says.

use super::{named, print};
use crate::cli::StatusArguments;
use crate::failure::{Failure, chain};
use crate::fleet::{self, FleetFolder, Queued, Standing, State, Status};
use crate::progress;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Not yet: whoever asks may ask again.
const UNDER_WAY: u8 = 75;

/// A line for each shard and the merge.
pub(crate) fn status(arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let folder = named(&arguments.fleet)?;
    let status = judged(&folder);
    if arguments.json {
        let text = serde_json::to_string_pretty(&document(&folder, &status));
        print(&format!("{}\n", text.map_err(|error| Failure::failed(&error))?))?;
    } else {
        print(&lines(&folder, &status))?;
    }
    Ok(match status.state() {
        State::Done if without_figures(&status) == 0 => ExitCode::SUCCESS,
        State::Done | State::Failed => ExitCode::from(3),
        State::Running | State::Waiting => ExitCode::from(UNDER_WAY),
        State::Unknown => ExitCode::FAILURE,
    })
}

/// How the fleet stands. Slurm is not needed for one that is done; where it does not answer, that is said.
pub(super) fn judged(folder: &FleetFolder) -> Status {
    let by = |queue: Option<&[Queued]>| Status::of(&folder.fleet, &fleet::look(folder), queue);
    if folder.merged().exists() {
        let by_folder = by(None);
        if by_folder.state() == State::Done {
            return by_folder;
        }
    }
    // The queue first: what it says is over is in its place by then.
    match fleet::queue(&folder.fleet) {
        Ok(queue) => by(Some(&queue)),
        Err(failure) => {
            progress::say_beside(&format!("warning: {}", chain(&failure)));
            by(None)
        }
    }
}

/// Trials of the merged run that failed or are invalid.
fn without_figures(status: &Status) -> u32 {
    status.merge.without_figures.unwrap_or(0)
}

fn lines(folder: &FleetFolder, status: &Status) -> String {
    let fleet = &folder.fleet;
    let (shards, by) = (fleet.shards, &fleet.shard_by);
    let mut text = format!("{}: {} in {shards} shards by {by}\n", fleet.id, fleet.scenario);
    for standing in status.shards.iter().chain([&status.merge]) {
        let name = standing.shard.map_or("merge".to_owned(), |shard| format!("shard {shard}"));
        let _ = writeln!(text, "  {name:9} {}", line(standing));
    }
    let done = status.shards.iter().filter(|shard| shard.state == State::Done).count();
    let backends: BTreeSet<&str> =
        status.shards.iter().filter_map(|shard| shard.backend.as_deref()).collect();
    if backends.len() > 1 {
        let backends: Vec<&str> = backends.into_iter().collect();
        let _ = writeln!(text, "shards were observed otherwise: {}", backends.join(", "));
    }
    let path = folder.handle();
    let _ = match status.state() {
        State::Done => writeln!(text, "all is done: `runner fleet fetch {path}` brings the merged run"),
        State::Failed => writeln!(
            text,
            "{done} of {shards} shards are done: `runner fleet retry {path}` submits anew what has failed"
        ),
        _ => writeln!(text, "{done} of {shards} shards are done"),
    };
    text
}

fn line(standing: &Standing) -> String {
    let mut parts = vec![format!("{:7}", word(standing.state))];
    parts.extend(standing.node.clone());
    if let (Some(finished), Some(planned)) = (standing.finished, standing.planned) {
        let without = match standing.without_figures {
            Some(without @ 1..) => format!(", {without} of them without figures"),
            _ => String::new(),
        };
        parts.push(format!("{finished} of {planned} trials{without}"));
    }
    if standing.attempts > 1 {
        parts.push(format!("attempt {}", standing.attempts));
    }
    let see = match standing.state {
        State::Failed if standing.attempts > 0 => format!("; see {}", standing.log.display()),
        _ => String::new(),
    };
    parts.extend(standing.reason.as_ref().map(|reason| format!("{reason}{see}")));
    parts.join("  ").trim_end().to_owned()
}

fn word(state: State) -> &'static str {
    match state {
        State::Done => "done",
        State::Running => "running",
        State::Waiting => "waiting",
        State::Failed => "failed",
        State::Unknown => "unknown",
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct StatusDocument<'a> {
    format: &'a str,
    version: u32,
    id: &'a str,
    path: &'a Path,
    scenario: &'a str,
    shard_by: &'a str,
    state: State,
    shards: &'a [Standing],
    merge: &'a Standing,
    /// The merged run, once it is there.
    run: Option<PathBuf>,
}

fn document<'a>(folder: &'a FleetFolder, status: &'a Status) -> StatusDocument<'a> {
    StatusDocument {
        format: "syscall_lab.fleet_status",
        version: 1,
        id: &folder.fleet.id,
        path: &folder.path,
        scenario: &folder.fleet.scenario,
        shard_by: &folder.fleet.shard_by,
        state: status.state(),
        shards: &status.shards,
        merge: &status.merge,
        run: fleet::runs_in(&folder.merged()).pop(),
    }
}
