//! The probe as trials need it: what a trial asks for is attached, and nothing beside it, since an attached program
//! slows calls even while it does not count them.
//!
//! Whether a backend can be attached is found out once, before the run begins; it does not know what trials do.

use crate::failure::{Failure, chain};
use crate::scenario::{FactorDecl, ProbeRequest, Scenario, Scope};
use probe::{Backend, Probe, Target};
use std::collections::BTreeSet;
use store::{ProbeFactor, ProbeInfo, ProbeLevel};

/// What the scenario asks for, tried out, and what is attached now.
#[derive(Debug)]
pub(crate) struct Probes {
    targets: Vec<Target>,
    /// How every backend is attached.
    options: probe::Options,
    /// Each request of the scenario once, in its order.
    attempts: Vec<Attempt>,
    attached: Option<Probe>,
}

/// What a request came to on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    request: ProbeRequest,
    /// None where what was asked for cannot be attached.
    backend: Option<Backend>,
    /// What was tried in vain, and how it failed.
    reasons: Vec<String>,
}

impl Probes {
    /// Tries everything that the scenario asks for. What is the same for all trials is left attached.
    ///
    /// It fails where nothing can be attached: there would be nothing to execute.
    pub(crate) fn of(scenario: &Scenario) -> Result<Self, Failure> {
        let named = scenario.measure.targets.iter().map(|name| Target::named(name));
        let targets = named.collect::<Result<_, _>>().map_err(|error| Failure::Usage(chain(&error)))?;
        let scope = match scenario.measure.scope {
            Scope::Generators if scenario.has_children() => probe::Scope::Families,
            Scope::Generators => probe::Scope::Generators,
            Scope::System => probe::Scope::System,
        };
        let options =
            probe::Options { keep_slowest: scenario.measure.keep_slowest, ..probe::Options::from(scope) };
        let mut probes = Self { targets, options, attempts: Vec::new(), attached: None };
        for request in scenario.probe_requests() {
            // Two that are attached at once would be no fair trial of the second.
            probes.attached = None;
            probes.attempt(request);
        }
        if probes.attempts.iter().all(|attempt| attempt.backend.is_none()) {
            return Err(probes.refused());
        }
        if !scenario.programs.is_empty() {
            probes.check_seen("the calls of programs")?;
        }
        if let Some(target) = scenario.untimed_targets().first() {
            probes.check_seen(&format!("calls of {target}, which no generator times,"))?;
        }
        if probes.attempts.len() > 1 {
            probes.attached = None;
        }
        Ok(probes)
    }

    fn attempt(&mut self, request: ProbeRequest) {
        let (backend, reasons) = match named(request) {
            None => {
                let chosen = probe::select_auto(&self.targets, self.options);
                self.attached = chosen.probe;
                (Some(chosen.backend), chosen.reasons)
            }
            Some(backend) => match self.attach(backend) {
                Ok(()) => (Some(backend), Vec::new()),
                Err(reason) => (None, vec![reason]),
            },
        };
        self.attempts.push(Attempt { request, backend, reasons });
    }

    /// Sees to it that this backend is attached, and no other.
    fn attach(&mut self, backend: Backend) -> Result<(), String> {
        if self.attached.as_ref().map_or(Backend::User, Probe::backend) == backend {
            return Ok(());
        }
        // The old one first: both together would be a moment in which even its calls pay for two.
        self.attached = None;
        if backend != Backend::User {
            let attached = Probe::attach(backend, &self.targets, self.options);
            self.attached = Some(attached.map_err(|error| chain(&error))?);
        }
        Ok(())
    }

    /// Fails where a request came to no probe, which alone would see `calls`.
    fn check_seen(&self, calls: &str) -> Result<(), Failure> {
        let blind = self.attempts.iter().find(|attempt| attempt.backend == Some(Backend::User));
        let Some(attempt) = blind else { return Ok(()) };
        let reasons = match attempt.reasons.as_slice() {
            [] => "this run is to have none".to_owned(),
            reasons => format!("none can be attached: {}", reasons.join("; ")),
        };
        Err(Failure::Failed(format!(
            "{calls} are seen by a probe only, and {reasons}\n\
             `runner doctor` says what this machine can measure, and how to mend what it cannot"
        )))
    }

    fn refused(&self) -> Failure {
        let refusals = self.attempts.iter().map(|it| refusal(it.request, &it.reasons.join("; ")));
        let hint =
            "`runner doctor` says what this machine can measure, and how to mend what it cannot".to_owned();
        Failure::Failed(refusals.chain([hint]).collect::<Vec<_>>().join("\n"))
    }

