//! The live view of a trace or a run: what is seen, as it grows.
//!
//! Owns the terminal for as long as the view is up, and a thread that draws and hears keys. Whoever measures hands in looks
//! at what there is, and asks whether a key wants the end. It measures nothing.

mod draw;
mod screen;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use screen::Modes;
pub(crate) use state::{Entry, Kind, Look, Progress, State, Wished};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::tcgetwinsize;
use rustix::time::Timespec;
use screen::Screen;
use signal_hook::consts::SIGINT;
use state::{Key, pressed};
use std::io::{self, IsTerminal, Stdout, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the thread looks up: rare enough to cost nothing, often enough for fingers.
const PAUSE: Duration = Duration::from_millis(200);

/// What the thread and those who measure share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be drawn.
    is_new: AtomicBool,
    /// The view is over.
    is_over: AtomicBool,
}

/// The view, until dropped.
#[derive(Debug)]
pub(crate) struct View {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A way to say something in a view, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Shared>);

impl Notes {
    pub(crate) fn say(&self, words: &str) {
        self.0.change(|state| state.note(words));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.is_new.store(true, Ordering::Release);
    }
}

/// Whether there is a terminal on which keys are pressed and figures shown.
pub(crate) fn is_possible() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    stdin().is_terminal() && stdout().is_terminal() && !is_dumb
}

impl View {
    /// Takes the terminal. `keeper` is told how to give it back should this process be killed.
    pub(crate) fn open(state: State, keeper: &crate::keeper::Keeper) -> io::Result<Self> {
        let screen = Screen::take(keeper.line())?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            is_new: AtomicBool::new(true),
            is_over: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("view".to_owned());
        let thread = thread.spawn(move || show(&theirs, terminal, screen))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Shows what there is now.
    pub(crate) fn update(&self, look: Look) {
        self.shared.change(|state| state.update(look));
    }

    /// What a key asked for.
    pub(crate) fn wished(&self) -> Option<Wished> {
        self.shared.state().wished
    }

    /// A way to say something in it.
    pub(crate) fn notes(&self) -> Notes {
        Notes(Arc::clone(&self.shared))
    }

    /// Gives the terminal back; returns what was said meanwhile.
    pub(crate) fn close(mut self) -> Vec<String> {
        self.end();
        std::mem::take(&mut self.shared.state().notes)
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It gives the terminal back even by a panic.
            let _ = thread.join();
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.end();
    }
}

/// The life of the thread.
fn show(shared: &Shared, mut terminal: Terminal<CrosstermBackend<Stdout>>, screen: Screen) {
    let begun = Instant::now();
    let (mut second, mut size) = (u64::MAX, None);
    while !shared.is_over.load(Ordering::Acquire) {
        let elapsed = begun.elapsed();
        if std::mem::replace(&mut second, elapsed.as_secs()) != elapsed.as_secs() {
            shared.change(|state| state.elapsed = elapsed);
        }
        let now = tcgetwinsize(stdout()).ok().map(|size| (size.ws_col, size.ws_row));
        if std::mem::replace(&mut size, now) != now {
            shared.is_new.store(true, Ordering::Release);
        }
        if shared.is_new.swap(false, Ordering::AcqRel) {
            let state = shared.state().clone();
            // A terminal that is gone takes nothing any more, which a signal tells to those who measure.
            let _ = terminal.draw(|frame| draw::draw(&state, frame));
        }
        hear(shared);
    }
    drop(terminal);
    drop(screen);
}

/// Waits for keys, for a moment.
fn hear(shared: &Shared) {
    let stdin = stdin();
    let pause = Timespec { tv_sec: 0, tv_nsec: i64::from(PAUSE.subsec_nanos()) };
    let mut events = [PollFd::new(&stdin, PollFlags::IN)];
    if !matches!(poll(&mut events, Some(&pause)), Ok(1..)) {
        return;
    }
    let mut bytes = [0; 64];
    match rustix::io::read(&stdin, &mut bytes) {
        Ok(length @ 1..) => {
            for key in keys(&bytes[..length]) {
                heed(shared, key);
            }
        }
        // No terminal any more, which a signal tells to those who measure.
        _ => std::thread::sleep(PAUSE),
    }
}

fn heed(shared: &Shared, key: Key) {
    shared.change(|state| *state = pressed(state.clone(), key));
    let is_wished = {
        let mut state = shared.state();
        state.kind == Kind::Run && state.wished.take().is_some()
    };
    if is_wished {
        // Like any other, of which a second one ends the runner at once.
        let _ = signal_hook::low_level::raise(SIGINT);
    }
}

/// The keys in what a terminal sends.
fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let (mut keys, mut rest) = (Vec::new(), &*text);
    while let Some(letter) = rest.chars().next() {
        let known = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence));
        if let Some((sequence, key)) = known {
            keys.push(*key);
            rest = &rest[sequence.len()..];
            continue;
        }
        if rest.starts_with("\u{1b}[") || rest.starts_with("\u{1b}O") {
            // A key that nobody has a use for, up to its last letter.
            let end = rest[2..].find(|c: char| c.is_ascii_alphabetic() || c == '~');
            rest = end.map_or("", |end| &rest[2 + end + 1..]);
            continue;
        }
        if !letter.is_control() {
            keys.push(Key::Letter(letter));
        }
        rest = &rest[letter.len_utf8()..];
    }
    if bytes == b"\x1b" {
        keys.push(Key::Escape);
    }
    keys
}

/// What terminals send for keys that are no letters.
const SEQUENCES: [(&str, Key); 13] = [
    ("\u{3}", Key::Interrupt),
    ("\t", Key::Down),
    ("\u{1b}[Z", Key::Up),
    ("\u{1b}[A", Key::Up),
    ("\u{1b}OA", Key::Up),
    ("\u{1b}[B", Key::Down),
    ("\u{1b}OB", Key::Down),
    ("\u{1b}[H", Key::First),
    ("\u{1b}OH", Key::First),
    ("\u{1b}[1~", Key::First),
    ("\u{1b}[F", Key::Last),
    ("\u{1b}OF", Key::Last),
    ("\u{1b}[4~", Key::Last),
];
