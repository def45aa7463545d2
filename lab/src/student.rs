//! A student, and what is theirs alone: a seed and parameters.
//!
//! Both follow from assignment and id by BLAKE3, so that whoever grades has them without a list. The derivation is part of
//! what a submission promises, and is documented in docs/assignments.md.

use crate::{AssignmentId, LabError, Parameter};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A student's id, as the course has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Student(String);

impl Student {
    /// The id in a text.
    pub fn new(text: &str) -> Result<Self, LabError> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() <= 64 && begins && text.chars().all(is_fine) {
            return Ok(Self(text.to_owned()));
        }
        Err(LabError::Student(crate::error::printable(text)))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The seed of this student's order of trials: 63 bits, as many as a scenario takes.
    #[must_use]
    pub fn seed(&self, of: &AssignmentId) -> u64 {
        self.number(of, "seed") >> 1
    }

    /// The value of a parameter that is this student's.
    #[must_use]
    pub fn value<'a>(&self, of: &AssignmentId, parameter: &'a Parameter) -> &'a str {
        let count = parameter.values.len().max(1) as u64;
        let place = usize::try_from(self.number(of, &format!("parameter {}", parameter.name)) % count);
        place.ok().and_then(|place| parameter.values.get(place)).map_or("", String::as_str)
    }

    /// What the student's runs replace in their scenarios, as `PATH=VALUE`, without the seed.
    #[must_use]
    pub fn overrides(&self, of: &AssignmentId, parameters: &[Parameter]) -> Vec<String> {
        parameters.iter().map(|it| format!("{}={}", it.path, self.value(of, it))).collect()
    }

    /// The first eight bytes, little-endian, of the BLAKE3 of four lines. Ids that differ in case only are one student.
    fn number(&self, of: &AssignmentId, purpose: &str) -> u64 {
        let text = format!("{}\n{}\n{}\n{purpose}\n", of.name, of.edition, self.0.to_ascii_lowercase());
        let hash = blake3::hash(text.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }
}

impl TryFrom<String> for Student {
    type Error = LabError;

    fn try_from(text: String) -> Result<Self, LabError> {
        Self::new(&text)
    }
}

impl From<Student> for String {
    fn from(student: Student) -> Self {
        student.0
    }
}

impl fmt::Display for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn id() -> AssignmentId {
        AssignmentId { name: "load".to_owned(), edition: "1".to_owned() }
    }

    /// The derivation is a promise: submissions of last year are still verified next year.
    #[test]
    fn a_seed_is_what_the_documentation_says() {
        let hash = blake3::hash(b"load\n1\ns1\nseed\n");
        let expected = u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()) >> 1;
        let seed = |text: &str| Student::new(text).unwrap().seed(&id());
        assert_eq!(seed("s1"), expected);
        assert_eq!(seed("S1"), expected);
        assert!(i64::try_from(expected).is_ok());
        let seeds: BTreeSet<u64> = (0..500).map(|n| seed(&format!("s{n}"))).collect();
        assert_eq!(seeds.len(), 500);
        let next = AssignmentId { edition: "2".to_owned(), ..id() };
        assert_ne!(Student::new("s1").unwrap().seed(&next), expected);
    }

    #[test]
    fn every_value_of_a_parameter_is_somebodys() {
        let parameter = Parameter::new("size", "generators.a.size", &["16KiB", "64KiB", "256KiB"]);
        let values: BTreeSet<String> = (0..60)
            .flat_map(|n| {
                Student::new(&format!("s{n}")).unwrap().overrides(&id(), std::slice::from_ref(&parameter))
            })
            .collect();
        let expected = ["16KiB", "256KiB", "64KiB"].map(|value| format!("generators.a.size={value}"));
        assert_eq!(values.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_could_be_a_path_a_formula_or_a_terminals_is_no_id() {
        for text in ["", ".", "../s1", "a/b", "=1+1", "-x", "@x", "a b", "é", "a\u{1b}", &"a".repeat(65)] {
            assert!(Student::new(text).is_err(), "{text:?}");
        }
        for text in ["s1234567", "Ada.Lovelace", "ada+lab@example.org", "7", &"a".repeat(64)] {
            assert!(Student::new(text).is_ok(), "{text:?}");
        }
    }
}
