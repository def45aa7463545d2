//! `runner trace`: the system calls of a program, a process or the machine, now and without a scenario.

use super::report::{emit, text_options};
use super::{generator, owner, plain, print, scratch};
use crate::calibration::Calibrated;
use crate::cli::{TraceArguments, TraceFormat};
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use crate::keeper::Keeper;
use crate::live::{self, Entry, Kind, Look, Progress, State, View, Wished};
use crate::progress;
use crate::scenario::ProbeRequest;
use crate::signals::{self, INTERRUPTED};
use crate::trace::{Audience, Calls, Kept, Plan, Seen, Subject, Wish, record, watch};
use probe::{Backend, Options, Probe, Scope};
use reports::trace::{End, Interval, Subject as Described, Trace, returned};
use reports::{RunView, TextOptions};
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use store::{Calibration, Measure, RunWriter, State as RunState};

/// Traces, shows what there is meanwhile, and ends with a table.
pub(crate) fn trace(arguments: &TraceArguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop()?;
    check(arguments)?;
    let calls = calls(arguments)?;
    let user = Credentials::of_invoker();
    let Some(traced) = traced(arguments, (&calls, user.as_ref()), &stop)? else {
        return Ok(INTERRUPTED.into());
    };
    let kept = Kept {
        subject: &traced.subject,
        calls: &calls,
        seen: &traced.seen,
        backend: traced.backend,
        requested: arguments.probe.as_deref().unwrap_or("auto"),
        reasons: &traced.reasons,
        calibrations: &traced.calibrations,
        label: arguments.label.as_deref(),
    };
    // Figures are printed whatever becomes of keeping them.
    let saved = arguments.save.then(|| save(&kept, arguments, user.as_ref())).transpose();
    let (run, failed) = saved.map_or_else(|error| (None, Some(error)), |run| (run, None));
    let told = Trace { run, ..told(&traced, &calls) };
    write(&told, &kept, arguments)?;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(code(arguments, traced.seen.end))
}

/// What came of it.
struct Traced {
    subject: Described,
    seen: Seen,
    backend: Backend,
    reasons: Vec<String>,
    calibrations: Vec<Calibration>,
    /// How the command ended.
    status: Option<String>,
}

/// From the subject to its figures; none where a signal came before it began. Nothing of it is there afterwards.
fn traced(
    arguments: &TraceArguments,
    (calls, user): (&Calls, Option<&Credentials>),
    stop: &AtomicBool,
) -> Result<Option<Traced>, Failure> {
    let has_view = has_view(arguments);
    let mut subject = subject(arguments, has_view, user)?;
    let scratch = scratch(user)?;
    let Some(_turn) = super::run::take_turn(stop)? else { return Ok(None) };
    let (Probed { mut probe, backend, reasons }, calibrations) = attached(arguments, calls, stop)?;
    subject.include(&mut probe)?;
    let mut shown = Shown::begin(arguments, (&subject, calls, backend), has_view, scratch.keeper())?;
    let seen = watch(plan(arguments), (&mut probe, &mut subject), &mut shown, stop);
    let (described, status) = (subject.described().clone(), subject.status());
    drop(probe);
    shown.end(|| subject.end());
    Ok(Some(Traced { subject: described, seen: seen?, backend, reasons, calibrations, status }))
}

/// What is attached, and for those who keep the figures what it costs: that is found out while it is detached, for it slows
/// calls that it does not count as well.
fn attached(
    arguments: &TraceArguments,
    calls: &Calls,
    stop: &AtomicBool,
) -> Result<(Probed, Vec<Calibration>), Failure> {
    let options = options(arguments);
    let Probed { probe, backend, reasons } = attach(arguments, calls, options)?;
    if !arguments.save {
        return Ok((Probed { probe, backend, reasons }, Vec::new()));
    }
    drop(probe);
    let calibrated = Calibrated::of(&[backend], 0, stop);
    for warning in calibrated.warnings {
        let _ = writeln!(stderr(), "warning: {warning}");
    }
    let probe = Probe::attach(backend, &calls.targets, options).map_err(|error| Failure::failed(&error))?;
    Ok((Probed { probe, backend, reasons }, calibrated.calibrations))
}

