//! The one error of the binary: what is printed, and with which code it ends.

use std::error::Error;
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
}

impl Failure {
    /// Usage of a thing that is fine as such, for `?` on errors of any kind.
    pub(crate) fn failed(error: &dyn Error) -> Self {
        Self::Failed(chain(error))
    }

    /// 2 for usage, 1 for the rest. A run that does not exist is a matter of usage.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Store(StoreError::NoSuchRun { .. } | StoreError::Ambiguous { .. }) => {
                ExitCode::from(2)
            }
            Self::Failed(_) | Self::Store(_) | Self::Report(_) => ExitCode::FAILURE,
        }
    }
}

/// An error with its causes: `cannot write x: no space left on device`.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries print their cause themselves.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
