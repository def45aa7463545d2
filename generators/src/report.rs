//! What a generator tells after its window.

use probe_abi::SparseHistogram;
use serde::{Deserialize, Serialize};

/// What a generator did inside its window, as the caller saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorReport {
    /// Operations of which every call began and ended in the window.
    pub operations: u64,
    /// One entry for each system call of the workload, in its order.
    pub calls: Vec<CallReport>,
    /// Operations that began later than intended because earlier ones were late; 0 in a closed loop.
    pub late: u64,
    /// Latency of whole operations from their intended start, with a fixed rate only.
    pub from_intended: Option<SparseHistogram>,
    /// The same for each workload of a mix; empty where there is one.
    #[serde(default)]
    pub mix: Vec<MixReport>,
    /// Calls that go with each operation and are timed by nobody, by name: those of helping threads and children, and
    /// the caller's own between operations.
    #[serde(default)]
    pub untimed: Vec<(String, u64)>,
}

/// What became of one workload of a mix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixReport {
    /// Its name.
    pub workload: String,
    /// See [`GeneratorReport::operations`].
    pub operations: u64,
    /// See [`GeneratorReport::late`].
    pub late: u64,
    /// See [`GeneratorReport::from_intended`].
    pub from_intended: Option<SparseHistogram>,
}

/// The calls of one name that began and ended in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// Name of the system call.
    pub syscall: String,
    /// Calls that succeeded.
    pub ok: SparseHistogram,
    /// Calls that failed.
    pub error: SparseHistogram,
    /// Failed calls by error number, rising; 0 stands for numbers beyond those known.
    #[serde(default)]
    pub errnos: Vec<(u16, u64)>,
}
