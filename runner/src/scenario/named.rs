//! Which scenario a word of the command line means: a file, or one that goes by its name.
//!
//! Owns the order in which a name is looked for: here, in `scenarios/` here, among those that are shipped. What has a
//! slash, a dot or anything else that a name cannot have is a file's path.

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean, quoted};
use super::shipped::{SHIPPED, Shipped};
use super::{Name, read_file};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folder of scenarios in a project's folder.
const FOLDER: &str = "scenarios";

/// The text of the scenario that is meant, and what it is called in messages.
pub(crate) fn read(given: &Path) -> Result<(PathBuf, String), Diagnostics> {
    match meant(given, Path::new(""))? {
        Meant::File(path) => read_file(&path).map(|text| (path, text)),
        Meant::Shipped(it) => Ok((format!("{} (shipped)", it.name).into(), it.text.to_owned())),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Meant {
    File(PathBuf),
    Shipped(&'static Shipped),
}

/// What a word means to somebody who is in the folder `here`.
fn meant(given: &Path, here: &Path) -> Result<Meant, Diagnostics> {
    let Some(name) = given.to_str().filter(|word| Name::new(word).is_some()) else {
        return Ok(Meant::File(given.to_owned()));
    };
    let file = format!("{name}.toml");
    let mut places = [here.join(&file), here.join(FOLDER).join(&file)].into_iter().filter(|it| it.is_file());
    match (places.next(), places.next()) {
        (Some(one), Some(other)) => Err(ambiguous(name, &one, &other)),
        (Some(only), None) => Ok(Meant::File(only)),
        _ => Shipped::find(name).map(Meant::Shipped).ok_or_else(|| unknown(name, here)),
    }
}

fn ambiguous(name: &str, one: &Path, other: &Path) -> Diagnostics {
    let words = format!("may be {} or {}", one.display(), other.display());
    Diagnostics::of_file(name, Diagnostic::general(words).help("say which by its path"))
}

fn unknown(name: &str, here: &Path) -> Diagnostics {
    let own: BTreeSet<String> =
        [here.to_owned(), here.join(FOLDER)].iter().flat_map(|it| names_in(it)).collect();
    let shipped = SHIPPED.iter().map(|it| it.name);
    let guess = did_you_mean(name, own.iter().map(String::as_str).chain(shipped.clone()));
    let file = here
        .join(name)
        .is_file()
        .then(|| format!("the file of this name is {}", quoted(&format!("./{name}"))));
    let known = format!("shipped are {}", shipped.collect::<Vec<_>>().join(", "));
    let help: Vec<String> = guess.into_iter().chain(file).chain([known]).collect();
    let words =
        format!("there is no {name}.toml, here or in {FOLDER}/, and no shipped scenario of this name");
    Diagnostics::of_file(name, Diagnostic::general(words).help(help.join("\n")))
}

/// The names of the scenarios in a folder, as far as they tell from their files'.
fn names_in(folder: &Path) -> Vec<String> {
    // The empty path is the folder where one is.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| PathBuf::from(entry.file_name()));
    let scenarios = files.filter(|file| file.extension().is_some_and(|it| it == "toml"));
    scenarios.filter_map(|file| file.file_stem()?.to_str().map(str::to_owned)).collect()
}

/// How to mend that there is no file at this path.
pub(super) fn instead_of(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(Shipped::find);
    stem.map_or_else(
        || "`runner new --list` lists the scenarios that are shipped, which go by their names".to_owned(),
        |it| format!("the shipped scenario goes by its name, {}", quoted(it.name)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        for file in files {
            fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    fn refusal(word: &str, here: &Path) -> String {
        meant(Path::new(word), here).expect_err(word).to_string()
    }

    #[test]
    fn a_name_is_looked_for_here_then_in_scenarios_then_among_the_shipped() {
        let folder = folder(&["mine.toml", "scenarios/quick.toml", "scenarios/own.toml"]);
        let meant = |word: &str| meant(Path::new(word), folder.path()).unwrap();
        let file = |path: &str| Meant::File(folder.path().join(path));
        assert_eq!(meant("mine"), file("mine.toml"));
        assert_eq!(meant("own"), file("scenarios/own.toml"));
        assert_eq!(meant("quick"), file("scenarios/quick.toml"));
        assert_eq!(meant("mmap_sweep"), Meant::Shipped(Shipped::find("mmap_sweep").unwrap()));
    }

    #[test]
    fn what_has_a_slash_or_a_dot_is_a_path() {
        let folder = folder(&["scenarios/quick.toml"]);
        for path in
            ["quick.toml", "./quick", "scenarios/quick.toml", "scenarios/quick", "/quick", "", "quick.txt"]
        {
            assert_eq!(meant(Path::new(path), folder.path()), Ok(Meant::File(path.into())), "{path}");
        }
    }

    #[test]
    fn a_name_of_two_files_is_refused_with_both() {
        let folder = folder(&["quick.toml", "scenarios/quick.toml"]);
        let words = refusal("quick", folder.path());
        assert!(words.contains("quick: may be ") && words.contains("scenarios/quick.toml"), "{words}");
        assert!(words.contains("say which by its path"), "{words}");
    }

    #[test]
    fn an_unknown_name_is_told_what_may_have_been_meant() {
        let folder = folder(&["openat.toml", "notes"]);
        assert!(refusal("quik", folder.path()).contains("did you mean `quick`?"));
        assert!(refusal("openta", folder.path()).contains("did you mean `openat`?"));
        assert!(refusal("notes", folder.path()).contains("the file of this name is `./notes`"));
        let words = refusal("nothing_like_it", folder.path());
        assert!(words.contains("there is no nothing_like_it.toml, here or in scenarios/"), "{words}");
        assert!(
            SHIPPED.iter().all(|it| words.contains(it.name)) && !words.contains("did you mean"),
            "{words}"
        );
    }

    #[test]
    fn a_missing_file_of_a_shipped_name_leads_to_it() {
        let words = read(Path::new("no_such_folder/quick.toml")).unwrap_err().to_string();
        assert!(
            words.contains("there is no such file") && words.contains("goes by its name, `quick`"),
            "{words}"
        );
        assert!(instead_of(Path::new("none.toml")).contains("`runner new --list`"));
    }
}