/// The trace as it is told of.
fn told(traced: &Traced, calls: &Calls) -> Trace {
    let windows = &traced.seen.windows;
    Trace {
        subject: traced.subject.clone(),
        backend: traced.backend.name().to_owned(),
        reasons: traced.reasons.clone(),
        started_at: windows.first().map_or_else(String::new, |it| it.started_at.to_rfc3339()),
        window_ns: windows.iter().map(|it| it.window_ns).sum(),
        windows: u32::try_from(windows.len()).unwrap_or(u32::MAX),
        ended: traced.seen.end,
        status: traced.status.clone(),
        together: calls.together.clone(),
        totals: traced.seen.totals.clone(),
        intervals: traced.seen.intervals.clone(),
        run: None,
    }
}

/// What the options do not say to each other.
fn check(arguments: &TraceArguments) -> Result<(), Failure> {
    if arguments.windows > 1 && (arguments.limit.is_none() || !arguments.save) {
        let words =
            "--windows divides the time of --for into trials of a run, so that it takes --for and --save";
        return Err(Failure::Usage(words.to_owned()));
    }
    let shortest = Duration::from_millis(1);
    let window = arguments.limit.map(|limit| limit / arguments.windows.max(1));
    if arguments.every < shortest || window.is_some_and(|window| window < shortest) {
        return Err(Failure::Usage(
            "an interval or window of less than 1 ms is over before it is seen".to_owned(),
        ));
    }
    Ok(())
}

fn calls(arguments: &TraceArguments) -> Result<Calls, Failure> {
    if !arguments.all {
        return Calls::named(&arguments.syscall);
    }
    if let Some(name @ ("kretprobe" | "fentry")) = arguments.probe.as_deref() {
        return Err(Failure::Usage(format!(
            "--all takes the raw_tracepoint backend, which sees every call; {name} is attached to at most {} by name",
            probe::MAX_TARGETS
        )));
    }
    Calls::all(super::machine().cpus)
}

/// A view takes a terminal for keys and figures, and that nobody wants it plain.
fn has_view(arguments: &TraceArguments) -> bool {
    let is_text_for_screen = arguments.format == TraceFormat::Text || arguments.out.is_some();
    is_text_for_screen && !arguments.plain && !arguments.quiet && live::is_possible()
}

fn subject(
    arguments: &TraceArguments,
    has_view: bool,
    user: Option<&Credentials>,
) -> Result<Subject, Failure> {
    let with_children = !arguments.no_children;
    match (arguments.pid, &arguments.command) {
        (Some(pid), _) => Subject::process(pid, with_children),
        (None, Some(words)) => Subject::command(words, (with_children, has_view), (&generator()?, user)),
        (None, None) => Ok(Subject::system()),
    }
}

/// What is attached, and how it came to that.
struct Probed {
    probe: Probe,
    backend: Backend,
    reasons: Vec<String>,
}

/// Whose calls count, as the probe has it.
fn options(arguments: &TraceArguments) -> Options {
    Options::from(match (arguments.system, arguments.no_children) {
        (true, _) => Scope::System,
        (false, true) => Scope::Generators,
        (false, false) => Scope::Families,
    })
}

