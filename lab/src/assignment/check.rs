//! What only the scenarios can tell: whether claims speak of what is measured.

use super::problems::Problem;
use super::{Assignment, Measured, Relation, Side, View};
use std::collections::{BTreeMap, BTreeSet};
use store::Vantage;

/// What claims may speak of in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// Its targets.
    pub syscalls: Vec<String>,
    /// Its factors with their levels, `load` among them.
    pub factors: Vec<(String, Vec<String>)>,
    /// Its cells, each with its level of every factor: all combinations but those that the scenario leaves out.
    pub cells: Vec<BTreeMap<String, String>>,
}

impl ScenarioFacts {
    /// Its cells that have these levels.
    fn cells_of<'a>(&'a self, side: &'a Side) -> impl Iterator<Item = &'a BTreeMap<String, String>> {
        self.cells
            .iter()
            .filter(|cell| side.levels.iter().all(|(factor, level)| cell.get(factor) == Some(level)))
    }
}

/// Everything that the scenarios make wrong of the assignment.
pub(super) fn check(assignment: &Assignment, scenarios: &[ScenarioFacts]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (name, place) in assignment.scenarios.iter().zip(&assignment.places.scenarios) {
        if !scenarios.iter().any(|it| it.name == *name) {
            let label = "claims and runs are matched by it";
            let message = format!("the scenario in {name}.toml does not have the `name` {name}");
            found.push(Problem::at(place.clone(), message, label));
        }
    }
    for (claim, place) in assignment.claims.iter().zip(&assignment.places.claims) {
        let words = claim.relation.sides().into_iter().filter_map(|side| unknown(side, scenarios));
        let mut words: Vec<String> = words.chain(along(&claim.relation, scenarios)).collect();
        words.dedup();
        found.extend(words.into_iter().map(|words| Problem::at(place.clone(), words, "in this claim")));
    }
    found
}

/// What of a side no scenario has.
fn unknown(side: &Side, scenarios: &[ScenarioFacts]) -> Option<String> {
    let Some(scenario) = scenarios.iter().find(|it| it.name == side.scenario) else {
        return Some(format!("no scenario of the assignment is called `{}`", side.scenario));
    };
    if !scenario.syscalls.contains(&side.syscall) {
        let all = scenario.syscalls.join(", ");
        return Some(format!("`{}` is no target of {}; its targets are {all}", side.syscall, scenario.name));
    }
    if side.measured == Measured::Lost && side.view == View::Of(Vantage::User) {
        return Some("`lost` is in the probe's ledger: its vantage is the kernel's".to_owned());
    }
    for (factor, level) in &side.levels {
        let Some((_, levels)) = scenario.factors.iter().find(|(name, _)| name == factor) else {
            return Some(format!("`{factor}` is no factor of {}", scenario.name));
        };
        if !levels.contains(level) {
            return Some(format!(
                "`{level}` is no level of `{factor}`; its levels are {}",
                levels.join(", ")
            ));
        }
    }
    if scenario.cells_of(side).next().is_none() {
        let levels: Vec<String> =
            side.levels.iter().map(|(factor, level)| format!("{factor} {level}")).collect();
        return Some(format!("{} leaves out every cell with {}", scenario.name, levels.join(", ")));
    }
    None
}

fn along(relation: &Relation, scenarios: &[ScenarioFacts]) -> Option<String> {
    let Relation::Along { side, factor, .. } = relation else { return None };
    let scenario = scenarios.iter().find(|it| it.name == side.scenario)?;
    if !scenario.factors.iter().any(|(name, _)| name == factor) {
        return Some(format!("`{factor}` is no factor of {}", scenario.name));
    }
    if side.levels.contains_key(factor) {
        return Some(format!("`where` fixes `{factor}`, along which the claim goes"));
    }
    let levels: BTreeSet<_> = scenario.cells_of(side).filter_map(|cell| cell.get(factor)).collect();
    (levels.len() < 2).then(|| format!("`{factor}` has one level: nothing goes along it"))
}
