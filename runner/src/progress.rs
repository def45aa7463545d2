//! What the user sees while a run is under way; the only indicatif code.
//!
//! On a terminal a bar with trial, cell and remaining time; elsewhere plain lines, at most about twenty of them.
//! Everything goes to standard error: standard output is for results.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use store::Status;

/// The bar that is on the terminal: there is one, and not only its owner has something to say there.
static ON_TERMINAL: Mutex<Option<ProgressBar>> = Mutex::new(None);

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

    /// So many trials were executed before.
    pub(crate) fn go_on_after(&mut self, done: u32) {
        self.done = done;
        self.before = done;
        if let Sink::Bar(bar) = &self.sink {
            bar.set_position(u64::from(done));
        }
    }

    /// The next trials wait for this load level to settle.
    pub(crate) fn settling(&self, block: u32, level: &str) {
        if let Sink::Bar(bar) = &self.sink {
            bar.set_message(format!("block {}: load {level} ramps up", block + 1));
        }
    }

    /// A trial of this cell begins.
    pub(crate) fn begins(&self, cell: &str) {
        if let Sink::Bar(bar) = &self.sink {
            bar.set_message(cell.to_owned());
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
            Sink::Lines | Sink::Nothing => {}
        }
    }

    /// Something that the user should know now.
    pub(crate) fn warn(&self, message: &str) {
        let line = format!("warning: {message}");
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| say(&line)),
            Sink::Lines | Sink::Nothing => say(&line),
        }
    }

    /// What happens, for whoever wants to follow.
    pub(crate) fn note(&self, message: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| say(message)),
            Sink::Lines => say(message),
            Sink::Nothing => {}
        }
    }

    /// The last trial is stored, or the run ends early.
    pub(crate) fn end(&self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
            on_terminal(None);
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
    on_terminal(Some(bar.clone()));
    bar
}

/// The remaining time, once there is a trial to judge by.
fn left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(out, "{} left  ", brief(state.eta()));
    }
}

fn on_terminal(bar: Option<ProgressBar>) {
    if let Ok(mut place) = ON_TERMINAL.lock() {
        *place = bar;
    }
}

/// Says something from any thread, beside the bar where there is one.
pub(crate) fn say_beside(line: &str) {
    let bar = ON_TERMINAL.lock().ok().and_then(|place| place.clone());
    match bar {
        Some(bar) => bar.suspend(|| say(line)),
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
