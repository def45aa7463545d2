//! Summaries, comparisons and charts of kept runs.
//!
//! Owns everything from the values of a run to a finished report: figures first ([`summarise`], [`compare`]), then
//! their renderings ([`text`], [`markdown`], [`json`], [`html`]). A [`trace`] has figures and renderings of its own.
//! Everything here is a pure function: nothing reads or writes files, prints, or measures.

pub mod answer;
pub mod calibration;
pub mod charts;
mod comparison;
pub mod detection;
mod error;
pub mod export;
pub mod fleet;
mod history;
pub mod html;
pub mod json;
pub mod markdown;
mod markup;
pub mod merged;
mod metric;
mod rows;
mod spelled;
pub mod statistics;
pub mod stopping;
mod summary;
pub mod text;
mod timeline;
pub mod trace;
pub mod units;
mod view;

pub use comparison::{
    Comparison, Difference, Effect, Failing, Gate, Insist, Insisted, Lack, Missing, Point, Question, Series,
    TooFew, Trend, Unit, Verdict, check_comparable, compare, compare_all,
};
pub use error::{CompareError, ReportError};
pub use history::{History, RunFigures};
pub use metric::{CALLS_BEYOND, Metric, UnknownMetric};
pub use summary::{
    CellSummary, CostFigure, DisturbedTrial, ErrorCount, Figure, GeneratorSummary, KeptCall, LevelLoad,
    MeasureSummary, OffCpu, Place, ProbeCost, Progress, Repetition, SlowestCalls, StressorLoad, Summary,
    TargetLedger, TrialFailure, summarise,
};
pub use text::TextOptions;
pub use view::{RunView, smt_words};
