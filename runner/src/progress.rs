//! What the user sees while a run is under way; the only indicatif code.
//!
//! On a terminal a bar with trial, cell and remaining time, or the live view; elsewhere plain lines, at most about twenty of
//! them. Everything but the view goes to standard error: standard output is for results.

mod figures;

use crate::keeper::Keeper;
use crate::live::{self, Kind, Notes, State, View};
use figures::Watched;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use store::{Status, TrialRecord};

/// What is on the terminal: there is one, and not only its owner has something to say there.
static ON_TERMINAL: Mutex<Option<OnTerminal>> = Mutex::new(None);

#[derive(Clone, Debug)]
enum OnTerminal {
    Bar(ProgressBar),
    View(Notes),
}

/// Tells how far a run is.
#[derive(Debug)]
pub(crate) struct Progress {
    sink: Sink,
    trials: u32,
    done: u32,
    /// Trials that an earlier runner had executed.
    before: u32,
    /// Trials without figures.
    lost: u32,
    started: Instant,
}

#[derive(Debug)]
enum Sink {
    Bar(ProgressBar),
    View(Watched),
    Lines,
    Nothing,
}

impl Progress {
    /// For a run of `trials`; `quiet` says nothing at all but warnings.
    pub(crate) fn new(trials: u32, quiet: bool) -> Self {
        let sink = match (quiet, stderr().is_terminal()) {
            (true, _) => Sink::Nothing,
            (false, true) => Sink::Bar(bar(trials)),
            (false, false) => Sink::Lines,
        };
        Self { sink, trials, done: 0, before: 0, lost: 0, started: Instant::now() }
    }

    /// Shows the figures of each cell from now on, until [`Self::end`]; `title` says of what. `keeper` gives the terminal
    /// back where this process cannot.
    pub(crate) fn go_live(&mut self, title: String, keeper: &Keeper) -> std::io::Result<()> {
        let state =
            State::new(Kind::Run, (title, String::new()), crate::commands::colour(&std::io::stdout()));
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
            on_terminal(None);
        }
        // Should there be no view, the bar is gone as well, and lines are left.
        self.sink = Sink::Lines;
        let view = View::open(state, keeper)?;
        say_in(Some(view.notes()));
        self.sink = Sink::View(Watched::of(view));
        self.show();
        Ok(())
    }

    /// So many trials were executed before.
    pub(crate) fn go_on_after(&mut self, done: u32) {
        self.done = done;
        self.before = done;
        if let Sink::Bar(bar) = &self.sink {
            bar.set_position(u64::from(done));
        }
    }

    /// The next trials wait for this load level to settle.
    pub(crate) fn settling(&mut self, block: u32, level: &str) {
        self.happens(format!("block {}: load {level} ramps up", block + 1));
    }

    /// A trial of this cell begins.
    pub(crate) fn begins(&mut self, cell: &str) {
        self.happens(cell.to_owned());
    }

    fn happens(&mut self, words: String) {
        match &mut self.sink {
            Sink::Bar(bar) => bar.set_message(words),
            Sink::View(watched) => watched.now = words,
            Sink::Lines | Sink::Nothing => {}
        }
        self.show();
    }

    /// A trial has these figures.
    pub(crate) fn measured(&mut self, cell: &str, record: &TrialRecord) {
        if let Sink::View(watched) = &mut self.sink {
            watched.figures.add(cell, record);
        }
        self.show();
    }

    /// Brings the view up to date.
    fn show(&self) {
        if let Sink::View(watched) = &self.sink {
            let left = (self.done > self.before).then(|| self.remaining());
            let (done, of, lost) = (self.done, self.trials, self.lost);
            watched.show(live::Progress::Trials { done, of, left, lost });
        }
    }

    /// A trial was stored, with what became of it.
    pub(crate) fn stored(&mut self, cell: &str, status: Status) {
        self.done += 1;
        self.lost += u32::from(status != Status::Ok);
        let lost = match self.lost {
            0 => String::new(),
            lost => format!("{lost} without figures  "),
        };
        match &self.sink {
            Sink::Bar(bar) => {
                bar.set_position(u64::from(self.done));
                bar.set_prefix(lost);
            }
            Sink::Lines if self.done.is_multiple_of(self.trials.div_ceil(20)) || self.done == self.trials => {
                let outcome = match status {
                    Status::Ok => String::new(),
                    other => format!(": {}", other.name()),
                };
                let (done, trials, left) = (self.done, self.trials, brief(self.remaining()));
                say(&format!("trial {done}/{trials}  {cell}{outcome}  {lost}{left} left"));
            }
            Sink::View(_) | Sink::Lines | Sink::Nothing => {}
        }
        self.show();
    }

    /// Something that the user should know now.
    pub(crate) fn warn(&self, message: &str) {
        let line = format!("warning: {message}");
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| say(&line)),
            Sink::View(watched) => watched.say(&line),
            Sink::Lines | Sink::Nothing => say(&line),
        }
    }

    /// What happens, for whoever wants to follow.
    pub(crate) fn note(&self, message: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| say(message)),
            Sink::View(watched) => watched.say(message),
            Sink::Lines => say(message),
            Sink::Nothing => {}
        }
    }

    /// The last trial is stored, or the run ends early.
    pub(crate) fn end(&mut self) {
        match &self.sink {
            Sink::Bar(bar) => {
                bar.finish_and_clear();
                on_terminal(None);
            }
            Sink::View(_) => {
                let Sink::View(watched) = std::mem::replace(&mut self.sink, Sink::Lines) else { return };
                on_terminal(None);
                for note in watched.close() {
                    say(&note);
                }
            }
            Sink::Lines | Sink::Nothing => {}
        }
    }

    fn remaining(&self) -> Duration {
        self.started.elapsed() * (self.trials - self.done) / (self.done - self.before).max(1)
    }
}

fn bar(trials: u32) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(trials.into()), ProgressDrawTarget::stderr());
    // The template is a constant; should it ever be wrong, the plain style serves.
    let template = "{bar:24} {pos}/{len} trials done  {left}{prefix}{wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─").with_key("left", left));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    on_terminal(Some(OnTerminal::Bar(bar.clone())));
    bar
}

/// The remaining time, once there is a trial to judge by.
fn left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(out, "{} left  ", brief(state.eta()));
    }
}

fn on_terminal(what: Option<OnTerminal>) {
    if let Ok(mut place) = ON_TERMINAL.lock() {
        *place = what;
    }
}

/// From now on, what is said beside goes into this view; with none, to standard error again.
pub(crate) fn say_in(view: Option<Notes>) {
    on_terminal(view.map(OnTerminal::View));
}

/// Says something from any thread, beside the bar or in the view where there is one.
pub(crate) fn say_beside(line: &str) {
    let what = ON_TERMINAL.lock().ok().and_then(|place| place.clone());
    match what {
        Some(OnTerminal::Bar(bar)) => bar.suspend(|| say(line)),
        Some(OnTerminal::View(notes)) => notes.say(line),
        None => say(line),
    }
}

/// Standard error may be closed; that must not end a measurement.
fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// A duration for people: `42 s`, `3 min 20 s`.
pub(crate) fn brief(duration: Duration) -> String {
    let seconds = (duration + Duration::from_millis(500)).as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}