    /// Attaches what a trial asks for, if it is not attached, and detaches what it does not.
    pub(crate) fn prepare(&mut self, request: ProbeRequest) -> Result<(), String> {
        let attempt = self.attempts.iter().find(|attempt| attempt.request == request);
        let attempt = attempt.ok_or_else(|| refusal(request, "was not tried"))?;
        match attempt.backend {
            Some(backend) => self.attach(backend).map_err(|reason| refusal(request, &reason)),
            None => Err(refusal(request, &attempt.reasons.join("; "))),
        }
    }

    /// What is attached; none without a probe.
    pub(crate) fn attached(&mut self) -> Option<&mut Probe> {
        self.attached.as_mut()
    }

    /// Detaches what is attached; a trial has it attached again.
    pub(crate) fn detach(&mut self) {
        self.attached = None;
    }

    /// The backends that trials will ask for, those that attach to the kernel.
    pub(crate) fn backends(&self) -> Vec<Backend> {
        let backends: BTreeSet<Backend> =
            self.attempts.iter().filter_map(|attempt| attempt.backend).collect();
        backends.into_iter().filter(|backend| *backend != Backend::User).collect()
    }

    /// What the manifest says of it; its cost aside.
    pub(crate) fn info(&self, scenario: &Scenario) -> ProbeInfo {
        let factor = scenario.probe_factor();
        let (backend, reasons) = match self.attempts.as_slice() {
            [Attempt { backend: Some(backend), reasons, .. }] => (backend.name(), reasons.clone()),
            several => (store::VARIES, several.iter().filter_map(Attempt::words).collect()),
        };
        let requested = self.attempts.first().map_or("", |attempt| attempt.request.name());
        ProbeInfo {
            requested: factor.map_or_else(|| requested.to_owned(), |factor| format!("${}", factor.name)),
            backend: backend.to_owned(),
            reasons,
            factor: factor.map(|factor| self.levels_of(factor)),
            calibrations: Vec::new(),
        }
    }

    fn levels_of(&self, factor: &FactorDecl) -> ProbeFactor {
        let level = |attempt: &Attempt| ProbeLevel {
            label: attempt.request.name().to_owned(),
            backend: attempt.backend.map(|backend| backend.name().to_owned()),
            reasons: attempt.reasons.clone(),
        };
        ProbeFactor { name: factor.name.to_string(), levels: self.attempts.iter().map(level).collect() }
    }
}

impl Attempt {
    /// What is to be said of it where there are several; nothing where it is what was asked for.
    fn words(&self) -> Option<String> {
        let (name, reasons) = (self.request.name(), self.reasons.join("; "));
        match self.backend {
            None => Some(format!("{name}: {reasons}")),
            Some(backend) if backend.name() != name && reasons.is_empty() => {
                Some(format!("{name} is {backend}"))
            }
            Some(backend) if backend.name() != name => Some(format!("{name} is {backend} ({reasons})")),
            Some(_) => None,
        }
    }
}

/// Why trials that ask for this have no figures.
fn refusal(request: ProbeRequest, reason: &str) -> String {
    format!("probe {}: {reason}", request.name())
}

