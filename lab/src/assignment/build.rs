//! From an assignment as written to one that is right in itself; everything wrong is told at once.

use super::problems::Problem;
use super::wire::{self, Text, Wire};
use super::{
    Assignment, AssignmentId, Bound, Claim, Compared, Feedback, Measured, Parameter, Places, Question,
    Recorded, Relation, Shape, Side, View,
};
use std::collections::{BTreeMap, BTreeSet};
use store::Vantage;
use toml::Spanned;

/// The version of the language.
const SCHEMA: u32 = 1;
/// The most values, questions and claims that there are of one kind.
const MOST: usize = 200;
/// What a difference may be that counts as none, unless said.
const SAME: f64 = 0.05;

pub(super) fn assignment(text: &str) -> Result<Assignment, Vec<Problem>> {
    let wire: Wire = toml::from_str(text).map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        vec![Problem::at(span, format!("not an assignment: {}", error.message()), "")]
    })?;
    let mut builder = Builder { found: Vec::new(), ids: BTreeSet::new(), only: None };
    let built = builder.assignment(wire);
    if builder.found.is_empty() { Ok(built) } else { Err(builder.found) }
}

struct Builder {
    found: Vec<Problem>,
    /// Names of questions and claims, which have to differ.
    ids: BTreeSet<String>,
    /// The scenario that is meant where none is named.
    only: Option<String>,
}

impl Builder {
    fn assignment(&mut self, wire: Wire) -> Assignment {
        if *wire.schema.get_ref() != SCHEMA {
            self.wrong(&wire.schema, "`schema` has a version that this runner does not know", "it knows 1");
        }
        let (scenarios, scenario_places) = self.scenarios(&wire.scenarios);
        self.only = (scenarios.len() == 1).then(|| scenarios[0].clone());
        let questions: Vec<Question> = wire.question.iter().map(|it| self.question(it)).collect();
        let claims = wire.claim.iter().filter_map(|it| Some((self.claim(it)?, it.id.span())));
        let (claims, claim_places): (Vec<Claim>, Vec<_>) = claims.unzip();
        if claims.is_empty() && self.found.is_empty() {
            self.found.push(Problem::at(
                wire.name.span(),
                "an assignment has a `[[claim]]`",
                "this has none",
            ));
        }
        if claims.len().max(questions.len()) > MOST {
            self.found.push(Problem::at(wire.name.span(), "more claims or questions than 200", ""));
        }
        let parameters = wire.parameters.iter().map(|(name, it)| self.parameter(name, it)).collect();
        let parameter_places = wire.parameters.values().map(|it| it.path.span()).collect();
        let undecided = wire.grading.undecided.as_ref().map_or(0.0, |it| self.share(it, "undecided"));
        Assignment {
            id: AssignmentId {
                name: self.name(&wire.name, "name"),
                edition: self.name(&wire.edition, "edition"),
            },
            title: wire.title,
            tested_with: wire.tested_with,
            handout: self.file(&wire.handout, ".md"),
            answers: self.file(&wire.answers, ".md"),
            scenarios,
            parameters,
            recorded: wire.recorded.map(|it| Recorded {
                folder: self.file(&it.folder, ""),
                share: self.share(&it.share, "share"),
                machine: it.machine,
            }),
            undecided,
            questions,
            claims,
            places: Places { scenarios: scenario_places, parameters: parameter_places, claims: claim_places },
        }
    }

