//! `execve`: starting a program that ends at once, and waiting for it.
//!
//! Issues, per operation: `clone(2)` with `CLONE_VM | CLONE_VFORK | SIGCHLD`, which is what `posix_spawn` and `vfork` do,
//! and `wait4(2)` for the child. The child issues `execve(2)` of a program in the scratch folder, which has one page, no
//! interpreter and no library, and does nothing but `exit_group(2)`; it has no arguments and no environment.
//!
//! The caller times `clone` and `wait4`; `execve` has no caller that outlives it, so that its latency is the probe's to
//! tell. `clone` returns when the child has left the address space, which is midway through `execve`.
//!
//! Leaves out: the dynamic linker, and reading the program from disk.

use super::clone::{end_process, wait_for};
use super::scratch::{ScratchFolder, c_path};
use super::{Operation, Site};
use crate::clock::now_ns;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use std::ffi::{CString, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, io};

/// Ample for a child that makes one call.
const STACK_WORDS: usize = 2048;
const NAME: &str = "program";

#[derive(Debug)]
pub(crate) struct Execve {
    path: CString,
    /// The child's; of 16 bytes each, as the processor wants a stack aligned.
    stack: Vec<u128>,
}

/// The folder with the program.
pub(super) fn fill(scratch: &Path) -> Result<ScratchFolder, Failure> {
    let folder = ScratchFolder::create(scratch)?;
    let path = folder.path().join(NAME);
    let write = || {
        fs::write(&path, program())?;
        fs::set_permissions(&path, PermissionsExt::from_mode(0o700))
    };
    write().map_err(Failure::system(format!("write {}", path.display())))?;
    Ok(folder)
}

impl Operation for Execve {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let path = c_path(&site.folder()?.path().join(NAME))?;
        Ok(Self { path, stack: vec![0; STACK_WORDS] })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const FLAGS: c_int = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // It grows downwards.
        let stack = self.stack.as_mut_ptr_range().end.cast::<c_void>();
        let path = self.path.as_ptr().cast_mut().cast::<c_void>();
        let begin_ns = now_ns();
        // SAFETY: this thread stands still until the child is gone, which has a stack of its own, and a path that lives
        // as long as `self`. The C library's function issues the call and no other.
        let child = unsafe { libc::clone(become_the_program, stack, FLAGS, path) };
        let end_ns = now_ns();
        let result = if child < 0 { -failure() } else { child as isize };
        let clone = Call { begin_ns, end_ns, result };
        [clone, wait_for(&clone)]
    }

    fn verify(&self, _calls: &[Call; 2]) -> Result<(), Failure> {
        // What the child could not do, nobody has told.
        let program = Path::new(OsStr::from_bytes(self.path.as_bytes()));
        let status = std::process::Command::new(program).status();
        status.map(drop).map_err(Failure::system(format!("execute {}", program.display())))
    }
}

fn failure() -> isize {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) as isize
}

extern "C" fn become_the_program(path: *mut c_void) -> c_int {
    let nothing = [0_usize];
    let empty = nothing.as_ptr().expose_provenance();
    // SAFETY: the path ends with a zero, and so do the lists of arguments and of the environment.
    unsafe { raw::syscall(libc::SYS_execve, [path.expose_provenance(), empty, empty, 0, 0, 0]) };
    end_process()
}

/// `exit_group(0)`, as the processor reads it.
#[cfg(target_arch = "x86_64")]
const CODE: [u8; 9] = [0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05];
/// `exit_group(0)`, as the processor reads it.
#[cfg(target_arch = "aarch64")]
const CODE: [u8; 12] = [0xc8, 0x0b, 0x80, 0xd2, 0, 0, 0x80, 0xd2, 0x01, 0, 0, 0xd4];

/// An executable of 64 bits: the header, one segment that holds all of the file, and the code.
fn program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u16 = 64 + 56;
    let machine: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    let length = u64::from(HEADERS) + CODE.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // An executable, its machine and version.
    file.extend([2, 0].into_iter().chain(machine.to_le_bytes()).chain([1, 0, 0, 0]));
    // Where it begins, where the segments are listed, and no list of sections.
    file.extend([BASE + u64::from(HEADERS), 64, 0].into_iter().flat_map(u64::to_le_bytes));
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, 1, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    // To be loaded, to be read and executed; from where to where, how much, and in what steps.
    file.extend([1_u32, 5].into_iter().flat_map(u32::to_le_bytes));
    file.extend([0, BASE, BASE, length, length, 0x1_0000].into_iter().flat_map(u64::to_le_bytes));
    file.extend(CODE);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_does_nothing_well() {
        let scratch = std::env::temp_dir();
        let folder = fill(&scratch).unwrap();
        let path = folder.path().join(NAME);
        let status = std::process::Command::new(&path).status().unwrap();
        assert_eq!(status.code(), Some(0));
        assert_eq!(fs::metadata(&path).unwrap().len(), 64 + 56 + CODE.len() as u64);
    }
}
