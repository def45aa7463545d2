//! The live view in a terminal: keys are heard, figures shown, and the terminal is given back whatever comes.

use super::faults::{LONG, MANY, begin, runs, send, until};
use super::terminal::terminal;
use super::{own_turn, text};
use rustix::process::{Signal, geteuid};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use store::{Run, State};

/// What leaves the view's screen.
const LEFT: &str = "\u{1b}[?1049l";

/// A terminal with somebody in it, all that came to it, and how it was before.
struct Seat {
    keys: File,
    inner: File,
    shown: Arc<Mutex<Vec<u8>>>,
    before: Termios,
    child: Child,
}

impl Seat {
    /// Starts `script` by a shell that has a terminal of its own; `$0` is the runner.
    fn take(folder: &Path, script: &str) -> Self {
        let (outer, inner) = terminal();
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&inner, size).unwrap();
        let before = tcgetattr(&inner).unwrap();
        let mut session = Command::new("setsid");
        session.args(["--ctty", "sh", "-c", script, env!("CARGO_BIN_EXE_runner")]).current_dir(folder);
        session.env("TERM", "xterm-256color").env("SYSCALL_LAB_TURN", own_turn()).env("TMPDIR", folder);
        session.env_remove("RUNNER_RUNS_DIR").env_remove("NO_COLOR");
        session.stdin(inner.try_clone().unwrap()).stdout(inner.try_clone().unwrap());
        let child = session.stderr(inner.try_clone().unwrap()).spawn().unwrap();
        let (shown, mut reader) = (Arc::new(Mutex::new(Vec::new())), outer.try_clone().unwrap());
        let all = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                all.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self { keys: outer, inner, shown, before, child }
    }

    fn shown(&self) -> String {
        text(&self.shown.lock().unwrap())
    }

    /// Waits until a word is shown. Only what changes is drawn, letter by letter: a change of size now and then has all of it
    /// drawn anew.
    fn wait_for(&self, word: &str) {
        let mut looks = 0;
        let is_shown = until(|| {
            looks += 1;
            if looks % 50 == 0 {
                self.resize(100 + looks / 50 % 2);
            }
            self.shown().contains(word)
        });
        assert!(is_shown, "no `{word}` in {:?}", self.shown());
    }

    fn resize(&self, columns: u16) {
        let size = Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.inner, size).unwrap();
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn is_as_before(&self) -> bool {
        let now = tcgetattr(&self.inner).unwrap();
        (now.input_modes, now.output_modes, now.control_modes, now.local_modes)
            == (
                self.before.input_modes,
                self.before.output_modes,
                self.before.control_modes,
                self.before.local_modes,
            )
    }

    /// The end of the script, with its exit code; the terminal is as it was, and the view's screen is left.
    fn assert_left(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap();
        // Every script ends by telling a code; what came last may still be on its way here.
        let behind = |shown: &str| shown.rfind(LEFT).map(|place| shown[place..].to_owned());
        let is_told = || behind(&self.shown()).is_some_and(|rest| rest.contains("code "));
        assert!(until(is_told), "no end in {:?}", self.shown());
        assert!(until(|| self.is_as_before()), "the terminal is not as it was: {:?}", self.shown());
        let shown = self.shown();
        (code, shown[shown.rfind(LEFT).unwrap()..].to_owned())
    }
}

const ENDLESS: &str = "\"$0\" trace --syscall write,read --every 50ms --command \
                       sh -c 'while :; do echo its$((1+1))words; sleep 0.02; done'";

fn is_root() -> bool {
    if !geteuid().is_root() {
        eprintln!("skipped: tracing takes root");
    }
    geteuid().is_root()
}

#[test]
fn a_trace_is_watched_steered_and_ended_by_keys() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seat = Seat::take(folder.path(), &format!("{ENDLESS}; echo code $?"));
    seat.wait_for("runner");
    seat.wait_for("entered");
    assert!(!seat.is_as_before(), "keys would be shown, and wait for the end of a line");
    for (key, words) in [("s", "rate"), ("p", "paused"), ("?", "stand")] {
        seat.press(key);
        seat.wait_for(words);
    }
    assert!(!seat.shown().contains("its2words"), "the program speaks into the view");
    seat.press("?q");
    let (code, rest) = seat.assert_left();
    assert_eq!(code, 0);
    assert!(rest.contains("code 0"), "{rest}");
    assert!(rest.contains("its2words"), "what the program said is shown afterwards: {rest}");
    assert!(rest.contains("entered = "), "{rest}");
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_view() {
    if !is_root() {
        return;
    }
    for (signal, code) in
        [(Signal::INT, "130"), (Signal::TERM, "130"), (Signal::KILL, "137"), (Signal::HUP, "130")]
    {
        let folder = tempfile::tempdir().unwrap();
        // A shell without job control leaves the runner in the terminal's foreground.
        let script = format!("{ENDLESS} </dev/tty & echo $! >pid; wait $!; echo code $?");
        let seat = Seat::take(folder.path(), &script);
        seat.wait_for("entered");
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
        send(pid, signal);
        let (_, rest) = seat.assert_left();
        assert!(rest.contains(&format!("code {code}")), "{signal:?}: {rest}");
    }
}

#[test]
fn a_key_interrupts_a_trace_like_a_signal() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seat = Seat::take(folder.path(), &format!("{ENDLESS}; echo code $?"));
    seat.wait_for("entered");
    seat.press("\u{3}");
    let (_, rest) = seat.assert_left();
    assert!(rest.contains("code 130"), "{rest}");
}

#[test]
fn a_run_is_watched_cell_by_cell_and_interrupted_by_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("scenario.toml"), format!("{LONG}{MANY}")).unwrap();
    let mut seat = Seat::take(folder, "\"$0\" run scenario.toml --probe user --live; echo code $?");
    seat.wait_for("5000");
    seat.wait_for("load=");
    seat.wait_for("entered");
    seat.press("q");
    let (_, rest) = seat.assert_left();
    assert!(rest.contains("code 130") && rest.contains("interrupted: keeping what is finished"), "{rest}");
    let run = Run::open(runs(folder).last().unwrap()).unwrap();
    assert_eq!(run.manifest.state, State::Interrupted);
    assert!(!run.trials.is_empty());
}

#[test]
fn a_run_that_is_watched_comes_to_its_end_and_its_report() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), format!("{LONG}[plan]\nrepetitions = 4\n")).unwrap();
    let seat = Seat::take(folder.path(), "\"$0\" run scenario.toml --probe user --live; echo code $?");
    let (_, rest) = seat.assert_left();
    assert!(rest.contains("code 0") && rest.contains("report: "), "{rest}");
}

#[test]
fn without_a_terminal_there_are_lines() {
    let folder = tempfile::tempdir().unwrap();
    let command =
        super::faults::command(folder.path(), &format!("{LONG}{MANY}"), &["--probe", "user", "--live"]);
    let said = || super::faults::said(folder.path());
    let mut begun = begin(command, folder.path(), |_| super::faults::stored(folder.path()) >= 1);
    assert!(said().contains("--live takes a terminal"), "{}", said());
    assert_eq!(begun.end(&[Signal::INT]).code(), Some(130));
}
