//! `runner diff`: did it change?

use super::print;
use super::report::{text_options, view};
use crate::cli::{DiffArguments, Format};
use crate::failure::{Failure, chain};
use reports::{CompareError, Metric};
use std::process::ExitCode;
use store::Run;

/// What a crossed gate ends with.
const GATE_CROSSED: u8 = 4;

/// Compares two kept runs; with `--gate`, exit code 4 when something is worse.
pub(crate) fn diff(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let usage = |text: String| Failure::Usage(text);
    let metric: Metric = arguments.metric.parse().map_err(|error| usage(chain(&error)))?;
    let threshold = threshold(&arguments.threshold)?;
    let open = |name: &str| Run::open(&store::resolve(&arguments.runs_dir.runs_dir, name)?);
    let (base, candidate) = (open(&arguments.base)?, open(&arguments.candidate)?);
    let comparison = reports::compare(&view(&base), &view(&candidate), metric, threshold)
        .map_err(|error: CompareError| usage(chain(&error)))?;
    let text = match arguments.format {
        Format::Text => reports::text::render_comparison(&comparison, &text_options()),
        Format::Markdown => reports::markdown::render_comparison(&comparison),
        Format::Json => reports::json::render_comparison(&comparison)?,
        Format::Html => return Err(usage("a comparison comes as text, markdown or json".to_owned())),
    };
    print(text.trim_end())?;
    print("\n")?;
    let crossed = arguments.gate && comparison.gate_crossings().next().is_some();
    Ok(if crossed { ExitCode::from(GATE_CROSSED) } else { ExitCode::SUCCESS })
}

/// `10%` or `0.1`, as a share.
fn threshold(text: &str) -> Result<f64, Failure> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    let share = share.ok().filter(|share| (0.0..1.0).contains(share) && *share > 0.0);
    share.ok_or_else(|| {
        Failure::Usage(format!("--threshold {text}: expected a share above 0 and below 100 %, such as 5%"))
    })
}

#[cfg(test)]
mod tests {
    use super::threshold;

    #[test]
    fn a_threshold_is_a_share() {
        assert!((threshold("10%").unwrap() - 0.1).abs() < 1e-12);
        assert!((threshold("0.05").unwrap() - 0.05).abs() < 1e-12);
        for wrong in ["", "0", "100%", "-5%", "NaN", "five"] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
