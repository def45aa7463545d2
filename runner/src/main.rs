//! The `runner` binary: parse, dispatch, print the error, exit code.

mod ask;
mod calibration;
mod cli;
mod clock;
mod commands;
mod credentials;
mod doctor;
mod environment;
mod execution;
mod failure;
mod fleet;
#[cfg(test)]
mod fuzzing;
mod keeper;
mod live;
mod load;
mod manual;
mod monitor;
mod noise;
mod progress;
mod scenario;
mod scratch;
mod settings;
mod signals;
mod timeline;
mod trace;
mod turn;

use clap::Parser;
use cli::{Cli, Verb};
use credentials::Credentials;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let files = Credentials::of_invoker().map_or(Ok(()), |user| user.take_files());
    let files = files.map_err(|error| {
        Failure::Failed(format!("cannot open files as the user who called sudo: {}", failure::chain(&error)))
    });
    let outcome = files.and_then(|()| carry_out(Cli::parse().verb));
    outcome.unwrap_or_else(|failure| {
        let text = failure::chain(&failure);
        // A diagnostic that shows its place begins with `error` itself.
        let prefix = if text.starts_with("error") { "" } else { "error: " };
        let _ = writeln!(std::io::stderr(), "{prefix}{}", text.trim_end());
        failure.exit_code()
    })
}

fn carry_out(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Run(arguments) => commands::run::run(&arguments),
        Verb::Trace(arguments) => commands::trace::trace(&arguments),
        Verb::Resume(arguments) => commands::resume::resume(&arguments),
        Verb::Merge(arguments) => commands::merge::merge(&arguments),
        Verb::Plan(arguments) => commands::plan::plan(&arguments),
        Verb::Check(arguments) => commands::check::check(&arguments),
        Verb::Report(arguments) => commands::report::report(&arguments),
        Verb::Diff(arguments) => commands::diff::diff(&arguments),
        Verb::Doctor(arguments) => commands::doctor::doctor(&arguments),
        Verb::Verify(arguments) => commands::verify::verify(&arguments),
        Verb::Export(arguments) => commands::export::export(&arguments),
        Verb::List(arguments) => commands::list::list(&arguments),
        Verb::New(arguments) => commands::new::new(&arguments),
        Verb::Schema(arguments) => commands::schema::schema_of(&arguments),
        Verb::Completions(arguments) => commands::man::completions(&arguments),
        Verb::Man(arguments) => commands::man::man(&arguments),
        Verb::Lab { verb } => commands::lab::lab(&verb),
        Verb::Fleet { verb } => commands::fleet::fleet(&verb),
        Verb::Keep { folder } => {
            if !keeper::is_begun_by_a_runner() {
                return Err(Failure::Usage(
                    "`runner keep` is for the runner itself, which starts it".to_owned(),
                ));
            }
            keeper::keep(&folder, std::io::stdin().lock());
            Ok(ExitCode::SUCCESS)
        }
    }
}
