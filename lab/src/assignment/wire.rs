//! An assignment as written: serde's image of the TOML file, with places, nothing judged yet.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// Text with its place.
pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    pub(super) schema: Spanned<u32>,
    pub(super) name: Text,
    pub(super) edition: Text,
    pub(super) title: String,
    #[serde(default)]
    pub(super) tested_with: Vec<String>,
    pub(super) handout: Text,
    pub(super) answers: Text,
    pub(super) scenarios: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) grading: Grading,
    pub(super) recorded: Option<Recorded>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<Spanned<String>, Parameter>,
    #[serde(default)]
    pub(super) question: Vec<Question>,
    #[serde(default)]
    pub(super) claim: Vec<Claim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grading {
    pub(super) undecided: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recorded {
    pub(super) folder: Text,
    pub(super) machine: String,
    pub(super) share: Spanned<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub(super) path: Text,
    pub(super) values: Spanned<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) id: Text,
    pub(super) text: String,
    pub(super) points: Spanned<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    pub(super) id: Text,
    pub(super) text: String,
    pub(super) points: Spanned<f64>,
    pub(super) scenario: Option<Text>,
    pub(super) syscall: Text,
    pub(super) metric: Text,
    pub(super) vantage: Option<Text>,
    #[serde(default, rename = "where")]
    pub(super) levels: BTreeMap<String, String>,
    pub(super) left: Option<Spanned<BTreeMap<String, String>>>,
    pub(super) right: Option<Spanned<BTreeMap<String, String>>>,
    pub(super) right_scenario: Option<Text>,
    pub(super) right_syscall: Option<Text>,
    pub(super) right_metric: Option<Text>,
    pub(super) right_vantage: Option<Text>,
    pub(super) along: Option<Text>,
    pub(super) is: Text,
    pub(super) between: Option<Spanned<[f64; 2]>>,
    pub(super) limit: Option<Spanned<f64>>,
    pub(super) tolerance: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) feedback: Feedback,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feedback {
    pub(super) met: Option<String>,
    pub(super) not_met: Option<String>,
    pub(super) undecided: Option<String>,
}
