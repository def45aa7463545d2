//! What a benchmark found, as figures: the document that `--json` prints and the tables are drawn from.

use crate::bench::Found;
use crate::machine::Machine;
use crate::options::Options;
use crate::reading::Reading;
use crate::rows::{Kind, LeftOut, Row};
use crate::scaling::Pair;
use crate::statistics::{Figure, figure};
use crate::targets::{Verdict, judge};
use crate::worker::Timing;
use probe::Backend;
use serde::Serialize;

/// Grows when a field changes its meaning or goes; new fields may come at any time.
const VERSION: u32 = 1;

/// How the intervals come about, for whoever reads the document.
pub(crate) const INTERVAL: &str = "median and its 95 % interval by order statistics: from the k-th smallest to the k-th \
    largest of n rounds, k the greatest with P(Binomial(n, 1/2) < k) <= 0.025";

/// Everything that was found.
#[derive(Serialize)]
pub(crate) struct Document {
    pub(crate) format: &'static str,
    pub(crate) version: u32,
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) calls: u32,
    pub(crate) interval: &'static str,
    pub(crate) costs: Vec<Cost>,
    pub(crate) scaling: Option<ScalingFigures>,
    pub(crate) reading: Option<ReadingFigures>,
    pub(crate) targets: Vec<Verdict>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// A row: nanoseconds of one getpid.
#[derive(Serialize)]
pub(crate) struct Cost {
    pub(crate) name: String,
    /// `bare`, `floor`, `clocks`, `traced`, `untraced` or `peer`.
    pub(crate) kind: &'static str,
    /// Calls timed in a round.
    pub(crate) calls: u32,
    /// Of the caller's processor time.
    pub(crate) processor_ns: Figure,
    pub(crate) wall_ns: Figure,
    /// Processor time beyond the bare call's of the same round.
    pub(crate) added_ns: Option<Figure>,
    /// That, over the floor's of the same round: an empty pair attached in the same way.
    pub(crate) times_floor: Option<Figure>,
    /// Share of the calls issued that the row says it saw, over all rounds.
    pub(crate) counted: Option<f64>,
    /// What a peer keeps of each system call.
    pub(crate) keeps: Option<&'static str>,
    /// A peer's, in its own words.
    pub(crate) version: Option<String>,
}

/// Throughput of two pinned threads over that of one.
#[derive(Serialize)]
pub(crate) struct ScalingFigures {
    pub(crate) cpus: [usize; 2],
    pub(crate) bare: Figure,
    pub(crate) probed: Figure,
    /// Probed over bare, in the same round.
    pub(crate) ratio: Figure,
    /// The same by the threads' processor time.
    pub(crate) processor_ratio: Figure,
}

/// `Probe::read`, in microseconds.
#[derive(Serialize)]
pub(crate) struct ReadingFigures {
    pub(crate) targets: usize,
    pub(crate) cpus: usize,
    pub(crate) whole_us: Figure,
    pub(crate) grace_us: Figure,
    pub(crate) banks_us: Figure,
    pub(crate) starts_us: Figure,
}

impl Document {
    /// The figures of what was `found`.
    pub(crate) fn of(found: Found, machine: Machine, options: &Options) -> Self {
        let rows = Rows(&found.rows);
        let scaling = scaling(&found.scaling, &machine);
        let reading = reading(&found.readings, &machine);
        let targets = judge(&rows, scaling.as_ref(), reading.as_ref());
        Self {
            format: "syscall-lab probe cost",
            version: VERSION,
            rounds: options.rounds,
            calls: options.calls,
            interval: INTERVAL,
            costs: found.rows.iter().filter_map(|row| cost(&rows, row)).collect(),
            scaling,
            reading,
            targets,
            left_out: found.left_out,
            machine,
        }
    }
}

/// The rows, whose rounds belong together.
pub(crate) struct Rows<'a>(pub(crate) &'a [Row]);

impl<'a> Rows<'a> {
    pub(crate) fn of(&self, kind: Kind) -> Option<&'a Row> {
        self.0.iter().find(|row| row.kind == kind)
    }

    /// The empty pair that `row` is to be compared with: one of its own kind.
    pub(crate) fn floor_of(&self, row: &Row) -> Option<&'a Row> {
        let backend = match row.kind {
            Kind::Floor(backend) | Kind::Traced(backend) | Kind::Untraced(backend) => backend,
            Kind::Bare | Kind::Clocks | Kind::Peer(_) => Backend::RawTracepoint,
        };
        self.of(Kind::Floor(backend))
    }

    /// Processor time that `row` adds to the bare call, in each round; none where either did not take part.
    pub(crate) fn added(&self, row: &Row) -> Vec<Option<f64>> {
        let bare = self.of(Kind::Bare).map_or(&[][..], |bare| &bare.rounds);
        let pairs = row.rounds.iter().zip(bare);
        pairs.map(|(row, bare)| Some((*row)?.processor_ns - (*bare)?.processor_ns)).collect()
    }

    /// What `row` adds over what `other` adds, of the rounds that both took part in.
    pub(crate) fn ratio(&self, row: &Row, other: &Row) -> Option<Figure> {
        let (row, other) = (self.added(row), self.added(other));
        figure(row.into_iter().zip(other).filter_map(|(row, other)| Some(row? / other?)).collect())
    }
}

fn cost(rows: &Rows<'_>, row: &Row) -> Option<Cost> {
    let of = |ns: fn(&Timing) -> f64| figure(row.rounds.iter().flatten().map(ns).collect());
    let added = || figure(rows.added(row).into_iter().flatten().collect());
    let above_bare = row.kind != Kind::Bare;
    Some(Cost {
        name: row.name.clone(),
        kind: match row.kind {
            Kind::Bare => "bare",
            Kind::Floor(_) => "floor",
            Kind::Clocks => "clocks",
            Kind::Traced(_) => "traced",
            Kind::Untraced(_) => "untraced",
            Kind::Peer(_) => "peer",
        },
        calls: row.calls,
        processor_ns: of(|it| it.processor_ns)?,
        wall_ns: of(|it| it.wall_ns)?,
        added_ns: above_bare.then(added).flatten(),
        times_floor: rows.floor_of(row).filter(|_| above_bare).and_then(|floor| rows.ratio(row, floor)),
        counted: row.account.map(|it| it.counted as f64 / it.issued as f64),
        keeps: row.peer().map(|peer| peer.keeps),
        version: row.version.clone(),
    })
}

fn scaling(pairs: &[Pair], machine: &Machine) -> Option<ScalingFigures> {
    let of = |value: fn(&Pair) -> f64| figure(pairs.iter().map(value).collect());
    Some(ScalingFigures {
        cpus: machine.two_cpus()?,
        bare: of(|it| it.bare.wall)?,
        probed: of(|it| it.probed.wall)?,
        ratio: of(|it| it.probed.wall / it.bare.wall)?,
        processor_ratio: of(|it| it.probed.processor / it.bare.processor)?,
    })
}

fn reading(readings: &[Reading], machine: &Machine) -> Option<ReadingFigures> {
    let of = |value: fn(&Reading) -> f64| figure(readings.iter().map(value).collect());
    Some(ReadingFigures {
        targets: crate::reading::TARGETS,
        cpus: machine.present,
        whole_us: of(|it| it.whole_us)?,
        grace_us: of(|it| it.grace_us)?,
        banks_us: of(|it| it.banks_us)?,
        starts_us: of(|it| it.starts_us)?,
    })
}
