//! Why the generator gives up, and with which exit code.

use std::io;
use std::process::ExitCode;

/// Every failure happens before the generator is ready: from then on, failing calls are data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The description is not the JSON that it should be.
    #[error("the generator's description is not valid")]
    Description(#[from] serde_json::Error),
    /// The description asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A preparation failed.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// The workload's first operation failed.
    #[error("the first {syscall} of the {workload} workload failed")]
    FirstCall {
        /// The call that failed.
        syscall: &'static str,
        /// Whose call it is.
        workload: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The first read or write moved fewer bytes than it was to; Linux moves at most 2 GiB less one page at once.
    #[error("the first call moved {returned} of {wanted} bytes")]
    Short {
        /// Bytes that were moved.
        returned: isize,
        /// Bytes that were to be moved.
        wanted: usize,
    },
    /// A thread ended before it was ready, without saying why.
    #[error("a thread of the generator ended unexpectedly")]
    ThreadLost,
}

impl Failure {
    /// For `map_err`: wraps what the system said with what was tried.
    pub(crate) fn system<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        |source| Self::System { action: action.into(), source: source.into() }
    }

    /// 2 when the request is wrong, 1 when it failed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Description(_) | Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
