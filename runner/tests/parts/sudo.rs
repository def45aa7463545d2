//! A runner that is root on somebody's behalf: what is named on its command line is found, read and written by that user's
//! rights. `sudo` itself is not needed: it is known by the variables that it sets.

use super::impostors::for_an_ordinary_user;
use super::{COUNTED, own_turn, text};
use rustix::process::geteuid;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const USER: u32 = 65_534;

/// A user's home, beside it what is root's alone.
struct Site {
    _folder: tempfile::TempDir,
    program: PathBuf,
    home: PathBuf,
    roots: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, home) = for_an_ordinary_user(folder.path());
        let roots = folder.path().join("roots");
        fs::create_dir(&roots).unwrap();
        fs::write(roots.join("secret"), "root:a-secret-word\n").unwrap();
        fs::set_permissions(roots.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(home.join("counted.toml"), COUNTED).unwrap();
        Self { _folder: folder, program, home, roots }
    }

    /// By `sudo`.
    fn said(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.home).env("SYSCALL_LAB_TURN", own_turn()).env_remove("RUNNER_RUNS_DIR");
        command.env("SUDO_UID", USER.to_string()).env("SUDO_GID", USER.to_string());
        let Output { status, stdout, stderr } = command.args(words).output().unwrap();
        (status.code(), text(&stdout) + &text(&stderr))
    }
}

/// Everything in a folder, with its owner.
fn owners(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(owners(&path));
        }
        found.push((path, metadata.uid()));
    }
    found
}

#[test]
fn what_the_user_may_not_do_is_not_done_on_their_behalf() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can be root on somebody's behalf");
        return;
    }
    let site = Site::new();
    let (code, said) = site.said(&["run", "counted.toml", "--quiet"]);
    assert_eq!(code, Some(0), "{said}");
    let strangers: Vec<_> = owners(&site.home)
        .into_iter()
        .filter(|(path, uid)| *uid != USER && !path.ends_with("counted.toml"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let secret = site.roots.join("secret");
    symlink(&secret, site.home.join("link")).unwrap();
    let (secret, folder) = (secret.to_str().unwrap(), site.roots.join("new/folder"));
    let folder = folder.to_str().unwrap();
    for words in [
        &["export", "latest", "--format", "csv", "--out", secret][..],
        &["export", "latest", "--format", "csv", "--out", "link"],
        &["report", "latest", "--format", "markdown", "--out", secret],
        &["report", "latest", "--format", "html", "--out", folder],
        &["diff", "latest", "latest", "--out", secret],
        &["man", "--out", folder],
        &["run", "counted.toml", "--quiet", "--runs-dir", folder],
        &["run", "counted.toml", "--quiet", "--runs-dir", site.roots.to_str().unwrap()],
        &["check", secret],
        &["plan", "./link"],
    ] {
        let (code, said) = site.said(words);
        assert!(code.is_some_and(|code| code == 1 || code == 2), "{words:?}: {said}");
        assert!(said.contains("ermission denied") && !said.contains("a-secret-word"), "{words:?}: {said}");
    }
    assert_eq!(fs::read_to_string(secret).unwrap(), "root:a-secret-word\n");
    assert_eq!(owners(&site.roots), [(PathBuf::from(secret), 0)]);
    for verb in ["status", "fetch", "retry", "cancel"] {
        let (code, said) = site.said(&["fleet", verb]);
        assert!(code == Some(2) && said.contains("without sudo"), "{verb}: {said}");
    }
}

#[test]
fn nobody_has_a_keeper_of_roots_end_a_process() {
    if !geteuid().is_root() {
        eprintln!("skipped: with a user's own rights a keeper can do nothing that the user cannot");
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("syscall-lab-1-abc");
    fs::create_dir(&folder).unwrap();
    let mut victim = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_runner"))
        .arg("keep")
        .arg(&folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it is told anything.
    let _ = writeln!(keeper.stdin.take().unwrap(), "{}", victim.id());
    let output = keeper.wait_with_output().unwrap();
    let lives = victim.try_wait().unwrap().is_none();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(lives && folder.exists(), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("for the runner itself"), "{}", text(&output.stderr));
}
