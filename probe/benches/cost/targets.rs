//! What the probe is meant to cost at most, and whether it keeps to that.

use crate::document::{ReadingFigures, Rows, ScalingFigures};
use crate::rows::{Kind, Row};
use crate::statistics::{Figure, figure};
use probe::Backend;
use serde::Serialize;

/// A target and how the figure stands to it.
#[derive(Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    /// None: the rows that it is about were left out.
    pub(crate) figure: Option<Figure>,
    /// Whether the median keeps to the bound; none without a figure.
    pub(crate) met: Option<bool>,
}

/// On which side of a limit a figure has to lie.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Below(limit) => value < limit,
        }
    }
}

/// Every target, in the order in which they are reported.
pub(crate) fn judge(
    rows: &Rows<'_>,
    scaling: Option<&ScalingFigures>,
    reading: Option<&ReadingFigures>,
) -> Vec<Verdict> {
    let traced = rows.of(Kind::Traced(Backend::RawTracepoint));
    let untraced = rows.of(Kind::Untraced(Backend::RawTracepoint));
    let floor = rows.of(Kind::Floor(Backend::RawTracepoint));
    let peer = cheapest_histogram(rows);
    let ratio = |row: Option<&Row>, other: Option<&Row>| rows.ratio(row?, other?);
    let own_floor = |backend| ratio(rows.of(Kind::Traced(backend)), rows.of(Kind::Floor(backend)));
    let peer_name = peer.map_or("none here", |peer| &peer.name);
    let banks = reading.map_or_else(String::new, |it| format!(" on {} CPUs", it.cpus));
    vec![
        verdict("traced, over the floor", Bound::AtMost(1.75), ratio(traced, floor)),
        verdict(
            &format!("traced, over the cheapest peer with a histogram ({peer_name})"),
            Bound::AtMost(0.55),
            ratio(traced, peer),
        ),
        verdict("untraced, over the floor", Bound::AtMost(1.05), ratio(untraced, floor)),
        verdict("kretprobe, traced, over its empty pair", Bound::AtMost(1.6), own_floor(Backend::Kretprobe)),
        verdict("fentry, traced, over its empty pair", Bound::AtMost(1.6), own_floor(Backend::Fentry)),
        verdict("scaling to two CPUs, probed over bare", Bound::AtLeast(0.95), scaling.map(|it| it.ratio)),
        verdict(
            &format!("reading the banks of 4 targets{banks}, µs"),
            Bound::Below(50.0),
            reading.map(|it| it.banks_us),
        ),
    ]
}

fn verdict(what: &str, bound: Bound, figure: Option<Figure>) -> Verdict {
    Verdict { what: what.into(), bound, figure, met: figure.map(|it| bound.holds(it.median)) }
}

/// The peer that adds least, of those that keep a histogram of each system call.
fn cheapest_histogram<'a>(rows: &Rows<'a>) -> Option<&'a Row> {
    let with_histogram = rows.0.iter().filter(|row| row.peer().is_some_and(|peer| peer.histogram));
    let added = with_histogram
        .filter_map(|row| Some((row, figure(rows.added(row).into_iter().flatten().collect())?.median)));
    added.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
}
