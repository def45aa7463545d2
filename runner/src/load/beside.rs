//! A program as load: started, looked after, started again where the scenario says so, ended with all it started.
//!
//! It runs below the same supervisor as programs that are generators, which ends everything when the runner is gone,
//! killed or not; but nobody follows its calls.

use super::LoadError;
use crate::credentials::Credentials;
use crate::scenario::{CpuList, LoadProgram};
use crate::settings;
use generators::{Program, ProgramSpec};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A program that runs. Dropping it ends it and all it started.
#[derive(Debug)]
pub(super) struct Beside {
    program: Program,
    spec: ProgramSpec,
    repeats: bool,
    generator: PathBuf,
    cpus: Option<CpuList>,
    user: Option<Credentials>,
    /// Its working space; removed after it.
    _folder: TempDir,
}

impl Beside {
    /// Starts the program as the invoking user, in a folder below `scratch` unless it has another.
    pub(super) fn start(
        declared: &LoadProgram,
        (generator, cpus): (&Path, Option<&CpuList>),
        (scratch, user): (&Path, Option<&Credentials>),
    ) -> Result<Self, LoadError> {
        let io = |source| LoadError::Io { action: "make a folder for the load's program".to_owned(), source };
        let folder = tempfile::Builder::new().prefix("load-").tempdir_in(scratch).map_err(io)?;
        if let Some(user) = user {
            user.give(folder.path()).map_err(io)?;
        }
        let spec = ProgramSpec {
            command: declared.command.clone(),
            cwd: declared.cwd.clone().unwrap_or_else(|| folder.path().to_owned()),
            env: ProgramSpec::environment(folder.path()),
            stdin: None,
            is_theirs: false,
        };
        let program = settings::within(cpus, || run(generator, &spec, user))?;
        Ok(Self {
            program,
            spec,
            repeats: declared.repeats,
            generator: generator.to_owned(),
            cpus: cpus.cloned(),
            user: user.cloned(),
            _folder: folder,
        })
    }

    /// Fails when the program has ended, unless it is to be repeated and ended with success: then it runs again.
    pub(super) fn check(&mut self) -> Result<(), LoadError> {
        let Some(status) = self.program.ended().map_err(|error| told(&error))? else {
            return Ok(());
        };
        let name = &self.spec.command[0];
        if !self.repeats || !status.success() {
            let words = self.program.last_words();
            let remedy = if status.success() { "; `repeat = true` starts it again" } else { "" };
            let message = format!("`{name}` ended before its level did, with {status}: {words}{remedy}");
            return Err(LoadError::Program(message));
        }
        let again = || run(&self.generator, &self.spec, self.user.as_ref());
        self.program = settings::within(self.cpus.as_ref(), again)?;
        Ok(())
    }
}

fn run(generator: &Path, spec: &ProgramSpec, user: Option<&Credentials>) -> Result<Program, LoadError> {
    let mut program =
        Program::hold(generator, spec, user.map(Credentials::ids)).map_err(|error| told(&error))?;
    program.go().map_err(|error| told(&error))?;
    Ok(program)
}

fn told(error: &generators::ProgramError) -> LoadError {
    LoadError::Program(crate::failure::chain(error))
}