    fn wrong<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, label: impl Into<String>) {
        self.found.push(Problem::at(at.span(), message, label));
    }

    fn scenarios(&mut self, files: &Spanned<Vec<Text>>) -> (Vec<String>, Vec<std::ops::Range<usize>>) {
        let mut names: Vec<String> = Vec::new();
        for file in files.get_ref() {
            let name = self.file(file, ".toml");
            let name = name.strip_suffix(".toml").unwrap_or(&name).to_owned();
            if names.contains(&name) {
                self.wrong(file, "the same scenario twice", "name it once");
            }
            names.push(name);
        }
        if names.is_empty() {
            self.wrong(files, "an assignment has a scenario", "name its file");
        }
        (names, files.get_ref().iter().map(Spanned::span).collect())
    }

    /// A name that can be a file's, a column's and a line's.
    fn name(&mut self, text: &Text, key: &str) -> String {
        let name = text.get_ref();
        if !AssignmentId::is_name(name) {
            let message = format!("`{key}` is 1 to 64 letters, digits, `_`, `-` or `.`");
            self.wrong(text, message, "begins with a letter or a digit");
        }
        name.clone()
    }

    /// A file or folder right in the assignment's.
    fn file(&mut self, text: &Text, extension: &str) -> String {
        let name = text.get_ref();
        let is_plain = crate::bundle::check_name(name).is_ok() && !name.contains('/');
        if !is_plain || !name.ends_with(extension) || name == crate::bundle::INDEX {
            let label = if extension.is_empty() { String::new() } else { format!("ends with `{extension}`") };
            self.wrong(text, "not the name of something in the assignment's folder", label);
        }
        name.clone()
    }

    fn share(&mut self, value: &Spanned<f64>, key: &str) -> f64 {
        if !(0.0..=1.0).contains(value.get_ref()) {
            self.wrong(value, format!("`{key}` is a share from 0 to 1"), "such as 0.5");
        }
        *value.get_ref()
    }

    fn points(&mut self, value: &Spanned<f64>) -> f64 {
        if !(0.0..=1000.0).contains(value.get_ref()) {
            self.wrong(value, "`points` is a number from 0 to 1000", "");
        }
        *value.get_ref()
    }

    fn id(&mut self, id: &Text) -> String {
        let name = self.name(id, "id");
        if !self.ids.insert(name.clone()) {
            self.wrong(id, "another question or claim has this `id`", "each needs its own");
        }
        name
    }

    fn question(&mut self, wire: &wire::Question) -> Question {
        Question { id: self.id(&wire.id), text: wire.text.clone(), points: self.points(&wire.points) }
    }

    fn parameter(&mut self, name: &Text, wire: &wire::Parameter) -> Parameter {
        let values = wire.values.get_ref();
        if !(1..=MOST).contains(&values.len()) {
            self.wrong(&wire.values, "a parameter has 1 to 200 values", "");
        }
        if values.iter().chain([wire.path.get_ref()]).any(|text| text.contains(['\n', '\r'])) {
            self.wrong(&wire.path, "path and values of a parameter are of one line", "");
        }
        Parameter {
            name: self.name(name, "parameters"),
            path: wire.path.get_ref().clone(),
            values: values.clone(),
        }
    }

    fn claim(&mut self, wire: &wire::Claim) -> Option<Claim> {
        let before = self.found.len();
        let (id, points) = (self.id(&wire.id), self.points(&wire.points));
        let relation = self.relation(wire)?;
        let is_same = matches!(relation, Relation::Compare { how: Compared::Same, .. });
        let tolerance = wire.tolerance.as_ref().map_or(if is_same { SAME } else { 0.0 }, |it| *it.get_ref());
        if let Some(given) = wire.tolerance.as_ref().filter(|_| !(0.0..10.0).contains(&tolerance)) {
            self.wrong(given, "`tolerance` is a share from 0 to less than 10", "such as 0.05 for 5 %");
        }
        let wire::Feedback { met, not_met, undecided } = &wire.feedback;
        let feedback = Feedback { met: met.clone(), not_met: not_met.clone(), undecided: undecided.clone() };
        let claim = Claim { id, text: wire.text.clone(), points, relation, tolerance, feedback };
        (self.found.len() == before).then_some(claim)
    }

    fn relation(&mut self, wire: &wire::Claim) -> Option<Relation> {
        let how = |how| Some(Kind::Compare(how));
        let kind = match wire.is.get_ref().as_str() {
            "more" => how(Compared::More),
            "less" => how(Compared::Less),
            "same" => how(Compared::Same),
            "times" => self.times(wire),
            "rising" => Some(Kind::Along(Shape::Rising)),
            "falling" => Some(Kind::Along(Shape::Falling)),
            "monotonic" => Some(Kind::Along(Shape::Monotonic)),
            "not_monotonic" => Some(Kind::Along(Shape::NotMonotonic)),
            "at_most" => Some(Kind::Bounded(Bound::AtMost)),
            "at_least" => Some(Kind::Bounded(Bound::AtLeast)),
            _ => {
                let label =
                    "more, less, same, times, rising, falling, monotonic, not_monotonic, at_most or at_least";
                self.wrong(&wire.is, "`is` is no relation", label);
                None
            }
        }?;
        self.unfit(wire, kind);
        match kind {
            Kind::Compare(how) => self.compare(wire, how),
            Kind::Along(shape) => {
                let Some(factor) = &wire.along else {
                    self.wrong(&wire.is, "`along` names the factor that it goes along", "and is missing");
                    return None;
                };
                let side = self.side(wire, wire.levels.clone())?;
                Some(Relation::Along { side, factor: factor.get_ref().clone(), shape })
            }
            Kind::Bounded(bound) => {
                let Some(limit) = &wire.limit else {
                    self.wrong(&wire.is, "`limit` says what it is set against", "and is missing");
                    return None;
                };
                let limit = self.share(limit, "limit");
                Some(Relation::Bounded { side: self.side(wire, wire.levels.clone())?, bound, limit })
            }
        }
    }

    /// Keys that mean nothing with this relation.
    fn unfit(&mut self, wire: &wire::Claim, kind: Kind) {
        let is = wire.is.get_ref();
        let is_times = matches!(kind, Kind::Compare(Compared::Times { .. }));
        let is_compared = matches!(kind, Kind::Compare(_));
        let rights = [&wire.right_scenario, &wire.right_syscall, &wire.right_metric, &wire.right_vantage];
        let given = [
            ("between", wire.between.as_ref().map(Spanned::span), is_times),
            ("limit", wire.limit.as_ref().map(Spanned::span), matches!(kind, Kind::Bounded(_))),
            ("tolerance", wire.tolerance.as_ref().map(Spanned::span), !matches!(kind, Kind::Bounded(_))),
            ("along", wire.along.as_ref().map(Spanned::span), matches!(kind, Kind::Along(_))),
            ("left", wire.left.as_ref().map(Spanned::span), is_compared),
            ("right", wire.right.as_ref().map(Spanned::span), is_compared),
            ("right_…", rights.into_iter().flatten().map(Spanned::span).next(), is_compared),
        ];
        for (key, span) in
            given.into_iter().filter_map(|(key, span, fits)| Some((key, span.filter(|_| !fits)?)))
        {
            self.found.push(Problem::at(
                span,
                format!("`{key}` means nothing with `is = \"{is}\"`"),
                "leave it out",
            ));
        }
        let is_lost = wire.metric.get_ref() == "lost";
        if is_lost != matches!(kind, Kind::Bounded(_)) {
            let label = "`lost` goes with at_most and at_least, and nothing else does";
            self.wrong(&wire.metric, format!("this metric does not go with `is = \"{is}\"`"), label);
        }
    }

    fn times(&mut self, wire: &wire::Claim) -> Option<Kind> {
        let Some(between) = &wire.between else {
            self.wrong(&wire.is, "`between = [LOW, HIGH]` says how many times", "and is missing");
            return None;
        };
        let [low, high] = *between.get_ref();
        if !(0.0 < low && low <= high && high.is_finite()) {
            self.wrong(between, "`between` has two numbers above 0, the lower one first", "such as [2, 50]");
            return None;
        }
        Some(Kind::Compare(Compared::Times { low, high }))
    }

    fn compare(&mut self, wire: &wire::Claim, how: Compared) -> Option<Relation> {
        let merged = |own: &Option<Spanned<BTreeMap<String, String>>>| {
            let own = own.as_ref().map(|it| it.get_ref().clone()).unwrap_or_default();
            wire.levels.clone().into_iter().chain(own).collect::<BTreeMap<_, _>>()
        };
        let left = self.side(wire, merged(&wire.left))?;
        let base = self.side(wire, merged(&wire.right))?;
        let right = Side {
            scenario: wire.right_scenario.as_ref().map_or(base.scenario, |it| it.get_ref().clone()),
            syscall: wire.right_syscall.as_ref().map_or(base.syscall, |it| it.get_ref().clone()),
            measured: wire.right_metric.as_ref().map_or(Some(base.measured), |it| self.measured(it))?,
            view: wire.right_vantage.as_ref().map_or(Some(base.view), |it| self.view(it))?,
            levels: base.levels,
        };
        if left == right {
            self.wrong(&wire.id, "both sides of the claim are the same", "`left` and `right` name levels");
        }
        Some(Relation::Compare { left, right, how })
    }

    fn side(&mut self, wire: &wire::Claim, levels: BTreeMap<String, String>) -> Option<Side> {
        let scenario = wire.scenario.as_ref().map(|it| it.get_ref().clone()).or_else(|| self.only.clone());
        if scenario.is_none() {
            self.wrong(&wire.id, "`scenario` names one of several", "and is missing");
        }
        let measured = self.measured(&wire.metric);
        let view = wire.vantage.as_ref().map_or(Some(View::Any), |it| self.view(it));
        let (scenario, syscall) = (scenario?, wire.syscall.get_ref().clone());
        Some(Side { scenario, syscall, measured: measured?, view: view?, levels })
    }

    fn measured(&mut self, text: &Text) -> Option<Measured> {
        if text.get_ref() == "lost" {
            return Some(Measured::Lost);
        }
        let metric = text.get_ref().parse().ok().map(Measured::Latency);
        if metric.is_none() {
            self.wrong(text, "no metric", "mean, p50, p90, p99, p999, max or lost");
        }
        metric
    }

    fn view(&mut self, text: &Text) -> Option<View> {
        match text.get_ref().as_str() {
            "kernel" => Some(View::Of(Vantage::Kernel)),
            "user" => Some(View::Of(Vantage::User)),
            "any" => Some(View::Any),
            _ => {
                self.wrong(text, "no vantage", "kernel, user or any");
                None
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Compare(Compared),
    Along(Shape),
    Bounded(Bound),
}