/// The backend that is asked for by name.
fn named(request: ProbeRequest) -> Option<Backend> {
    match request {
        ProbeRequest::Auto => None,
        ProbeRequest::Kretprobe => Some(Backend::Kretprobe),
        ProbeRequest::Fentry => Some(Backend::Fentry),
        ProbeRequest::RawTracepoint => Some(Backend::RawTracepoint),
        ProbeRequest::User => Some(Backend::User),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Machine;
    use std::path::Path;

    fn scenario(levels: &str) -> Scenario {
        let text = format!(
            "schema = 1\nname = \"backends\"\n[measure]\nsyscalls = [\"getpid\"]\nprobe = \"$backend\"\n\
             [factors]\nbackend = [{levels}]\n[generators.caller]\nworkload = \"getpid\"\n"
        );
        let machine = Machine { cpus: 2, memory_bytes: 1 << 30 };
        Scenario::parse(Path::new("backends.toml"), &text, &[], &machine).unwrap()
    }

    /// Programs, maps and links of BPF that this process holds.
    fn held() -> usize {
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("anon_inode:bpf")).count()
    }

    /// The scenario's probes, where the raw tracepoints among them can be attached.
    fn probes(scenario: &Scenario) -> Option<Probes> {
        let probes = Probes::of(scenario).unwrap();
        let raw = probes.attempts.iter().find(|it| it.request == ProbeRequest::RawTracepoint).unwrap();
        if raw.backend.is_none() {
            eprintln!("skipped: {}", raw.reasons.join("; "));
        }
        raw.backend.is_some().then_some(probes)
    }

    // One test, since others at the same time would be seen among what this process holds.
    #[test]
    fn what_a_trial_asks_for_is_attached_and_nothing_else() {
        let scenario = scenario("\"user\", \"raw_tracepoint\", \"auto\"");
        let Some(mut probes) = probes(&scenario) else { return };
        assert_eq!(held(), 0, "an attempt was left attached");
        probes.prepare(ProbeRequest::RawTracepoint).unwrap();
        assert_eq!(probes.attached().unwrap().backend(), Backend::RawTracepoint);
        let while_attached = held();
        assert!(while_attached > 0);
        probes.prepare(ProbeRequest::RawTracepoint).unwrap();
        assert_eq!(held(), while_attached);
        probes.prepare(ProbeRequest::User).unwrap();
        assert!(probes.attached().is_none());
        assert_eq!(held(), 0, "something is attached to a trial without a probe");
        probes.prepare(ProbeRequest::Auto).unwrap();
        probes.prepare(ProbeRequest::RawTracepoint).unwrap();
        probes.detach();
        let backends = probes.backends();
        assert!(backends.contains(&Backend::RawTracepoint) && !backends.contains(&Backend::User));
        assert_eq!(held(), 0, "what was detached is still there");
        probes.prepare(ProbeRequest::Auto).unwrap();
        let info = probes.info(&scenario);
        let came_to = info.factor.unwrap().levels[2].backend.clone().unwrap();
        assert_eq!(probes.attached().unwrap().backend().name(), came_to);
    }

    fn attempted(attempts: &[(ProbeRequest, Option<Backend>, &[&str])]) -> Probes {
        let attempt = |(request, backend, reasons): &(ProbeRequest, Option<Backend>, &[&str])| Attempt {
            request: *request,
            backend: *backend,
            reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
        };
        Probes {
            targets: Vec::new(),
            options: probe::Scope::Generators.into(),
            attempts: attempts.iter().map(attempt).collect(),
            attached: None,
        }
    }

    #[test]
    fn a_level_that_cannot_be_had_fails_its_trials_with_the_reason_and_no_others() {
        let mut probes = attempted(&[
            (ProbeRequest::Fentry, None, &["no programs"]),
            (ProbeRequest::User, Some(Backend::User), &[]),
        ]);
        for _ in 0..2 {
            assert_eq!(probes.prepare(ProbeRequest::Fentry), Err("probe fentry: no programs".to_owned()));
            assert_eq!(probes.prepare(ProbeRequest::User), Ok(()));
        }
    }

    #[test]
    fn the_manifest_tells_what_became_of_each_level() {
        let probes = attempted(&[
            (ProbeRequest::Auto, Some(Backend::RawTracepoint), &["kretprobe: none here"]),
            (ProbeRequest::Fentry, None, &["no programs"]),
            (ProbeRequest::User, Some(Backend::User), &[]),
        ]);
        let info = probes.info(&scenario("\"auto\", \"fentry\", \"user\""));
        assert_eq!((info.requested.as_str(), info.backend.as_str()), ("$backend", store::VARIES));
        assert_eq!(info.reasons, ["auto is raw_tracepoint (kretprobe: none here)", "fentry: no programs"]);
        let factor = info.factor.unwrap();
        assert_eq!(factor.name, "backend");
        let backends: Vec<_> = factor.levels.iter().map(|level| level.backend.as_deref()).collect();
        assert_eq!(backends, [Some("raw_tracepoint"), None, Some("user")]);
        assert_eq!(
            (factor.levels[1].label.as_str(), &factor.levels[1].reasons[..]),
            ("fentry", &["no programs".to_owned()][..])
        );
    }

    #[test]
    fn a_run_in_which_nothing_can_be_attached_is_refused_with_every_reason() {
        let probes = attempted(&[
            (ProbeRequest::Kretprobe, None, &["no kprobes"]),
            (ProbeRequest::Fentry, None, &["no programs"]),
        ]);
        let refused = probes.refused().to_string();
        assert!(refused.starts_with("probe kretprobe: no kprobes\nprobe fentry: no programs\n"), "{refused}");
        assert!(refused.contains("runner doctor"), "{refused}");
    }
}
