//! What the live view shows, and what keys do to it. Plain values: nothing here knows a terminal.

use reports::trace::{is_seen, ledger, max_ns, quantile_ns, returned, since, time_ns};
use std::cmp::Ordering;
use std::time::Duration;
use store::Measure;

/// Most notes that are remembered for the screen.
const NOTES: usize = 100;

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) kind: Kind,
    /// What is looked at, in words.
    pub(crate) title: String,
    /// How: the backend.
    pub(crate) how: String,
    /// Whether there may be colours.
    pub(crate) has_colour: bool,
    /// How long it has taken.
    pub(crate) elapsed: Duration,
    /// What is drawn.
    pub(crate) look: Look,
    /// What came since, while that stands still.
    pub(crate) held: Option<Look>,
    /// What was there when the figures were last set to nothing.
    before: Vec<Measure>,
    pub(crate) sort: Sort,
    /// The name of the entry that is shown in detail; none for the first.
    pub(crate) selected: Option<String>,
    pub(crate) is_help: bool,
    /// What there was to say, the latest last.
    pub(crate) notes: Vec<String>,
    /// What a key asked for.
    pub(crate) wished: Option<Wished>,
}

/// What a key may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wished {
    /// The end.
    End,
    /// The end, as by a signal.
    Interrupt,
}

/// Of what it is a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a trace: an entry for each system call.
    Trace,
    /// Of a run: an entry for each target of each cell.
    Run,
}

/// A moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Look {
    pub(crate) entries: Vec<Entry>,
    /// How far it has come, of how much; none where nobody knows.
    pub(crate) progress: Option<Progress>,
    /// What happens now.
    pub(crate) now: String,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Until the time is over.
    Time(Duration),
    /// Trials, the time that is left, and how many have no figures.
    Trials { done: u32, of: u32, left: Option<Duration>, lost: u32 },
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// By its name, which in a run has the cell's in it.
    pub(crate) measure: Measure,
    /// Calls per second at last.
    pub(crate) per_second: f64,
}

/// By what entries are sorted: all but the name from the greatest to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Calls,
    Rate,
    Errors,
    P50,
    P99,
    Max,
    Time,
    Name,
}

impl Sort {
    const ALL: [Self; 8] =
        [Self::Calls, Self::Rate, Self::Errors, Self::P50, Self::P99, Self::Max, Self::Time, Self::Name];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Rate => "rate",
            Self::Errors => "errors",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Max => "max",
            Self::Time => "time",
            Self::Name => "name",
        }
    }

    fn next(self, step: usize) -> Self {
        let place = Self::ALL.iter().position(|it| *it == self).unwrap_or(0);
        Self::ALL[(place + step) % Self::ALL.len()]
    }

    /// Of one measure that is behind another the order is `Greater`.
    fn order(self, a: &Entry, b: &Entry) -> Ordering {
        let falling = |of: &dyn Fn(&Entry) -> f64| of(b).total_cmp(&of(a));
        let quantile = |q: f64| move |it: &Entry| quantile_ns(&it.measure, q).unwrap_or(-1.0);
        match self {
            Self::Calls => falling(&|it| returned(&it.measure) as f64),
            Self::Rate => falling(&|it| it.per_second),
            Self::Errors => falling(&|it| it.measure.error.count as f64),
            Self::P50 => falling(&quantile(0.5)),
            Self::P99 => falling(&quantile(0.99)),
            Self::Max => falling(&|it| max_ns(&it.measure).map_or(-1.0, |ns| ns as f64)),
            Self::Time => falling(&|it| time_ns(&it.measure) as f64),
            Self::Name => Ordering::Equal,
        }
    }
}

/// A key, as far as the view has a use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Up,
    Down,
    First,
    Last,
    Letter(char),
    /// Ctrl-C.
    Interrupt,
    Escape,
}

impl State {
    pub(crate) fn new(kind: Kind, (title, how): (String, String), has_colour: bool) -> Self {
        Self {
            kind,
            title,
            how,
            has_colour,
            elapsed: Duration::ZERO,
            look: Look::default(),
            held: None,
            before: Vec::new(),
            sort: Sort::Calls,
            selected: None,
            is_help: false,
            notes: Vec::new(),
            wished: None,
        }
    }

    /// Whether the figures stand still.
    pub(crate) fn is_paused(&self) -> bool {
        self.held.is_some()
    }

    /// Takes a new look at things.
    pub(crate) fn update(&mut self, look: Look) {
        match &mut self.held {
            Some(held) => *held = look,
            None => self.look = look,
        }
    }

    /// Takes a note.
    pub(crate) fn note(&mut self, words: &str) {
        self.notes.push(words.to_owned());
        if self.notes.len() > NOTES {
            self.notes.remove(0);
        }
    }

    /// The entries as they are to be shown: since the figures were set to nothing, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.look.entries.clone();
        if !self.before.is_empty() {
            for entry in &mut entries {
                let since = since(std::slice::from_ref(&entry.measure), &self.before);
                entry.measure = since.into_iter().next().unwrap_or_else(|| entry.measure.clone());
            }
            // What is under way may have been so before.
            entries.retain(|it| is_seen(&it.measure) || ledger(&it.measure).censored > 0);
        }
        entries.sort_by(|a, b| self.sort.order(a, b).then_with(|| a.measure.syscall.cmp(&b.measure.syscall)));
        entries
    }

    /// The place of the entry that is shown in detail.
    pub(crate) fn place(&self, entries: &[Entry]) -> usize {
        let name = self.selected.as_deref();
        name.and_then(|name| entries.iter().position(|it| it.measure.syscall == name)).unwrap_or(0)
    }

    fn select(&mut self, step: impl Fn(usize, usize) -> usize) {
        let entries = self.entries();
        let last = entries.len().saturating_sub(1);
        let place = step(self.place(&entries), last).min(last);
        self.selected = entries.get(place).map(|it| it.measure.syscall.clone());
    }
}

/// The state after a key.
pub(crate) fn pressed(mut state: State, key: Key) -> State {
    let had_help = std::mem::take(&mut state.is_help);
    match key {
        Key::Up | Key::Letter('k') => state.select(|place, _| place.saturating_sub(1)),
        Key::Down | Key::Letter('j') => state.select(|place, _| place + 1),
        Key::First | Key::Letter('g') => state.select(|_, _| 0),
        Key::Last | Key::Letter('G') => state.select(|_, last| last),
        Key::Letter('s') => state.sort = state.sort.next(1),
        Key::Letter('S') => state.sort = state.sort.next(Sort::ALL.len() - 1),
        Key::Letter('p' | ' ') => match state.held.take() {
            Some(held) => state.look = held,
            None => state.held = Some(state.look.clone()),
        },
        Key::Letter('r') if state.kind == Kind::Trace => {
            let latest = state.held.as_ref().unwrap_or(&state.look);
            state.before = latest.entries.iter().map(|it| it.measure.clone()).collect();
        }
        Key::Letter('?' | 'h') => state.is_help = !had_help,
        Key::Escape if had_help => {}
        Key::Interrupt => state.wished = Some(Wished::Interrupt),
        Key::Letter('q') | Key::Escape => state.wished = Some(Wished::End),
        Key::Letter(_) => state.is_help = had_help,
    }
    state
}
