//! 32-bit programs, whose calls are numbered differently.
#![cfg(target_arch = "x86_64")]

use crate::support::{alone, seen, with_each_backend};
use probe::Scope;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// A 32-bit program: waits for a byte from its standard input, then calls number 110 a thousand times, which is `iopl`
/// to it and `getppid` to 64-bit programs, and its own `getppid`, number 64, seven hundred times.
#[rustfmt::skip]
const PROGRAM_32: [u8; 139] = [
    // The ELF header: an i386 executable that begins at 0x10054 and has one program header, at 52.
    0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0, 1, 0, 52, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    // The program header: the whole file is loaded at 0x10000, readable, writable and executable.
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 139, 0, 0, 0, 139, 0, 0, 0, 7, 0, 0, 0, 0, 16, 0, 0,
    0xb8, 3, 0, 0, 0,             // eax = read
    0x31, 0xdb,                   // ebx = 0
    0x89, 0xe1,                   // ecx = esp
    0x6a, 1, 0x5a,                // edx = 1
    0xcd, 0x80,                   // int 0x80
    0xbe, 0xe8, 3, 0, 0,          // esi = 1000
    0x31, 0xdb,                   // again: ebx = 0
    0xb8, 110, 0, 0, 0,           // eax = iopl
    0xcd, 0x80,                   // int 0x80
    0x4e,                         // esi -= 1
    0x75, 0xf4,                   // if not zero, again
    0xbe, 0xbc, 2, 0, 0,          // esi = 700
    0xb8, 64, 0, 0, 0,            // again: eax = getppid
    0xcd, 0x80,                   // int 0x80
    0x4e,                         // esi -= 1
    0x75, 0xf6,                   // if not zero, again
    0xb8, 1, 0, 0, 0,             // eax = exit
    0x31, 0xdb,                   // ebx = 0
    0xcd, 0x80,                   // int 0x80
];

#[test]
fn calls_of_32_bit_programs_are_not_mistaken_for_others() {
    let program = std::env::temp_dir().join(format!("probe-test-32-bit-{}", std::process::id()));
    {
        // A child forked meanwhile would keep the file open for writing, and nobody could run it.
        let _alone = alone();
        fs::write(&program, PROGRAM_32).unwrap();
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = || Command::new(&program).stdin(Stdio::piped()).spawn();
    match run() {
        Err(error) => eprintln!("skipped: this kernel runs no 32-bit programs: {error}"),
        Ok(mut child) => {
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
            with_each_backend(&["getppid"], Scope::System, |probe| {
                let readings =
                    seen(probe, || assert!(run().unwrap().wait_with_output().unwrap().status.success()));
                // Other processes of the machine may issue the call, too.
                assert!(readings[0].entered < 1_000, "{} calls", readings[0].entered);
                assert!(readings[0].compat >= Some(700), "{:?} calls", readings[0].compat);
            });
            with_each_backend(&["getppid"], Scope::Generators, |probe| {
                let mut child = run().unwrap();
                // The kernel lets the parent go on a moment before the child is the new program.
                let exe = format!("/proc/{}/exe", child.id());
                let program = fs::canonicalize(&program).unwrap();
                while fs::read_link(&exe).unwrap() != program {
                    std::thread::yield_now();
                }
                probe.include(child.id()).unwrap();
                let readings = seen(probe, || {
                    drop(child.stdin.take());
                    child.wait().unwrap();
                });
                assert_eq!((readings[0].entered, readings[0].compat), (0, Some(700)));
            });
        }
    }
    fs::remove_file(&program).unwrap();
}
