//! Two runs in alternation.

use super::{FakeRig, SCENARIO, manifest, scenario, session};
use crate::execution::{Outcome, Party, Rig, execute, turns};
use crate::progress::Progress;
use crate::scenario::{Plan, PlannedTrial};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use store::{LoadMetric, Run, RunWriter, State, StoreError, TrialRecord};

/// A fake rig that notes in one list with the other run's what it is asked for.
struct Side {
    name: char,
    log: Rc<RefCell<Vec<(char, String)>>>,
    rig: FakeRig,
}

impl Side {
    fn note<T>(&mut self, ask: impl FnOnce(&mut FakeRig) -> T) -> T {
        let before = self.rig.log.len();
        let answer = ask(&mut self.rig);
        let new = self.rig.log[before..].iter().map(|entry| (self.name, entry.clone()));
        self.log.borrow_mut().extend(new);
        answer
    }
}

impl Rig for Side {
    fn start_load(&mut self, trial: &PlannedTrial) -> Result<Option<String>, String> {
        self.note(|rig| rig.start_load(trial))
    }

    fn stop_load(&mut self) -> Result<Vec<LoadMetric>, String> {
        self.note(FakeRig::stop_load)
    }

    fn measure(&mut self, trial: &PlannedTrial) -> Outcome {
        self.note(|rig| rig.measure(trial))
    }

    fn stand_aside(&mut self, is_quiet: bool) {
        self.note(|rig| rig.stand_aside(is_quiet));
    }
}

type Log = Vec<(char, String)>;

/// Executes the scenario as runs A and B on two rigs, after what is done of each; what became of it, what the rigs were
/// asked for, and the runs.
fn alternated(
    rigs: [FakeRig; 2],
    done: [&[TrialRecord]; 2],
    overrides: &[&str],
) -> (Result<State, StoreError>, Log, Vec<Run>) {
    let runs = tempfile::tempdir().unwrap();
    let (scenario, stop) = (scenario(overrides), AtomicBool::new(false));
    let plan = Plan::of(&scenario, SEED);
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut sides: Vec<_> = rigs
        .into_iter()
        .zip(['A', 'B'])
        .map(|(rig, name)| {
            let manifest = store::Manifest { id: format!("run-{name}"), ..manifest() };
            let writer = RunWriter::create(runs.path(), manifest, SCENARIO, None).unwrap();
            (Side { name, log: Rc::clone(&log), rig }, writer)
        })
        .collect();
    for ((side, writer), done) in sides.iter_mut().zip(done) {
        for record in done {
            writer.append_trial(record).unwrap();
        }
        side.rig.parts = writer.path().join(".parts");
        if let Some((_, to_remove)) = &mut side.rig.folder_to_remove_at {
            to_remove.clone_from(&side.rig.parts);
        }
    }
    let parties = sides.iter_mut().zip(done).map(|((rig, writer), done)| Party {
        scenario: &scenario,
        plan: &plan,
        done,
        rig,
        writer,
    });
    let outcome = execute(parties.collect(), &mut session(&mut Progress::new(16, true), &stop));
    let finished = sides.into_iter().filter_map(|(_, writer)| {
        let state = outcome.as_ref().map_or(State::Aborted, |state| *state);
        writer.finish(state).ok().map(|path| Run::open(&path).unwrap())
    });
    let finished = finished.collect();
    let log = log.borrow().clone();
    (outcome, log, finished)
}

/// The blocks in the order in which their trials came, each once in a row: `A0 B0 …`.
fn blocks(log: &Log) -> Vec<String> {
    let trials = log.iter().filter_map(|(name, entry)| {
        let trial: u32 = entry.strip_prefix("trial ")?.parse().ok()?;
        Some(format!("{name}{}", trial / 4))
    });
    let mut blocks: Vec<String> = trials.collect();
    blocks.dedup();
    blocks
}

fn trials_of(log: &Log, side: char) -> Vec<u32> {
    let mine = log.iter().filter(|(name, _)| *name == side);
    mine.filter_map(|(_, entry)| entry.strip_prefix("trial ")?.parse().ok()).collect()
}

fn fakes() -> [FakeRig; 2] {
    [FakeRig::default(), FakeRig::default()]
}

const FOUR: &[&str] = &["plan.repetitions=4"];

/// One with which A begins in blocks 0 and 2, B in 1 and 3.
const SEED: u64 = 7;

#[test]
fn who_begins_in_a_block_is_drawn_by_the_seed() {
    let seconds = |seed| (0..1000).filter(|block| turns(seed, *block, 2)[0].1 == 1).count();
    let changes = |seed| {
        (1..1000).filter(|block| turns(seed, *block, 2)[0].1 != turns(seed, *block - 1, 2)[0].1).count()
    };
    for seed in 1..20 {
        assert!((430..570).contains(&seconds(seed)), "{}", seconds(seed));
        assert!((430..570).contains(&changes(seed)), "{}", changes(seed));
    }
    eprintln!(
        "SEEDS {:?}",
        (0..60)
            .filter(|s| [false, true, false, true]
                .iter()
                .zip(0..)
                .all(|(w, b)| (turns(*s, b, 2)[0].1 == 1) == *w))
            .collect::<Vec<u64>>()
    );
    let order = |seed| (0..40).map(|block| turns(seed, block, 2)).collect::<Vec<_>>();
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    assert_eq!(turns(1, 5, 1), [(5, 0)]);
}

