//! System calls by number, without the C library between: no `errno`, no cancellation point.
//!
//! Owns the two instruction sequences, one per architecture. What a call means is its caller's business.

use std::arch::asm;

/// Issues the system call `number`; failures come back as the negative error number.
///
/// Arguments that the call does not take are ignored by the kernel.
///
/// # Safety
/// The arguments must keep the promises that the call asks for: pointers valid for what it reads and writes, and
/// memory that it unmaps not in use.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) unsafe fn syscall(number: libc::c_long, arguments: [usize; 6]) -> isize {
    let result;
    // SAFETY: the kernel's convention on x86_64, with its two clobbered registers; the rest is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Issues the system call `number`; failures come back as the negative error number.
///
/// Arguments that the call does not take are ignored by the kernel.
///
/// # Safety
/// The arguments must keep the promises that the call asks for: pointers valid for what it reads and writes, and
/// memory that it unmaps not in use.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) unsafe fn syscall(number: libc::c_long, arguments: [usize; 6]) -> isize {
    let result;
    // SAFETY: the kernel's convention on aarch64; the rest is the caller's promise.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") arguments[0] => result,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            in("x4") arguments[4],
            in("x5") arguments[5],
            options(nostack),
        );
    }
    result
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("generators know the system call instruction of x86_64 and aarch64 only");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_returns_its_value() {
        // SAFETY: the call takes no argument.
        let pid = unsafe { syscall(libc::SYS_getpid, [0; 6]) };
        assert_eq!(pid, isize::try_from(std::process::id()).unwrap());
    }

    #[test]
    fn a_failure_is_the_negative_error_number() {
        // SAFETY: no file has this number.
        let result = unsafe { syscall(libc::SYS_close, [usize::MAX, 0, 0, 0, 0, 0]) };
        assert_eq!(result, -(libc::EBADF as isize));
    }

    #[test]
    fn six_arguments_arrive_in_order() {
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        // SAFETY: new memory at an address of the kernel's choice; -1 is the customary file of anonymous memory.
        let address = unsafe { syscall(libc::SYS_mmap, [0, 8192, protection, flags, usize::MAX, 0]) };
        assert!(address > 0, "{address}");
        // SAFETY: just mapped, used by nobody.
        assert_eq!(unsafe { syscall(libc::SYS_munmap, [address.cast_unsigned(), 8192, 0, 0, 0, 0]) }, 0);
    }
}
