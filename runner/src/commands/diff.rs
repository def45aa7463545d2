//! `runner diff`: did it change?

use super::report::{emit, text_options, view};
use crate::cli::{DiffArguments, Format};
use crate::failure::{Failure, chain};
use reports::{CompareError, Comparison, Gate, Insist, Metric, Question, TextOptions, Trend};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;
use store::Run;

/// What a crossed gate ends with.
const GATE_CROSSED: u8 = 4;

/// Compares kept runs with the first of them; with `--gate`, exit code 4 when something is worse in the last, and 1 when that
/// cannot be judged.
pub(crate) fn diff(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let question = question(arguments)?;
    if arguments.format == Format::Html && arguments.out.is_none() && stdout().is_terminal() {
        let remedy = "a page is nothing for a terminal: say where to write it with `--out PATH`";
        return Err(Failure::Usage(remedy.to_owned()));
    }
    let open = |name: &String| Run::open(&store::resolve(&arguments.runs_dir.runs_dir, name)?);
    let base = open(&arguments.base)?;
    let candidates = arguments.candidates.iter().map(open).collect::<Result<Vec<Run>, _>>()?;
    let views: Vec<_> = candidates.iter().map(view).collect();
    let trend = reports::compare_all(&view(&base), &views, &question)
        .map_err(|error: CompareError| Failure::Usage(chain(&error)))?;
    let [.., last] = trend.comparisons.as_slice() else {
        return Err(Failure::Usage("there is no run to compare with the first one".to_owned()));
    };
    let text =
        if trend.comparisons.len() == 1 { of_two(last, arguments) } else { of_several(&trend, arguments) };
    emit(&text?, arguments.out.as_deref())?;
    Ok(if arguments.gate { gate(last) } else { ExitCode::SUCCESS })
}

fn of_two(comparison: &Comparison, arguments: &DiffArguments) -> Result<String, Failure> {
    Ok(match arguments.format {
        Format::Text => reports::text::render_comparison(comparison, &options(arguments)),
        Format::Markdown => reports::markdown::render_comparison(comparison),
        Format::Json => reports::json::render_comparison(comparison)?,
        Format::Html => reports::html::render_comparison(comparison)?,
    })
}

fn of_several(trend: &Trend, arguments: &DiffArguments) -> Result<String, Failure> {
    Ok(match arguments.format {
        Format::Text => reports::text::render_trend(trend, &options(arguments)),
        Format::Markdown => reports::markdown::render_trend(trend),
        Format::Json => reports::json::render_trend(trend)?,
        Format::Html => reports::html::render_trend(trend)?,
    })
}

/// For the terminal, or plain for a file.
fn options(arguments: &DiffArguments) -> TextOptions {
    if arguments.out.is_some() { TextOptions { width: 100, colour: false } } else { text_options() }
}

/// Says where a gate was crossed, if one was, and what it could not judge: a gate that saw nothing has not passed.
fn gate(comparison: &Comparison) -> ExitCode {
    let crossed = comparison.gate_sentence().map(|it| format!("gate crossed: worse, {it}"));
    let unjudged = comparison.unjudged_sentence().map(|it| format!("gate cannot be judged: {it}"));
    let too_few = comparison.too_few_sentence().map(|it| format!("warning: {it}"));
    let passed_over = comparison.passed_over().into_iter().map(|it| format!("warning: {it}"));
    for line in [crossed, unjudged, too_few].into_iter().flatten().chain(passed_over) {
        let _ = writeln!(stderr(), "{}", super::harmless(&line));
    }
    match comparison.gate() {
        Gate::Crossed => ExitCode::from(GATE_CROSSED),
        Gate::Unjudged => ExitCode::FAILURE,
        Gate::Passed => ExitCode::SUCCESS,
    }
}

fn question(arguments: &DiffArguments) -> Result<Question, Failure> {
    let across = arguments.across;
    Ok(Question {
        metrics: metrics(&arguments.metric)?,
        threshold: threshold(&arguments.threshold)?,
        insist: Insist {
            backends: across.across_backends,
            vantages: across.across_vantages,
            cells: across.across_cells,
        },
    })
}

/// Each metric once, in the order of tables; `all` is every one.
fn metrics(words: &[String]) -> Result<Vec<Metric>, Failure> {
    if words.iter().any(|word| word == "all") {
        return Ok(Metric::ALL.to_vec());
    }
    let asked = words.iter().map(|word| word.parse::<Metric>());
    let asked = asked
        .collect::<Result<Vec<Metric>, _>>()
        .map_err(|error| Failure::Usage(format!("--metric: {}, or `all`", chain(&error))))?;
    Ok(Metric::ALL.into_iter().filter(|metric| asked.contains(metric)).collect())
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
    use super::{metrics, threshold};
    use reports::Metric;

    #[test]
    fn metrics_are_each_compared_once() {
        let metrics = |words: &[&str]| metrics(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(metrics(&["p99", "p50", "p99"]).unwrap(), [Metric::P50, Metric::P99]);
        assert_eq!(metrics(&["p99", "all"]).unwrap(), Metric::ALL);
        assert!(metrics(&["p5"]).is_err());
    }

    #[test]
    fn a_threshold_is_a_share() {
        assert!((threshold("10%").unwrap() - 0.1).abs() < 1e-12);
        assert!((threshold("0.05").unwrap() - 0.05).abs() < 1e-12);
        for wrong in ["", "0", "100%", "-5%", "NaN", "five"] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
