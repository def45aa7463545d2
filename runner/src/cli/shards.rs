//! Parts of a plan, and one run of several.

use super::RunsDir;
use clap::{Args, ValueEnum};
use store::{MOST_PARTS, Shard, ShardBy};

/// What stands below the options of `merge`.
pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  runner run openat.toml --shard 1/2 --label first
  runner run openat.toml --shard 2/2 --label second
  runner merge first second --label whole";

/// What a part of a plan has as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Undivided {
    /// Blocks: each part has every cell, and less often
    #[default]
    Block,
    /// Cells: each part has every repetition of some cells; for one machine, or machines that are alike
    Cell,
}

/// A part of the plan instead of all of it.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ShardArguments {
    /// Only part I of N of the plan, as 1/4 to 4/4: a fair sample of it. `runner merge` makes one run of all N
    #[arg(long, value_name = "I/N", value_parser = part)]
    shard: Option<(u32, u32)>,
    /// What is never divided between parts; all parts need the same
    #[arg(long, value_name = "WHAT", requires = "shard", default_value = "block")]
    shard_by: Undivided,
}

impl ShardArguments {
    /// The part that is asked for, if one is.
    pub(crate) fn shard(&self) -> Option<Shard> {
        let by = match self.shard_by {
            Undivided::Block => ShardBy::Block,
            Undivided::Cell => ShardBy::Cell,
        };
        self.shard.map(|(number, of)| Shard { number, of, by })
    }
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// The runs, named as in `report`: every part of one plan, or a whole run from each machine, or under each kernel
    #[arg(required = true)]
    pub(crate) runs: Vec<String>,
    /// A name to find the new run by: 1 to 64 letters, digits, `_` or `-`
    #[arg(long, value_name = "NAME", value_parser = super::label)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// No progress; errors, warnings and the report's path only
    #[arg(long)]
    pub(crate) quiet: bool,
    /// One JSON document on standard output at the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// `2/4`.
fn part(text: &str) -> Result<(u32, u32), String> {
    let expected = || "expected I/N with I from 1 to N, such as 2/4".to_owned();
    let (number, of) = text.split_once('/').ok_or_else(expected)?;
    let number = number.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(expected)?;
    let of = of.parse::<u32>().ok().filter(|of| number <= *of).ok_or_else(expected)?;
    if of as usize > MOST_PARTS {
        return Err(format!("there can be at most {MOST_PARTS} parts, for so many are merged"));
    }
    Ok((number, of))
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_count_from_one_to_all() {
        assert_eq!((part("1/1"), part("2/4"), part("4/4")), (Ok((1, 1)), Ok((2, 4)), Ok((4, 4))));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "1.5/4", "a/b", "1/99999999999"] {
            assert!(part(wrong).is_err_and(|told| told.contains("such as 2/4")), "{wrong}");
        }
        assert_eq!(part("4096/4096"), Ok((4096, 4096)));
        assert!(part("1/4097").unwrap_err().contains("at most 4096 parts"));
    }
}
