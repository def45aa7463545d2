//! What each check means for a measurement, and why: two sentences for each, whatever was found.

use super::{machine, rights};

/// The two sentences of a check; empty for one that is not there.
pub(super) fn explanation(check: &str) -> &'static str {
    match check {
        "kretprobe" => {
            "It times the function that implements a call, on kernels that have kprobes. Without it `auto` takes \
             another backend, and runs of different backends are not compared."
        }
        "fentry" => {
            "It times the same function by a cheaper way in and out, for which the kernel has to describe its types. \
             Nothing is lost without it where kretprobe or raw_tracepoint attaches."
        }
        "raw_tracepoint" => {
            "It times from the entry of a call to its exit and needs no kprobes, so it is what remains on kernels \
             without them. While it is attached, every system call of the machine takes the slower way in."
        }
        "user" => {
            "The generator reads the clock around each of its own calls, the way into the kernel included. Nobody \
             counts then what was lost, and programs of others cannot be measured at all."
        }
        rights::RIGHTS => {
            "Loading a BPF program takes CAP_BPF, and letting it look into the kernel takes CAP_PERFMON. Without both \
             only the callers' own view can be measured."
        }
        rights::PERF_EVENTS => {
            "A kretprobe is attached by way of a perf event, which the kernel keeps from ordinary users where this \
             setting is above 2. The other backends do not ask for one."
        }
        rights::LOCKDOWN => {
            "Integrity, which often comes with Secure Boot, leaves the probe as it is; confidentiality refuses \
             programs that look into the kernel. Then only the callers' own view can be measured."
        }
        rights::NAMESPACES => {
            "The probe knows processes and times as the kernel itself numbers them, and in a namespace of its own the \
             generator has other numbers. Its calls would be taken for a stranger's, and none would be counted."
        }
        "container" => {
            "A container shares the kernel with everything else on its host, whose work delays your calls as your \
             own does. Its figures are the host's, and say little of the image that was started."
        }
        other => explanation_of_machine(other),
    }
}

fn explanation_of_machine(check: &str) -> &'static str {
    match check {
        "release" => {
            "The way of a call through the kernel changes from release to release, and every run keeps which one it \
             was. So a comparison across two of them says what the kernels differ in, and not what you changed."
        }
        machine::KPROBES => {
            "kretprobe needs them, and it leaves alone all calls that are not measured. Without them raw_tracepoint \
             takes its place, which times a longer stretch and is not to be compared with it."
        }
        machine::BTF => {
            "The kernel's description of its own types tells fentry where to find a function's value, and the probe \
             how to follow what a program starts. Without it neither can be had."
        }
        "tracefs" => {
            "Only by way of tracefs can a kretprobe be told to watch 4,096 calls at a time, instead of ten or two for \
             each CPU. Where more callers than that block in `futex` or `read`, returns are lost and trials invalid."
        }
        "PSI" => {
            "Pressure is the share of time in which tasks waited for CPU, memory or disk, and shows whether load did \
             what it was to do. Without it reports know load by CPU and memory use alone."
        }
        "generator" => {
            "This program issues the calls that are measured, and belongs beside the runner. Without it no scenario \
             can be executed."
        }
        "stress-ng" => {
            "It makes the load under which calls are measured. Without it only levels without options can be had, so \
             that nothing tells what load does to a call."
        }
        "CPUs" => {
            "Generators, load and runner run at the same time. On a single CPU they take turns, and every figure has \
             the others' time slices in it."
        }
        "other work" => {
            "What other programs do takes CPU, caches and memory from the calls that are measured. It comes and goes, \
             so that two runs differ for no reason of their own."
        }
        "memory" => {
            "Load, tables and reports need memory, and a kernel that runs short of it takes pages back from \
             everybody. Calls that touch memory then wait for that, and load that fills memory is refused."
        }
        "swap" => {
            "A page that was written out has to be read back from the disk when it is touched. A call that touches \
             one takes as long as the disk does."
        }
        "power" => {
            "A machine on its battery slows itself down to save power, more or less so by charge and heat. Two runs \
             an hour apart then differ although nothing was changed."
        }
        "settings" => {
            "A run that is told to sets the machine for its own time, and restores what was there before. What a \
             killed run has left changed holds for every later one."
        }
        other => explanation_of_hardware(other),
    }
}

fn explanation_of_hardware(check: &str) -> &'static str {
    match check {
        "clock source" => {
            "The probe reads the clock twice for each call, and so does the generator. A source outside of the \
             processor takes longer to read than many a call takes, and all of that is in the figures."
        }
        "governor" => {
            "A governor that follows the work lowers the frequency of a CPU that has little to do. So a call after a \
             pause is slower than one of many in a row, and light load can make calls faster."
        }
        "turbo" => {
            "A CPU runs above its nominal frequency while few others are busy and it is cool. So load slows calls \
             down without any doing of the kernel's, and a warm machine is slower than a cold one."
        }
        "SMT" => {
            "Two CPUs that share a core are each slower while the other works. Whether load shares the generator's \
             core is then chance, which shows as scatter between repetitions."
        }
        "huge pages" => {
            "With `always`, a large mapping gets pages of 2 MiB where the kernel has some at hand, and else of 4 KiB. \
             Figures of mmap, munmap and page faults then fall into two groups by chance."
        }
        "hypervisor" => {
            "A hypervisor takes CPUs away and shares caches and disks with other guests, and nothing within can see \
             it. So compare runs of one guest only, and take them in alternation."
        }
        "folder" => {
            "A run is stored trial by trial, so that nothing finished is lost whatever ends it. Where its folder \
             cannot be written to, no run begins."
        }
        "disk space" => {
            "A run needs room for each trial, and at its end for tables and report. One that finds none keeps what \
             was finished and stops."
        }
        _ => "",
    }
}
