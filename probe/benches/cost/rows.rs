//! What is attached while getpid is timed, a row of the table each, and the timing of one row in one round.

use crate::Fallible;
use crate::options::Options;
use crate::peers::{Attached, PEERS, Peer};
use crate::worker::{Timing, Worker};
use probe::{Backend, Floor, Probe, Scope, Target, Window, monotonic_ns};
use serde::Serialize;
use std::path::PathBuf;

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Nothing is attached.
    Bare,
    /// An empty pair of programs, attached as a backend attaches its own.
    Floor(Backend),
    /// The same with a clock reading each.
    Clocks,
    /// The probe, by a backend, which the worker is included in.
    Traced(Backend),
    /// The same, with another process included in the worker's place.
    Untraced(Backend),
    /// One of [`PEERS`].
    Peer(usize),
}

/// A row and what was seen of it.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) calls: u32,
    /// By round; none where the row did not take part.
    pub(crate) rounds: Vec<Option<Timing>>,
    /// Calls issued, and how many of them the row says it saw; none where it keeps no account.
    pub(crate) account: Option<Account>,
    program: PathBuf,
    /// A peer's, in its own words.
    pub(crate) version: Option<String>,
}

/// What was issued under a row and what it counted, over all rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) issued: u64,
    pub(crate) counted: u64,
}

/// A row that could not be measured, and why.
#[derive(Serialize)]
pub(crate) struct LeftOut {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// Detaches when dropped.
enum Instrument {
    Nothing,
    Floor { _programs: Floor },
    Probe(Box<Probe>),
    Peer(Attached),
}

impl Row {
    pub(crate) fn peer(&self) -> Option<&'static Peer> {
        if let Kind::Peer(index) = self.kind { PEERS.get(index) } else { None }
    }

    /// Times the row in one round. The inner error leaves the row out, the outer one ends the benchmark.
    pub(crate) fn measure(&mut self, worker: &mut Worker) -> Fallible<Result<Timing, String>> {
        let instrument = match self.attach(worker.pid()) {
            Ok(instrument) => instrument,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let timing = worker.getpid(self.calls).map_err(|error| format!("{}: {error}", self.name))?;
        let issued = u64::from(self.calls + self.calls / 10);
        match instrument.finish() {
            Ok(Some(counted)) => {
                let account = self.account.get_or_insert_default();
                account.issued += issued;
                account.counted += counted;
            }
            Ok(None) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
        Ok(Ok(timing))
    }

    fn attach(&self, worker: u32) -> Fallible<Instrument> {
        Ok(match self.kind {
            Kind::Bare => Instrument::Nothing,
            Kind::Floor(backend) => {
                Instrument::Floor { _programs: Floor::empty(backend, &Target::named("getpid")?)? }
            }
            Kind::Clocks => Instrument::Floor { _programs: Floor::clocks()? },
            Kind::Traced(backend) => Instrument::Probe(Box::new(armed(backend, &["getpid"], worker)?)),
            Kind::Untraced(backend) => {
                Instrument::Probe(Box::new(armed(backend, &["getpid"], std::process::id())?))
            }
            Kind::Peer(index) => Instrument::Peer(PEERS[index].attach(&self.program, worker)?),
        })
    }
}

impl Instrument {
    /// Detaches, and returns how many getpid were counted by what counts.
    fn finish(self) -> Fallible<Option<u64>> {
        match self {
            Self::Nothing | Self::Floor { .. } => Ok(None),
            Self::Probe(mut probe) => {
                let reading = probe.read()?.pop().ok_or("the probe read no target")?;
                Ok(Some(reading.returned))
            }
            Self::Peer(attached) => attached.finish().map(Some),
        }
    }
}

/// The probe on calls of process `tgid`, its window open.
pub(crate) fn armed(backend: Backend, targets: &[&str], tgid: u32) -> Fallible<Probe> {
    let targets: Vec<_> = targets.iter().map(|name| Target::named(name)).collect::<Result<_, _>>()?;
    let mut probe = Probe::attach(backend, &targets, Scope::Generators)?;
    probe.include(tgid)?;
    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
    Ok(probe)
}

/// Every row that there is a program for, and the peers that there is none for.
pub(crate) fn all(options: &Options) -> (Vec<Row>, Vec<LeftOut>) {
    let row = |kind, name: &str| Row {
        kind,
        name: name.into(),
        calls: options.calls,
        rounds: vec![None; options.rounds],
        account: None,
        program: PathBuf::new(),
        version: None,
    };
    let mut rows = vec![
        row(Kind::Bare, "bare"),
        row(Kind::Floor(Backend::RawTracepoint), "empty pair (the floor)"),
        row(Kind::Clocks, "empty pair, two clocks"),
    ];
    for backend in Backend::ALL.into_iter().filter(|backend| *backend != Backend::User) {
        if backend != Backend::RawTracepoint {
            rows.push(row(Kind::Floor(backend), &format!("{backend}, empty pair")));
        }
        rows.push(row(Kind::Traced(backend), &format!("{backend}, traced")));
        rows.push(row(Kind::Untraced(backend), &format!("{backend}, untraced")));
    }
    let mut left_out = Vec::new();
    for (index, peer) in PEERS.iter().enumerate() {
        if let Some(program) = peer.find() {
            let calls = if peer.slow { options.calls / 10 } else { options.calls };
            let version = Peer::version(&program);
            rows.push(Row { calls, program, version, ..row(Kind::Peer(index), peer.name) });
        } else {
            let reason = format!("not installed (Debian's package: {})", peer.package);
            left_out.push(LeftOut { name: peer.name.into(), reason });
        }
    }
    (rows, left_out)
}
