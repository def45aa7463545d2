//! `runner man` and `runner completions`: the command line for those who read and for shells.

use super::print;
use crate::cli::{CompletionsArguments, ManArguments, ManFormat};
use crate::failure::Failure;
use crate::manual;
use std::path::Path;
use std::process::ExitCode;

/// Prints a page of the manual or all of it, or writes every page.
pub(crate) fn man(arguments: &ManArguments) -> Result<ExitCode, Failure> {
    match (&arguments.out, arguments.format) {
        (Some(folder), _) => write(folder)?,
        (None, ManFormat::Markdown) => print(&manual::markdown())?,
        (None, ManFormat::Roff) => {
            let words: Vec<&str> = arguments.verb.iter().map(String::as_str).collect();
            let page = manual::installed().into_iter().find(|page| page.words() == words);
            let page = page.ok_or_else(|| {
                Failure::Usage(format!("there is no command `{}`: see `runner --help`", words.join(" ")))
            })?;
            print(&page.roff())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::Failed(format!("cannot write {}: {}", path.display(), crate::failure::chain(error)))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let pages = manual::installed();
    for page in &pages {
        let path = folder.join(page.file());
        std::fs::write(&path, page.roff()).map_err(|error| failed(&path, &error))?;
    }
    print(&format!("{} pages in {}\n", pages.len(), folder.display()))
}

/// Prints what a shell needs to complete the command line.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut manual::command(), "runner", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
