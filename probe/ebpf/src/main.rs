//! The BPF programs that time system calls.
//!
//! They do arithmetic and no more: which calls and processes count, and when, is the loader's decision, told through
//! [`control`] and [`scope`]. [`count`] is what every backend shares, [`slow`] what is done for calls that took long;
//! each backend has a file that says who the caller is and which target it called. [`floor`] is there to be compared
//! with.

#![no_std]
#![no_main]

mod control;
mod count;
mod fentry;
mod floor;
mod function;
mod global;
mod kretprobe;
mod raw_tracepoint;
mod scope;
mod slow;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // The verifier accepts no program that could come here.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
