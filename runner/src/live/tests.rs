//! What the view looks like, and what keys do.

use super::draw::draw;
use super::keys as heard;
use super::state::{Entry, Key, Kind, Look, Progress, Sort, State, Wished, pressed};
use probe_abi::{Histogram, SparseHistogram};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use reports::trace::returned;
use std::time::Duration;
use store::{Ledger, Measure, Vantage};

fn histogram(values: impl Iterator<Item = u64>) -> SparseHistogram {
    let mut dense = Box::new(Histogram::EMPTY);
    values.for_each(|ns| dense.record(ns));
    SparseHistogram::from(&*dense)
}

/// Calls of which one in seven takes sixteen times as long, and so on.
fn measure(name: &str, (calls, ns): (u64, u64), errnos: &[(u16, u64)]) -> Measure {
    let failed: u64 = errnos.iter().map(|(_, count)| count).sum();
    let slow = |call: u64| [1, 1, 1, 2, 1, 3, 16, 1, 1, 90][(call % 10) as usize];
    Measure {
        syscall: name.to_owned(),
        vantage: Vantage::Kernel,
        ok: histogram((0..calls).map(|call| ns * slow(call) + call % 97)),
        error: histogram((0..failed).map(|call| ns / 2 + call)),
        errnos: errnos.to_vec(),
        ledger: Some(Ledger {
            entered: calls + failed + 1,
            censored: 1,
            censored_age_max_ns: 0,
            lost: 0,
            missed: None,
            compat: Some(0),
        }),
    }
}

fn traced(names: &[(&str, u64, u64)]) -> State {
    let mut state = State::new(
        Kind::Trace,
        (
            "dd if=/dev/zero of=/dev/null bs=1 count=1000000 (process 4242)".to_owned(),
            "raw_tracepoint".to_owned(),
        ),
        false,
    );
    state.elapsed = Duration::from_millis(12_300);
    let entry = |(name, calls, ns): &(&str, u64, u64)| {
        let errnos: &[(u16, u64)] = if *name == "openat" { &[(2, 12), (13, 3)] } else { &[] };
        Entry { measure: measure(name, (*calls, *ns), errnos), per_second: *calls as f64 / 12.3 }
    };
    let entries = names.iter().map(entry).collect();
    state.update(Look {
        entries,
        progress: Some(Progress::Time(Duration::from_secs(30))),
        now: String::new(),
    });
    state
}

const MANY: [(&str, u64, u64); 6] = [
    ("read", 52_000, 310),
    ("write", 50_000, 640),
    ("openat", 400, 2_900),
    ("mmap", 25, 4_100),
    ("clock_nanosleep", 12, 1_000_000_000),
    ("close", 380, 180),
];

