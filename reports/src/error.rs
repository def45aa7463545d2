//! What can go wrong.

/// Why a report cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart could not be drawn.
    #[error("cannot draw the chart {chart}: {reason}")]
    Chart {
        /// Its file name, without extension.
        chart: String,
        /// What the plotting library said.
        reason: String,
    },
    /// A chart could not be turned into pixels.
    #[error("cannot turn the chart {chart} into an image: {reason}")]
    Image {
        /// Its file name, without extension.
        chart: String,
        /// What the rasteriser said.
        reason: String,
    },
    /// The page could not be filled in.
    #[error("cannot fill in the report's template")]
    Template(#[from] askama::Error),
    /// The figures could not be written as JSON.
    #[error("cannot write the figures as JSON")]
    Json(#[from] serde_json::Error),
}

/// Why two runs are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// They were observed by different backends.
    #[error(
        "the baseline was observed by {base}, the candidate by {candidate}; their latencies do not mean the same: measure both with one `--probe`, or insist with `--across-backends`"
    )]
    Backend {
        /// Backend of the baseline.
        base: String,
        /// Backend of the candidate.
        candidate: String,
    },
    /// A target has other vantages in one than in the other.
    #[error(
        "{syscall} was seen from {base} in the baseline, from {candidate} in the candidate: measure both alike, or insist with `--across-vantages`"
    )]
    Vantage {
        /// The target.
        syscall: String,
        /// Vantages in the baseline.
        base: String,
        /// Vantages in the candidate.
        candidate: String,
    },
    /// The targets differ.
    #[error(
        "the baseline measures {base}, the candidate {candidate}: `--across-cells` compares what both have"
    )]
    Targets {
        /// Targets of the baseline.
        base: String,
        /// Targets of the candidate.
        candidate: String,
    },
    /// The factors or their levels differ.
    #[error(
        "the cells differ: {base} in the baseline, {candidate} in the candidate; `--across-cells` compares those that both have"
    )]
    Cells {
        /// The differing factor in the baseline, with its levels.
        base: String,
        /// The same in the candidate.
        candidate: String,
    },
    /// A factor with several levels is in one of them only.
    #[error(
        "only one of the runs has the factor {0}: a cell of the other would have several partners; run it with that factor, or this one with a single level"
    )]
    LoneFactor(String),
    /// One was made of the other, or both of the same run.
    #[error(
        "{0} is on both sides: a run that was made of others has their trials, and what is compared with itself shows no change; compare runs that were executed apart"
    )]
    Shared(String),
    /// The threshold is no share above zero and below one.
    #[error("a threshold of {0} is not between 0 % and 100 %")]
    Threshold(String),
}
