//! `runner lab calibrate`: how often a right submission would fail a claim.

use super::received::received;
use super::{Unpacked, print};
use crate::cli::CalibrateArguments;
use crate::failure::Failure;
use ::lab::{Calibration, Evidence, GOAL, Standing, calibrate as calibrate_claims};
use reports::units::percent;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use store::Run;

/// A line for each claim, and a warning for each that right submissions fail too often.
pub(super) fn calibrate(arguments: &CalibrateArguments) -> Result<ExitCode, Failure> {
    let unpacked = Unpacked::of_bundle(&arguments.assignment)?;
    let right = arguments.right.iter().map(|name| {
        let path = Path::new(name);
        if path.is_file() {
            let examination = received(path, Some(&unpacked))?;
            let wrong = examination.findings.iter().find(|finding| finding.standing != Standing::Sound);
            if let Some(finding) = wrong {
                let (mark, words) = (finding.mark(), &finding.words);
                return Err(Failure::Usage(format!("{name}: this submission is {mark}, not right: {words}")));
            }
            return Ok(Evidence::of(examination.runs));
        }
        let run = Run::open(&store::resolve(&arguments.runs_dir.runs_dir, name)?)?;
        Ok(Evidence::of(vec![run]))
    });
    let right = right.collect::<Result<Vec<_>, Failure>>()?;
    let found = calibrate_claims(&unpacked.assignment, &right);
    print(&told(&found, right.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn told(found: &[Calibration], count: usize) -> String {
    let width = found.iter().map(|it| it.claim.chars().count()).max().unwrap_or(0);
    let mut text = format!("Of {count} right submissions, and with their blocks drawn anew:\n");
    for claim in found {
        let rate =
            claim.rate().map_or_else(|| "no data".to_owned(), |rate| format!("fails {}", percent(rate)));
        let _ = writeln!(
            text,
            "  {:<width$}  met {}, not met {}, undecided {}, no data {}; drawn: {rate} of {}",
            claim.claim, claim.met, claim.not_met, claim.undecided, claim.no_data, claim.draws
        );
    }
    for claim in found.iter().filter(|claim| claim.is_doubtful()) {
        let why = match (claim.observed(), claim.rate()) {
            (None, _) | (_, None) => "none of them has data for it, so nothing is known of it".to_owned(),
            (Some((share, interval)), _) if share > 0.0 => format!(
                "{} of them fail it, which is {} [{}, {}] of right submissions",
                claim.not_met + claim.undecided,
                percent(share),
                percent(interval.low),
                percent(interval.high)
            ),
            (_, Some(rate)) => format!("right submissions fail it in {} of draws", percent(rate)),
        };
        let _ = writeln!(
            text,
            "warning: {}: {why}; the goal is at most {}: take more blocks, or a larger tolerance",
            claim.claim,
            percent(GOAL)
        );
    }
    if let Some(most) = found.iter().filter_map(|it| Some(it.observed()?.1.high)).reduce(f64::max) {
        let _ = writeln!(
            text,
            "By the submissions alone, without draws, a claim may fail in up to {} of them (95 %).",
            percent(most)
        );
    }
    text
}