fn screen(state: &State, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        cells.trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn keys(state: State, keys: &[Key]) -> State {
    keys.iter().fold(state, |state, key| pressed(state, *key))
}

fn names(state: &State) -> Vec<String> {
    state.entries().iter().map(|it| it.measure.syscall.clone()).collect()
}

#[test]
fn a_trace_fits_screens_of_every_size() {
    let mut state = keys(traced(&MANY), &[Key::Down, Key::Down]);
    insta::assert_snapshot!("trace_80x24", screen(&state, (80, 24)));
    insta::assert_snapshot!("trace_120x40", screen(&state, (120, 40)));
    insta::assert_snapshot!("trace_40x10", screen(&state, (40, 10)));
    insta::assert_snapshot!("trace_12x2", screen(&state, (12, 2)));
    state.note("interrupted: keeping what is finished; press again to end at once");
    let state = keys(state, &[Key::Letter('p')]);
    insta::assert_snapshot!("trace_paused_with_a_note", screen(&state, (80, 24)));
    for size in [(1, 1), (24, 3), (25, 4), (30, 14), (200, 5), (3, 100), (300, 100)] {
        screen(&state, size);
    }
}

#[test]
fn nothing_seen_yet_and_help_are_told_in_words() {
    insta::assert_snapshot!("trace_without_calls", screen(&traced(&[]), (80, 12)));
    let state = keys(traced(&MANY), &[Key::Letter('?')]);
    insta::assert_snapshot!("help_of_a_trace", screen(&state, (80, 24)));
    assert!(!keys(state, &[Key::Escape]).is_help, "Escape leaves the help, and not the view");
}

fn run() -> State {
    let mut state = State::new(Kind::Run, ("mmap_sweep".to_owned(), String::new()), false);
    let names = ["mmap  size=4KiB load=none", "munmap  size=4KiB load=none", "mmap  size=1MiB load=high"];
    let entry = |(place, name): (u64, &&str)| Entry {
        measure: measure(name, (9_000 * (place + 1), 900 * (place + 1)), &[]),
        per_second: 45_000.0,
    };
    let entries = (0..).zip(&names).map(entry).collect();
    let left = Some(Duration::from_secs(75));
    let progress = Some(Progress::Trials { done: 31, of: 96, left, lost: 1 });
    state.update(Look { entries, progress, now: "block 3: load high ramps up".to_owned() });
    state
}

#[test]
fn a_run_shows_its_cells() {
    insta::assert_snapshot!("run_80x24", screen(&run(), (80, 24)));
    insta::assert_snapshot!("help_of_a_run", screen(&keys(run(), &[Key::Letter('h')]), (80, 24)));
    let state = keys(run(), &[Key::Letter('r')]);
    assert_eq!(state.entries().len(), 3, "finished trials are not to be forgotten");
}

#[test]
fn keys_choose_and_sort() {
    let state = traced(&MANY);
    assert_eq!(names(&state)[..2], ["read", "write"]);
    let last = keys(state.clone(), &[Key::Last, Key::Down, Key::Down]);
    assert_eq!(last.selected.as_deref(), Some("clock_nanosleep"));
    assert_eq!(keys(last, &[Key::First, Key::Up]).selected.as_deref(), Some("read"));
    let sorted = |presses: usize| keys(state.clone(), &vec![Key::Letter('s'); presses]);
    assert_eq!(sorted(2).sort, Sort::Errors);
    assert_eq!(names(&sorted(2))[0], "openat");
    assert_eq!(names(&sorted(5))[0], "clock_nanosleep", "the longest");
    assert_eq!(names(&sorted(7)), ["clock_nanosleep", "close", "mmap", "openat", "read", "write"]);
    assert_eq!(keys(sorted(1), &[Key::Letter('S')]).sort, Sort::Calls);
    // Who is chosen stays so, wherever it goes.
    let chosen = keys(state, &[Key::Down, Key::Letter('S')]);
    assert_eq!(chosen.selected.as_deref(), Some("write"));
}

#[test]
fn while_it_is_paused_figures_stand_still_and_nothing_is_lost() {
    let paused = keys(traced(&MANY[..1]), &[Key::Letter('p')]);
    let mut later = paused.clone();
    later.update(traced(&MANY).look);
    assert!(later.is_paused());
    assert_eq!(later.entries(), paused.entries());
    let on = keys(later, &[Key::Letter(' ')]);
    assert!(!on.is_paused());
    assert_eq!(on.entries().len(), MANY.len());
}

#[test]
fn a_reset_counts_from_there_on() {
    let mut state = keys(traced(&MANY[..2]), &[Key::Letter('r')]);
    assert!(state.entries().iter().all(|it| returned(&it.measure) == 0));
    let mut more = MANY;
    more[0].1 += 1_000;
    state.update(traced(&more).look);
    let of = |name: &str| {
        let entries = state.entries();
        entries.iter().find(|it| it.measure.syscall == name).map(|it| returned(&it.measure))
    };
    assert_eq!((of("read"), of("write"), of("close")), (Some(1_000), Some(0), Some(380)));
}

#[test]
fn the_end_is_wished_for_by_a_key_or_as_by_a_signal() {
    let wished = |key| keys(traced(&MANY), &[key]).wished;
    assert_eq!(wished(Key::Letter('q')), Some(Wished::End));
    assert_eq!(wished(Key::Escape), Some(Wished::End));
    assert_eq!(wished(Key::Interrupt), Some(Wished::Interrupt));
    assert_eq!(wished(Key::Letter('x')), None);
}

#[test]
fn keys_are_told_from_what_terminals_send() {
    assert_eq!(heard(b"s\x1b[Aq"), [Key::Letter('s'), Key::Up, Key::Letter('q')]);
    assert_eq!(heard(b"\x1b"), [Key::Escape]);
    assert_eq!(heard(b"\x03\x1bOB\t"), [Key::Interrupt, Key::Down, Key::Down]);
    assert_eq!(heard(b"\x1b[4~\x1b[H"), [Key::Last, Key::First]);
    assert_eq!(heard(b"\x1b[15~\x1b[1;5Dp\r\x7f"), [Key::Letter('p')], "keys that mean nothing");
    assert_eq!(heard("é\u{1b}[".as_bytes()), [Key::Letter('é')]);
}
