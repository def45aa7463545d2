//! `runner fleet slurm`: from a scenario to a fleet's folder and its jobs.

use super::super::{load, machine, overrides, print};
use super::submit::{check_options, job_options, submit};
use crate::cli::{NodeArguments, SlurmArguments};
use crate::failure::{Failure, chain};
use crate::fleet::{
    self, Fleet, FleetFolder, Parts, fleets_in, fresh_id, link, merge_script, merge_words, queue, quoted,
    shard_script, shard_words,
};
use crate::scenario::{Plan, Scenario};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{Shard, ShardBy};

/// Makes the fleet and submits its jobs, or shows what that would be.
pub(crate) fn slurm(arguments: &SlurmArguments) -> Result<ExitCode, Failure> {
    let scenario = load(&arguments.scenario.scenario, &overrides(&arguments.scenario), &machine())?;
    check_shards(arguments, &scenario)?;
    check_options(&arguments.jobs)?;
    let folder = drafted(arguments, &scenario)?;
    let scripts = scripts(&folder, arguments)?;
    if arguments.print {
        print(&shown(&folder, &scripts, arguments))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Where it cannot be asked either, nobody could tell that nothing was submitted.
    fleet::check_there()?;
    let text = ("scenario.toml".to_owned(), scenario.source.clone().into_bytes());
    let files = scripts.into_iter().map(|(name, script)| (name, script.into_bytes())).chain([text]);
    let FleetFolder { path, fleet } = folder;
    let mut folder = FleetFolder::create(path, fleet, &files.collect::<Vec<_>>())?;
    let _lock = folder.lock()?;
    let shards: Vec<u32> = folder.shards().collect();
    let said = submit(&mut folder, &shards, arguments.jobs.dependency.as_deref(), &[]);
    let said = said.map_err(|failure| without_jobs(&folder, failure))?;
    if arguments.fleet_dir.is_some() {
        link(&arguments.runs_dir.runs_dir, &folder);
    }
    print(&format!(
        "{}: {said}\nfolder: {}\n`runner fleet status {}` shows how far it is\n",
        folder.fleet.id,
        folder.path.display(),
        folder.handle()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What nodes execute, by name.
fn scripts(folder: &FleetFolder, arguments: &SlurmArguments) -> Result<[(String, String); 2], Failure> {
    let (runner, sudo) = (runner(&arguments.nodes)?, ["sudo", "-n"].map(str::to_owned));
    let elevated = if arguments.nodes.sudo { [&sudo[..], &runner[..]].concat() } else { runner.to_vec() };
    let (run, merge) = (run_options(arguments), merge_options(arguments));
    let (id, shards) = (folder.fleet.id.as_str(), arguments.shards);
    let shard = Parts { folder: &folder.path, id, shards, runner: &elevated, options: &run };
    // Merging takes no probe.
    let merge = Parts { folder: &folder.path, id, shards, runner: &runner, options: &merge };
    Ok([("shard.sh".to_owned(), shard_script(&shard)), ("merge.sh".to_owned(), merge_script(&merge))])
}

/// A fleet of which nothing was submitted leaves nothing; one of which that is not known, or not so, is kept, and said to be.
fn without_jobs(folder: &FleetFolder, failure: Failure) -> Failure {
    let has_none = folder.fleet.jobs.is_empty() && queue(&folder.fleet).is_ok_and(|jobs| jobs.is_empty());
    if has_none && std::fs::remove_dir_all(&folder.path).is_ok() {
        return failure;
    }
    let (words, path) = (chain(&failure), folder.handle());
    Failure::Failed(format!(
        "{words}\n{path} is kept: `runner fleet status {path}` says what was submitted, and `runner fleet retry {path}` \
         submits the rest"
    ))
}

/// As `runner run --shard` will, on every node.
fn check_shards(arguments: &SlurmArguments, scenario: &Scenario) -> Result<(), Failure> {
    let by = if arguments.shard_by == "cell" { ShardBy::Cell } else { ShardBy::Block };
    let last = Shard { number: arguments.shards, of: arguments.shards, by };
    let part = Plan::of(scenario, scenario.plan.seed).part(scenario, last);
    part.map(drop).map_err(|reason| Failure::Usage(format!("--shards {}: {reason}", arguments.shards)))
}

/// The fleet as it will be, with its place.
fn drafted(arguments: &SlurmArguments, scenario: &Scenario) -> Result<FleetFolder, Failure> {
    let fleets = fleets_in(&arguments.runs_dir.runs_dir);
    let name = scenario.name.to_string();
    let id = fresh_id(&arguments.runs_dir.runs_dir, &name);
    let path = arguments.fleet_dir.clone().unwrap_or_else(|| fleets.join(&id));
    let path = absolute(&path)?;
    check_name(&path)?;
    let mut fleet = Fleet::new(id, name, (arguments.shards, arguments.shard_by.clone()));
    fleet.shard_options = job_options(&arguments.jobs, true);
    fleet.merge_options = job_options(&arguments.jobs, false);
    Ok(FleetFolder { path, fleet })
}

/// From the root, for nodes begin elsewhere. Links stay, since a node may have mounted what they lead to in another place.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::Failed(format!("cannot name {}: {}", path.display(), chain(&error))))
}

/// Scripts and Slurm's options are text.
fn check_name(path: &Path) -> Result<(), Failure> {
    match path.to_str() {
        Some(text) if !text.contains(char::is_control) => Ok(()),
        _ => Err(Failure::Usage(format!(
            "{}: a name that jobs have to be told must be plain text",
            path.display()
        ))),
    }
}

/// The runner on the nodes, as one word: a path from the root, since jobs begin in the fleet's folder, or a bare name, which
/// nodes look for on their `PATH`.
fn runner(nodes: &NodeArguments) -> Result<[String; 1], Failure> {
    let program = match &nodes.runner {
        None => std::env::current_exe().map_err(|error| Failure::failed(&error))?,
        Some(name) if name.components().count() > 1 || name.has_root() => absolute(name)?,
        Some(name) => name.clone(),
    };
    check_name(&program)?;
    Ok([program.display().to_string()])
}

/// What `runner run` is told of every shard.
fn run_options(arguments: &SlurmArguments) -> Vec<String> {
    let mut words = vec![format!("--shard-by={}", arguments.shard_by)];
    let scenario = &arguments.scenario;
    words.extend(scenario.overrides.iter().map(|set| format!("--set={set}")));
    let mut add = |name: &str, value: &Option<String>| {
        words.extend(value.as_ref().map(|value| format!("--{name}={value}")));
    };
    add("repetitions", &scenario.repetitions);
    add("seed", &scenario.seed);
    add("probe", &arguments.probe);
    words
}

fn merge_options(arguments: &SlurmArguments) -> Vec<String> {
    arguments.label.iter().map(|label| format!("--label={label}")).collect()
}

/// The scripts, and the commands that submit them.
fn shown(folder: &FleetFolder, scripts: &[(String, String)], arguments: &SlurmArguments) -> String {
    let mut text = String::new();
    for (name, script) in scripts {
        let _ = writeln!(text, "### {}\n{script}", folder.path.join(name).display());
    }
    let mut shards = shard_words(folder, &folder.shards().collect::<Vec<_>>());
    shards.splice(0..0, arguments.jobs.dependency.iter().map(|what| format!("--dependency={what}")));
    let merge = merge_words(folder, &["JOB".to_owned()]);
    text += "### submitted by; JOB is the number that the first command prints\n";
    for words in [shards, merge] {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let _ = writeln!(text, "sbatch {}", words.join(" "));
    }
    text
}
