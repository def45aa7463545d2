//! Calls of `bpf(2)` that the library does not make.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// A command of `bpf(2)`.
#[derive(Clone, Copy)]
#[repr(i64)]
pub(crate) enum Command {
    /// `BPF_MAP_CREATE`
    MapCreate = 0,
    /// `BPF_MAP_UPDATE_ELEM`
    MapUpdate = 2,
    /// `BPF_OBJ_GET_INFO_BY_FD`
    GetInfo = 15,
    /// `BPF_LINK_GET_FD_BY_ID`
    LinkById = 30,
}

/// `bpf(2)`.
///
/// # Safety
/// `attributes` must be those of `command`, and what they point to must be valid for it.
pub(crate) unsafe fn bpf<T>(command: Command, attributes: &T) -> io::Result<RawFd> {
    let command = command as libc::c_long;
    // SAFETY: the caller's promise.
    let returned =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    RawFd::try_from(returned).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)
}

/// The words that `info` of a program or link has on this kernel, as laid out in `linux/bpf.h`; at most `N`.
fn info<const N: usize>(object: BorrowedFd) -> io::Result<Vec<u64>> {
    #[repr(C)]
    struct GetInfo {
        object: RawFd,
        bytes: u32,
        info: u64,
    }
    let mut words = [0u64; N];
    let bytes = u32::try_from(size_of_val(&words)).unwrap_or(u32::MAX);
    let attributes = GetInfo { object: object.as_raw_fd(), bytes, info: (&raw mut words) as u64 };
    // SAFETY: the kernel writes to `words`, no more than their size, and its size of the info to `bytes`.
    unsafe { bpf(Command::GetInfo, &attributes)? };
    // SAFETY: within the attributes; volatile, since the kernel wrote behind the compiler's back.
    let known = unsafe { (&raw const attributes.bytes).read_volatile() } as usize / size_of::<u64>();
    // SAFETY: as above.
    let words = unsafe { (&raw const words).read_volatile() };
    Ok(words[..known.min(N)].to_vec())
}

/// How often the kernel did not run a program since it would have interrupted itself; none before Linux 5.12.
pub(crate) fn recursion_misses(program: BorrowedFd) -> Option<u64> {
    // Word 26 of `struct bpf_prog_info`.
    info::<27>(program).ok()?.get(26).copied()
}

/// How often a kprobe or kretprobe behind a link was not served; none before Linux 6.7.
pub(crate) fn probe_misses(link: BorrowedFd) -> Option<u64> {
    // `struct bpf_link_info`: the type in word 0, that of the event in word 2, `missed` in word 6.
    const PERF_EVENT: u32 = 7;
    const KPROBES: std::ops::RangeInclusive<u32> = 3..=4;
    let words = info::<7>(link).ok()?;
    let missed = *words.get(6)?;
    (low_half(words[0]) == PERF_EVENT && KPROBES.contains(&low_half(words[2]))).then_some(missed)
}

/// A descriptor of the link with this id.
pub(crate) fn link_by_id(id: u32) -> io::Result<OwnedFd> {
    let attributes = [id, 0, 0];
    // SAFETY: the kernel reads the attributes and returns a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(bpf(Command::LinkById, &attributes)?) })
}

/// The lower half of a word of which the kernel makes two.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub(crate) const fn low_half(word: u64) -> u32 {
    word as u32
}
