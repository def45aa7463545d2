//! Owns the question as whom children run: the user who called `sudo`, not root, and never longer than the runner. And as whom
//! the runner itself opens files: as the same user.
//! It starts nothing itself; whoever builds a `Command` passes it through [`guard_child`].

use rustix::fs::{AtFlags, CWD, chownat};
use rustix::process::{Gid, Pid, Signal, Uid};
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The user who called the runner by `sudo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The user.
    pub(crate) uid: Uid,
    /// The user's own group.
    pub(crate) gid: Gid,
    /// The login name, where the user database has one.
    pub(crate) name: Option<String>,
    /// Every group of the user, looked up once because a child between fork and exec must not.
    groups: Vec<Gid>,
}

impl Credentials {
    /// The invoking user, if the runner is root and was started by `sudo` from another account; else none.
    pub(crate) fn of_invoker() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let variable = |name| std::env::var(name).ok();
        let (uid, gid) = parse_ids(&variable("SUDO_UID")?, &variable("SUDO_GID")?)?;
        Some(Self::of_user(uid, gid))
    }

    /// From now on the runner finds, opens, makes and removes files as this user, whose command line it is that names them,
    /// and by none of root's rights; the probe and the machine's settings take those back for their own
    /// ([`probe::OwnFiles`]). To be called while there is but one thread: the others begin as their first one is.
    pub(crate) fn take_files(&self) -> io::Result<()> {
        // What the kernel tells every program of its processor, rustix reads once; before Linux 6.4 out of a file of this
        // process, which then is root's still, and it panics where it may not.
        let _ = rustix::param::page_size();
        rustix::thread::set_thread_groups(&self.groups)?;
        let (uid, gid) = (self.uid.as_raw(), self.gid.as_raw());
        // SAFETY: they take numbers. Each tells who it was before, so that a second call tells whether the first took effect.
        let now = unsafe {
            libc::setfsgid(gid);
            libc::setfsuid(uid);
            (libc::setfsuid(uid), libc::setfsgid(gid))
        };
        if now == (uid.cast_signed(), gid.cast_signed()) {
            Ok(())
        } else {
            Err(rustix::io::Errno::PERM.into())
        }
    }

    /// The credentials of a user by number.
    pub(crate) fn of_user(uid: u32, gid: u32) -> Self {
        let name = name_of(uid);
        let mut groups = name.as_deref().map_or_else(Vec::new, |name| groups_of(name, gid));
        if groups.is_empty() {
            groups.push(gid);
        }
        Self {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
            name: name.and_then(|name| name.into_string().ok()),
            groups: groups.into_iter().map(Gid::from_raw).collect(),
        }
    }

    /// User and group as a generator wants them.
    pub(crate) fn ids(&self) -> generators::Credentials {
        generators::Credentials { uid: self.uid.as_raw(), gid: self.gid.as_raw() }
    }

    /// Takes on this user's identity for good. To be called in a child that is about to exec: it makes bare system
    /// calls for the calling thread only, takes no lock and allocates nothing.
    pub(crate) fn apply_in_child(&self) -> io::Result<()> {
        // The order matters: after the uid is given up, the kernel would refuse the rest.
        rustix::thread::set_thread_groups(&self.groups)?;
        rustix::thread::set_thread_res_gid(self.gid, self.gid, self.gid)?;
        rustix::thread::set_thread_res_uid(self.uid, self.uid, self.uid)?;
        Ok(())
    }

    /// Makes this user the owner of `path`; of a symbolic link itself, not of what it names.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        chownat(CWD, path, Some(self.uid), Some(self.gid), AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
    }
}

/// Prepares `command` so that the child runs as `credentials` (when given) and is killed by the kernel when its parent
/// ends, however that ends.
///
/// The kernel means the *thread* that spawns, so spawn from one that lives as long as the child may: the main thread.
pub(crate) fn guard_child(command: &mut Command, credentials: Option<&Credentials>) {
    let credentials = credentials.cloned();
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor locks, and its
    // errors are plain numbers.
    unsafe {
        command.pre_exec(move || {
            if let Some(credentials) = &credentials {
                credentials.apply_in_child()?;
            }
            die_with(parent)
        });
    }
}

/// Asks the kernel for SIGKILL at the parent's end. After the change of user, since that clears the wish.
fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that ended before the wish was made would never be noticed.
    if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
}

/// `SUDO_UID` and `SUDO_GID` as numbers; none when they are not, or when the user is root anyway.
fn parse_ids(uid: &str, gid: &str) -> Option<(u32, u32)> {
    let parse = |text: &str| text.parse().ok().filter(|id| *id != u32::MAX);
    parse(uid).filter(|uid| *uid != 0).zip(parse(gid))
}

/// The login name of a user.
fn name_of(uid: u32) -> Option<CString> {
    // SAFETY: passwd is plain data, for which all zeroes is a value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut text: Vec<libc::c_char> = vec![0; 16 * 1024];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are to live values of ours, and the length is that of `text`.
    let code =
        unsafe { libc::getpwuid_r(uid, &raw mut entry, text.as_mut_ptr(), text.len(), &raw mut found) };
    if code != 0 || found.is_null() {
        return None;
    }
    // SAFETY: on success `pw_name` is a terminated string within `text`, which is still alive.
    Some(unsafe { CStr::from_ptr(entry.pw_name) }.to_owned())
}

/// Every group of a user, `gid` included; empty when the group database fails.
fn groups_of(name: &CStr, gid: u32) -> Vec<u32> {
    // More than the kernel's own limit of groups per process.
    const LIMIT: libc::c_int = 65_536;
    let mut count: libc::c_int = 64;
    loop {
        let mut groups = vec![0; usize::try_from(count).unwrap_or_default()];
        let room = count;
        // SAFETY: `groups` has room for `count` entries, and `name` is terminated.
        let code = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        if code >= 0 {
            groups.truncate(usize::try_from(count).unwrap_or_default());
            return groups;
        }
        // glibc tells the number it needs, musl does not.
        count = count.max(room * 2);
        if count > LIMIT {
            return Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_of_an_ordinary_user() {
        assert_eq!(parse_ids("1000", "100"), Some((1000, 100)));
        for (uid, gid) in [("0", "0"), ("", "100"), ("1000", "x"), ("-1", "1"), ("4294967295", "1")] {
            assert_eq!(parse_ids(uid, gid), None, "{uid} {gid}");
        }
    }

    #[test]
    fn an_unknown_user_has_one_group_and_no_name() {
        let credentials = Credentials::of_user(3_999_999_999, 3_999_999_998);
        assert_eq!(credentials.name, None);
        assert_eq!(credentials.groups, [Gid::from_raw(3_999_999_998)]);
    }

    #[test]
    fn root_has_a_name_and_its_group() {
        let credentials = Credentials::of_user(0, 0);
        assert_eq!(credentials.name.as_deref(), Some("root"));
        assert!(credentials.groups.contains(&Gid::from_raw(0)));
    }

    #[test]
    fn a_guarded_child_runs_as_the_user() {
        let root = rustix::process::geteuid().is_root();
        if !root {
            eprintln!("not root: the change of user is left out");
        }
        let user = root.then(|| Credentials::of_user(65_534, 65_534));
        let mut command = Command::new("cat");
        command.arg("/proc/self/status");
        guard_child(&mut command, user.as_ref());
        let output = command.output().unwrap();
        assert!(output.status.success());
        let status = String::from_utf8(output.stdout).unwrap();
        if root {
            assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
            assert!(status.contains("Gid:\t65534\t65534\t65534\t65534"), "{status}");
            assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
            let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
            assert!(!groups.split_whitespace().any(|group| group == "0"), "{groups}");
        }
    }

    #[test]
    fn a_child_whose_parent_is_another_does_not_start() {
        let error = die_with(Pid::from_raw(1_999_999_999).unwrap()).unwrap_err();
        rustix::process::set_parent_process_death_signal(None).unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_link_is_given_and_not_followed() {
        use std::os::unix::fs::MetadataExt;
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root may give files away");
            return;
        }
        let outside = tempfile::NamedTempFile::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(outside.path(), &link).unwrap();
        Credentials::of_user(65_534, 65_534).give(&link).unwrap();
        let owner = |path: &Path| path.symlink_metadata().unwrap().uid();
        assert_eq!((owner(&link), owner(outside.path())), (65_534, 0));
    }
}
