//! The one error of the binary: what is printed, and with which code it ends.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::process::ExitCode;
use store::StoreError;

/// Why a verb could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or a scenario is not valid; the text is complete, places and remedies included.
    #[error("{0}")]
    Usage(String),
    /// Something could not be done; the text names the remedy where there is one.
    #[error("{0}")]
    Failed(String),
    /// The run on disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report could not be made.
    #[error(transparent)]
    Report(#[from] reports::ReportError),
    /// An assignment or a submission failed.
    #[error(transparent)]
    Lab(#[from] lab::LabError),
}

impl Failure {
    /// Usage of a thing that is fine as such, for `?` on errors of any kind.
    pub(crate) fn failed(error: &(dyn Error + 'static)) -> Self {
        Self::Failed(chain(error))
    }

    /// 2 for usage, 1 for the rest. A run that does not exist is a matter of usage.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Store(StoreError::NoSuchRun { .. } | StoreError::Ambiguous { .. }) => {
                ExitCode::from(2)
            }
            Self::Lab(error) if error.is_of_input() => ExitCode::from(2),
            Self::Failed(_) | Self::Store(_) | Self::Report(_) | Self::Lab(_) => ExitCode::FAILURE,
        }
    }
}

/// An error with its causes, and the remedy where the last one has one that always helps: `cannot write x: no space left
/// on device; make room there`.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut remedies = remedy(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // The kernel's verifier tells of every instruction that it looked at.
        let cause_text = cause_text.lines().next().unwrap_or_default();
        // Some libraries print their cause themselves.
        if !text.ends_with(cause_text) {
            text.push_str(": ");
            text.push_str(cause_text);
        }
        remedies = remedies.or_else(|| remedy(cause));
        source = cause.source();
    }
    if let Some(remedy) = remedies {
        text.push_str("; ");
        text.push_str(remedy);
    }
    text
}

const ELSEWHERE: &str = "name a folder that can be written to (for runs: --runs-dir or RUNNER_RUNS_DIR)";

/// What helps against an error of the file system.
fn remedy(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let of_store = match error.downcast_ref() {
        Some(Failure::Store(error)) => Some(error),
        _ => error.downcast_ref(),
    };
    // Of what may not be read there is no other.
    if let Some(StoreError::Write { source, .. }) = of_store
        && source.kind() == ErrorKind::PermissionDenied
    {
        return Some(ELSEWHERE);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("make room there"),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => Some(ELSEWHERE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_told_once_behind_the_cause() {
        let full = || io::Error::from_raw_os_error(libc::ENOSPC);
        let store = StoreError::Write { path: "runs/a/manifest.json".into(), source: full() };
        let words =
            "cannot write runs/a/manifest.json: No space left on device (os error 28); make room there";
        assert_eq!(chain(&store), words);
        assert_eq!(chain(&Failure::Store(store)), words);
        assert_eq!(chain(&full()), "No space left on device (os error 28); make room there");
        let denied =
            StoreError::Write { path: "runs".into(), source: io::Error::from_raw_os_error(libc::EACCES) };
        let words = format!("cannot write runs: Permission denied (os error 13); {ELSEWHERE}");
        assert_eq!(chain(&denied), words);
        assert_eq!(chain(&Failure::Store(denied)), words);
        let other = io::Error::from_raw_os_error(libc::EIO);
        assert_eq!(chain(&other), "Input/output error (os error 5)");
    }
}
