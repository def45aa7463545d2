//! Makes the run of a student's folder wrong, with checksums that fit, as `checks/lab.sh` needs it.
//!
//!     cargo run -p lab --example spoil -- load/runs forged
//!
//! `forged` sorts the trials of each block, `missing` leaves one out.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use store::{Run, RunWriter, State};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [runs, how] = &arguments[..] else { return Err("spoil RUNS forged|missing".into()) };
    let (runs, draft) = (Path::new(runs), Path::new(runs).with_file_name(".spoilt"));
    for id in store::run_ids(runs)? {
        let run = Run::open(&runs.join(&id))?;
        let text = run.scenario()?;
        let Run { path, mut manifest, mut trials, load } = run;
        match how.as_str() {
            "forged" => {
                let places: Vec<_> =
                    trials.iter().map(|it| (it.trial, it.block, it.position, it.repetition)).collect();
                trials.sort_by_key(|it| (it.block, it.factors.clone()));
                for (trial, place) in trials.iter_mut().zip(places) {
                    (trial.trial, trial.block, trial.position, trial.repetition) = place;
                }
            }
            "missing" => drop(trials.remove(trials.len() / 2)),
            other => return Err(format!("{other}: forged or missing").into()),
        }
        let ended_at = manifest.ended_at.take();
        manifest.state = State::Running;
        manifest.checksums = BTreeMap::new();
        let mut writer = RunWriter::create(&draft, manifest, &text, None)?;
        trials.iter().try_for_each(|trial| writer.append_trial(trial))?;
        writer.append_load(&load)?;
        let made = writer.finish_at(State::Complete, ended_at)?;
        fs::remove_dir_all(&path)?;
        fs::rename(made, &path)?;
        fs::remove_dir_all(&draft)?;
    }
    Ok(())
}