#[test]
fn blocks_of_two_runs_are_side_by_side() {
    let (outcome, log, runs) = alternated(fakes(), [&[], &[]], FOUR);
    assert_eq!(outcome.unwrap(), State::Complete);
    assert_eq!(blocks(&log), ["A0", "B0", "B1", "A1", "A2", "B2", "B3", "A3"]);
    for side in ['A', 'B'] {
        assert_eq!(trials_of(&log, side), (0..16).collect::<Vec<_>>());
    }
    assert!(runs.iter().all(|run| run.trials.len() == 16 && run.manifest.state == State::Complete));
    let order = |run: &Run| run.trials.iter().map(|it| it.factors.clone()).collect::<Vec<_>>();
    assert_eq!(order(&runs[0]), order(&runs[1]), "within a block both have the same order");
}

/// Nothing of a run is attached, and no load of it runs, while the other measures.
#[test]
fn who_has_not_the_turn_stands_aside() {
    let (_, log, _) = alternated(fakes(), [&[], &[]], FOUR);
    let turns: Vec<_> = log.chunk_by(|a, b| a.0 == b.0).collect();
    assert_eq!(turns.len(), 5, "A, B twice, A twice, B twice, A");
    for turn in &turns[..turns.len() - 1] {
        assert_eq!(turn.last().unwrap().1, "aside false", "the other's load may be what has to settle");
        let asides = turn.iter().filter(|(_, entry)| entry.starts_with("aside"));
        assert_eq!(asides.count(), 1);
    }
}

#[test]
fn what_was_cut_off_is_gone_on_with_in_the_same_alternation() {
    let (_, _, whole) = alternated(fakes(), [&[], &[]], FOUR);
    let after = |a: usize, b: usize| {
        let done = [&whole[0].trials[..a], &whole[1].trials[..b]];
        let (outcome, log, runs) = alternated(fakes(), done, FOUR);
        assert_eq!(outcome.unwrap(), State::Complete);
        assert!(runs.iter().all(|run| run.trials.len() == 16));
        assert_eq!(trials_of(&log, 'A').len() + trials_of(&log, 'B').len(), 32 - a - b, "none twice");
        blocks(&log)
    };
    assert_eq!(after(0, 0), ["A0", "B0", "B1", "A1", "A2", "B2", "B3", "A3"]);
    assert_eq!(after(4, 2), ["B0", "B1", "A1", "A2", "B2", "B3", "A3"]);
    assert_eq!(after(4, 8), ["A1", "A2", "B2", "B3", "A3"]);
    assert_eq!(after(5, 8), ["A1", "A2", "B2", "B3", "A3"]);
    assert_eq!(after(12, 16), ["A3"]);
    // The last to end was ended, and the other's end was not written down any more.
    assert!(after(16, 16).is_empty());
}

#[test]
fn a_signal_and_a_store_that_fails_end_both() {
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let stopped = FakeRig { stop_at: Some(6), stop, ..FakeRig::default() };
    let (outcome, log, runs) = alternated([FakeRig::default(), stopped], [&[], &[]], FOUR);
    assert_eq!(outcome.unwrap(), State::Interrupted);
    assert_eq!(blocks(&log), ["A0", "B0", "B1"]);
    assert_eq!(runs.iter().map(|run| run.trials.len()).collect::<Vec<_>>(), [4, 6]);

    let lost = FakeRig { folder_to_remove_at: Some((1, "".into())), ..FakeRig::default() };
    let (outcome, log, runs) = alternated([lost, FakeRig::default()], [&[], &[]], FOUR);
    assert!(outcome.is_err());
    assert_eq!(trials_of(&log, 'B'), [0; 0], "nothing is measured that has no partner");
    assert_eq!((runs.len(), runs[0].trials.len()), (1, 0));
}

#[test]
fn a_disturbed_trial_is_repeated_before_the_other_run_has_its_turn() {
    let disturbed = FakeRig { disturbed: Some((1, 1)), ..FakeRig::default() };
    let (_, log, _) = alternated([disturbed, FakeRig::default()], [&[], &[]], &["plan.retry_disturbed=1"]);
    assert_eq!(trials_of(&log, 'A'), [0, 1, 2, 3, 1, 4, 5, 6, 7]);
    assert_eq!(blocks(&log), ["A0", "B0", "B1", "A1"]);
}

/// Where neither run has a load, nothing has to settle that has settled once.
#[test]
fn runs_without_load_do_not_disturb_each_other() {
    let (outcome, log, _) = alternated(fakes(), [&[], &[]], &["load={ calm = {} }"]);
    assert_eq!(outcome.unwrap(), State::Complete);
    assert!(log.iter().any(|(_, entry)| entry == "aside true"));
    assert!(log.iter().all(|(_, entry)| entry != "aside false"));
}
