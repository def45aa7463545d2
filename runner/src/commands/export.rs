//! `runner export`: a kept run in formats of others.

use super::report::view;
use super::{plain, print};
use crate::cli::{ExportArguments, ExportFormat};
use crate::failure::{Failure, chain};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write, stdout};
use std::process::ExitCode;
use store::Run;

/// Writes the run to standard output, or to the file that was named.
pub(crate) fn export(arguments: &ExportArguments) -> Result<ExitCode, Failure> {
    if arguments.table.is_some() && arguments.format != ExportFormat::Csv {
        return Err(Failure::Usage(
            "--table chooses one of the tables, and only csv is one at a time".to_owned(),
        ));
    }
    let run = Run::open(&store::resolve(&arguments.runs_dir.runs_dir, &arguments.run)?)?;
    if arguments.out.is_none() && stdout().is_terminal() {
        // The run may be somebody else's: a pipe gets its names as they are, a terminal nothing that it would obey.
        let mut text = Vec::new();
        write(&run, arguments, &mut text).map_err(|error| Failure::failed(&error))?;
        print(&plain(&String::from_utf8_lossy(&text)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = match &arguments.out {
        None => write(&run, arguments, &mut BufWriter::new(stdout().lock())),
        Some(path) => File::create(path).and_then(|file| write(&run, arguments, &mut BufWriter::new(file))),
    };
    match (written, &arguments.out) {
        // A reader that has seen enough (`| head`) is no failure.
        (Err(error), None) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        (Err(error), out) => {
            let what = out.as_ref().map_or("standard output".into(), |path| path.display().to_string());
            Err(Failure::Failed(format!("cannot write {what}: {}", chain(&error))))
        }
        (Ok(()), _) => Ok(ExitCode::SUCCESS),
    }
}

fn write(run: &Run, arguments: &ExportArguments, out: &mut impl Write) -> io::Result<()> {
    let view = view(run);
    match arguments.format {
        ExportFormat::Csv => {
            store::write_csv(run, arguments.table.as_deref().unwrap_or(store::TABLES[0]), out)?;
        }
        ExportFormat::Json => reports::export::document(&view, out)?,
        ExportFormat::Classic => reports::export::classic(&view, out)?,
        ExportFormat::Openmetrics => reports::export::openmetrics(&view, out)?,
    }
    out.flush()
}