fn attach(arguments: &TraceArguments, calls: &Calls, options: Options) -> Result<Probed, Failure> {
    let request = arguments.probe.as_deref().map_or(Ok(ProbeRequest::Auto), super::run::request)?;
    let named = match request {
        ProbeRequest::Auto => None,
        ProbeRequest::Kretprobe => Some(Backend::Kretprobe),
        ProbeRequest::Fentry => Some(Backend::Fentry),
        ProbeRequest::RawTracepoint => Some(Backend::RawTracepoint),
        ProbeRequest::User => Some(Backend::User),
    };
    let blind = |why: &str| {
        Failure::Failed(format!(
            "the calls of other programs are seen by a probe only, and {why}\n\
             `runner doctor` says what this machine can measure, and how to mend what it cannot"
        ))
    };
    match named {
        Some(Backend::User) => Err(blind("`--probe user` is none")),
        Some(backend) => match Probe::attach(backend, &calls.targets, options) {
            Ok(probe) => Ok(Probed { probe, backend, reasons: Vec::new() }),
            Err(error) => Err(blind(&format!("{backend} cannot be attached: {}", chain(&error)))),
        },
        None => {
            let chosen = probe::select_auto(&calls.targets, options);
            let (backend, reasons) = (chosen.backend, chosen.reasons);
            match chosen.probe {
                Some(probe) => Ok(Probed { probe, backend, reasons }),
                None => Err(blind(&format!("none can be attached: {}", reasons.join("; ")))),
            }
        }
    }
}

fn plan(arguments: &TraceArguments) -> Plan {
    Plan {
        every: arguments.every,
        limit: arguments.limit,
        windows: arguments.windows,
        keeps_intervals: arguments.format == TraceFormat::Json,
    }
}

/// Where figures go while the trace goes on.
enum Shown {
    /// `names` has nothing yet of each call that was named.
    View {
        view: View,
        limit: Option<Duration>,
        names: Vec<Measure>,
    },
    Lines {
        names: Vec<Measure>,
        is_gone: bool,
    },
    Nothing,
}

impl Shown {
    fn begin(
        arguments: &TraceArguments,
        (subject, calls, backend): (&Subject, &Calls, Backend),
        has_view: bool,
        keeper: &Keeper,
    ) -> Result<Self, Failure> {
        let names: Vec<Measure> =
            calls.targets.iter().filter(|_| calls.are_named).map(|it| nothing_of(&it.name)).collect();
        if has_view {
            let title = (subject.described().name(), backend.name().to_owned());
            let state = State::new(Kind::Trace, title, super::colour(&stdout()));
            let failed =
                |error| Failure::Failed(format!("cannot take the terminal: {error}; --plain does without"));
            let view = View::open(state, keeper).map_err(failed)?;
            progress::say_in(Some(view.notes()));
            let shown = Self::View { view, limit: arguments.limit, names };
            return Ok(shown);
        }
        if arguments.format != TraceFormat::Text || arguments.quiet || arguments.out.is_some() {
            return Ok(Self::Nothing);
        }
        let mut lines = Self::Lines { names, is_gone: false };
        lines.print(&reports::trace::heading());
        Ok(lines)
    }

    /// A reader that has seen enough ends the trace.
    fn print(&mut self, line: &str) {
        if let Self::Lines { is_gone, .. } = self {
            *is_gone |= writeln!(stdout(), "{}", plain(line)).and_then(|()| stdout().flush()).is_err();
        }
    }

    /// Gives the terminal back before anything is waited for, ends the subject, and says what could not be said meanwhile.
    fn end(self, end_subject: impl FnOnce() -> Option<String>) {
        match self {
            Self::View { view, .. } => {
                progress::say_in(None);
                for note in view.close() {
                    let _ = writeln!(stderr(), "{note}");
                }
                let _ = stderr().write_all(end_subject().unwrap_or_default().as_bytes());
            }
            Self::Lines { .. } => {
                end_subject();
                let _ = writeln!(stdout());
            }
            Self::Nothing => drop(end_subject()),
        }
    }
}

impl Audience for Shown {
    fn see(&mut self, interval: &Interval, totals: &[Measure]) {
        match self {
            Self::View { view, limit, names } => view.update(look(interval, totals, (*limit, names))),
            Self::Lines { names, .. } => {
                // Those that were named have a line whatever they did.
                let unseen =
                    names.iter().filter(|it| interval.measures.iter().all(|seen| seen.syscall != it.syscall));
                let told = interval.measures.iter().filter(|it| !names.is_empty() || returned(it) > 0);
                let lines = told.chain(unseen).map(|it| reports::trace::line(interval, it));
                let lines: Vec<String> = lines.collect();
                for line in &lines {
                    self.print(line);
                }
            }
            Self::Nothing => {}
        }
    }

