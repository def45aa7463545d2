//! The arguments of `runner new`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The scenario's name, and its file's without `.toml`
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// A shipped scenario to begin with, instead of a short one that shows what there is
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) from: Option<String>,
    /// List the scenarios that are shipped, which `run`, `plan` and `check` take by their names
    #[arg(long, conflicts_with_all = ["name", "from"])]
    pub(crate) list: bool,
}
