//! `runner lab grade`: claims held against submissions, without measuring anything.

use super::received::received;
use super::{FORGERY, Unpacked, print};
use crate::cli::GradeArguments;
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use ::lab::{Assignment, Evidence, Grade, Standing, class_table, feedback, gradescope, refused};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use store::Owner;

/// Grades each submission, and writes what came of it; 0 whatever that is.
pub(super) fn grade(arguments: &GradeArguments) -> Result<ExitCode, Failure> {
    let unpacked = Unpacked::of_bundle(&arguments.assignment)?;
    let recorded = unpacked.recorded()?;
    let grades = arguments.submissions.iter().map(|file| graded(file, &unpacked, &recorded));
    let mut grades: Vec<Grade> = grades.collect::<Result<_, _>>()?;
    doubt_doubles(&mut grades);
    let owner = crate::commands::owner(Credentials::of_invoker().as_ref());
    let (assignment, out) = (&unpacked.assignment, &arguments.out);
    write(assignment, &grades, (out, owner))?;
    print(&told(assignment, &grades, out))?;
    Ok(ExitCode::SUCCESS)
}

/// What the student is answerable for is a grade, and what the grader's machine is, an error.
fn graded(file: &Path, unpacked: &Unpacked, recorded: &Evidence) -> Result<Grade, Failure> {
    match received(file, Some(unpacked)) {
        Ok(examination) => Ok(::lab::grade(&unpacked.assignment, recorded, examination)),
        Err(Failure::Lab(error)) if error.is_of_input() => {
            let name = file.file_name().map_or_else(|| "?".into(), |name| name.to_string_lossy());
            // No id has brackets: a file's name is not taken for a student's.
            Ok(refused(&unpacked.assignment, &format!("({name})"), chain(&error)))
        }
        Err(error) => Err(error),
    }
}

/// Two submissions of one student are a matter for a person.
fn doubt_doubles(grades: &mut [Grade]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for grade in grades.iter() {
        *counts.entry(grade.student.to_lowercase()).or_default() += 1;
    }
    for grade in grades {
        let count = counts.get(&grade.student.to_lowercase()).copied().unwrap_or(0);
        if count > 1 {
            let words = format!("there are {count} submissions of {}: one has to be chosen", grade.student);
            grade.find(Standing::Refused, words);
        }
    }
}

fn write(
    assignment: &Assignment,
    grades: &[Grade],
    (out, owner): (&Path, Option<Owner>),
) -> Result<(), Failure> {
    let table = ("class.csv".to_owned(), class_table(assignment, grades).into_bytes());
    store::write_files(out, &[table], owner)?;
    // Folders of those whose id it is come first: nobody else's is called like theirs.
    let ids: BTreeSet<String> =
        grades.iter().map(|grade| folder_name(&grade.student).to_lowercase()).collect();
    let mut taken: BTreeSet<String> = ["class.csv".to_owned()].into();
    for grade in grades {
        let results =
            serde_json::to_vec_pretty(&gradescope(grade)).map_err(|error| Failure::failed(&error))?;
        let files = [
            ("results.json".to_owned(), results),
            ("feedback.md".to_owned(), feedback(assignment, grade).into_bytes()),
        ];
        let name = folder_name(&grade.student);
        let others =
            (2..).map(|count| format!("{name}-{count}")).filter(|it| !ids.contains(&it.to_lowercase()));
        let mut names = std::iter::once(name.clone()).chain(others);
        let Some(name) = names.find(|it| taken.insert(it.to_lowercase())) else { continue };
        store::write_files(&out.join(name), &files, owner)?;
    }
    Ok(())
}

/// A folder's name for a student, or for the file of one who cannot be known.
fn folder_name(student: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-+@".contains(c) { c } else { '_' };
    let name: String = student.chars().take(100).map(plain).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

fn told(assignment: &Assignment, grades: &[Grade], out: &Path) -> String {
    let width = grades.iter().map(|grade| grade.student.chars().count()).max().unwrap_or(0);
    let number = |points: f64| format!("{points:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    let mut text = String::new();
    for grade in grades {
        let why = grade.findings.first().filter(|it| it.standing != Standing::Sound);
        let why = why.map_or_else(String::new, |finding| format!("  {}", finding.words));
        let _ = writeln!(
            text,
            "{:<width$}  {:<10}  {} of {}{why}",
            grade.student,
            grade.standing.words(),
            number(grade.points()),
            number(assignment.points()),
        );
    }
    let _ = writeln!(text, "{}\n{FORGERY}", out.join("class.csv").display());
    text
}