    fn wish(&self) -> Option<Wish> {
        match self {
            Self::View { view, .. } => view.wished().map(|wished| match wished {
                Wished::End => Wish::End,
                Wished::Interrupt => Wish::Interrupt,
            }),
            Self::Lines { is_gone, .. } => is_gone.then_some(Wish::End),
            Self::Nothing => None,
        }
    }
}

/// What the view shows: every call that was named, and of others those that were seen.
fn look(interval: &Interval, totals: &[Measure], (limit, names): (Option<Duration>, &[Measure])) -> Look {
    let rate = |name: &str| {
        let added = interval.measures.iter().find(|it| it.syscall == name).map_or(0, returned);
        added as f64 / interval.seconds().max(1e-9)
    };
    let unseen = names.iter().filter(|it| totals.iter().all(|seen| seen.syscall != it.syscall));
    let entries = totals.iter().chain(unseen);
    let entries = entries.map(|it| Entry { measure: it.clone(), per_second: rate(&it.syscall) });
    Look { entries: entries.collect(), progress: limit.map(Progress::Time), now: String::new() }
}

fn nothing_of(name: &str) -> Measure {
    Measure {
        syscall: name.to_owned(),
        vantage: store::Vantage::Kernel,
        ok: probe_abi::SparseHistogram::default(),
        error: probe_abi::SparseHistogram::default(),
        errnos: Vec::new(),
        ledger: None,
    }
}

/// Keeps the trace as a run; returns its folder.
fn save(kept: &Kept<'_>, arguments: &TraceArguments, user: Option<&Credentials>) -> Result<PathBuf, Failure> {
    let (mut manifest, text, trials) = record(kept);
    if manifest.scenario.syscalls.is_empty() {
        return Err(Failure::Failed("no call was seen, so that there is nothing to keep".to_owned()));
    }
    let runs_dir = &arguments.runs_dir.runs_dir;
    manifest.id = store::run_id(runs_dir, manifest.started_at, &manifest.scenario.name);
    let mut writer = RunWriter::create(runs_dir, manifest, &text, owner(user))?;
    trials.iter().try_for_each(|trial| writer.append_trial(trial))?;
    Ok(writer.finish(RunState::Complete)?)
}

/// Prints the figures as asked for, or writes them to the file that was named.
fn write(trace: &Trace, kept: &Kept<'_>, arguments: &TraceArguments) -> Result<(), Failure> {
    let out = arguments.out.as_deref();
    let text = match arguments.format {
        TraceFormat::Text if out.is_some() => {
            reports::trace::text(trace, &TextOptions { width: 100, colour: false })
        }
        TraceFormat::Text => reports::trace::text(trace, &text_options()),
        TraceFormat::Markdown => reports::trace::markdown(trace),
        TraceFormat::Json => reports::trace::json(trace)?,
        TraceFormat::Classic => classic(kept)?,
    };
    emit(&text, out)?;
    match &trace.run {
        // A document has it in it.
        Some(run) if arguments.format == TraceFormat::Text && out.is_none() => {
            print(&format!("\nrun: {}\n", run.display()))
        }
        _ => Ok(()),
    }
}

fn classic(kept: &Kept<'_>) -> Result<String, Failure> {
    let (manifest, _, trials) = record(kept);
    let mut text = Vec::new();
    let view = RunView { manifest: &manifest, trials: &trials, load: &[], is_under_way: false };
    reports::export::classic(&view, &mut text).map_err(|error| Failure::failed(&error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A trace that was to go on until somebody ends it has done what it was asked to when somebody does.
fn code(arguments: &TraceArguments, end: End) -> ExitCode {
    let was_endless = arguments.limit.is_none() && arguments.command.is_none();
    match end {
        End::Signal if !was_endless => INTERRUPTED.into(),
        End::Time | End::Subject | End::Key | End::Signal => ExitCode::SUCCESS,
    }
}
