//! The parts of the benchmark `cost` that need no kernel: its intervals, and what it reads of its peers' output.

#[path = "../benches/cost/counts.rs"]
mod counts;
#[path = "../benches/cost/statistics.rs"]
mod statistics;

use statistics::figure;

#[test]
fn a_figure_is_the_median_between_order_statistics() {
    // The tables of such intervals give the ranks 1 and 7 for 7 values, 2 and 9 for 10, 10 and 22 for 31.
    for (rounds, low, high) in [(7, 1.0, 7.0), (8, 1.0, 8.0), (10, 2.0, 9.0), (31, 10.0, 22.0)] {
        let shuffled: Vec<_> = (0..rounds).map(|at| f64::from((at * 3) % rounds + 1)).collect();
        let found = figure(shuffled).unwrap();
        assert_eq!((found.low, found.high), (low, high), "{rounds}");
        assert!((found.median - f64::from(rounds + 1) / 2.0).abs() < 1e-9, "{rounds}");
        assert_eq!(found.rounds, usize::try_from(rounds).unwrap());
    }
}

#[test]
fn an_interval_covers_at_least_what_it_says_and_no_narrower_one_does() {
    // By counting, for every number of rounds whose outcomes can be counted in a u64.
    for rounds in 6..=60u32 {
        let values = (0..rounds).map(f64::from).collect();
        let found = figure(values).unwrap();
        let at_or_below = |most: f64| -> f64 {
            (0..=rounds).filter(|it| f64::from(*it) <= most).map(|it| binomial(rounds, it)).sum::<f64>()
                / 2f64.powi(rounds.try_into().unwrap())
        };
        assert!(at_or_below(found.low) <= 0.025, "{rounds}");
        assert!(at_or_below(found.low + 1.0) > 0.025, "{rounds}");
        assert!((found.low + found.high - f64::from(rounds - 1)).abs() < 1e-9, "{rounds}");
    }
}

fn binomial(of: u32, chosen: u32) -> f64 {
    (0..chosen).map(|at| f64::from(of - at) / f64::from(at + 1)).product()
}

#[test]
fn few_values_and_none_are_no_trouble() {
    assert_eq!(figure(Vec::new()), None);
    let two = figure(vec![4.0, 2.0]).unwrap();
    assert_eq!((two.median, two.low, two.high), (3.0, 2.0, 4.0));
}

#[test]
fn counts_are_found_in_what_peers_print() {
    let perf = "
 Summary of events:

 worker (7108), 40008 events, 100.0%

   syscall            calls  errors  total       min       avg       max       stddev
                                     (msec)    (msec)    (msec)    (msec)        (%)
   --------------- --------  ------ -------- --------- --------- ---------     ------
   getpid             20000      0   226.447     0.010     0.011     0.121      0.19%
   write                  1      0     0.259     0.259     0.259     0.259      0.00%
";
    assert_eq!(counts::after_name(perf), Some(20_000));
    let syscount = "Tracing syscalls, printing top 10... Ctrl+C to quit.
[02:25:35]
SYSCALL                   COUNT        TIME (us)
write                         1           13.511
getpid                    20001         6634.438
";
    assert_eq!(counts::after_name(syscount), Some(20_001));
    let strace = "strace: Process 7428 attached
strace: Process 7428 detached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.94    0.043030           2     20002           getpid
  0.05    0.000020          20         1           write
------ ----------- ----------- --------- --------- ----------------
100.00    0.043055           2     20004           total
";
    assert_eq!(counts::fourth_column(strace), Some(20_002));
    for none in ["", perf.split("getpid").next().unwrap()] {
        assert_eq!(counts::after_name(none), None);
        assert_eq!(counts::fourth_column(none), None);
    }
}

#[test]
fn a_histogram_s_bars_are_summed_up_for_its_call_alone() {
    let histograms = format!(
        "Attaching 3 probes...

@latency[1000]:
[2K, 4K)               7 |@@@@@@@|

@latency[{}]:
[256, 512)         19985 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[512, 1K)             10 |                                                    |
[1K, 2K)               0 |                                                    |
[2K, 4K)               5 |                                                    |

@latency[1001]:
[2K, 4K)               7 |@@@@@@@|
",
        libc::SYS_getpid
    );
    assert_eq!(counts::sum_of_bars(&histograms), Some(20_000));
    assert_eq!(counts::sum_of_bars("Attaching 3 probes...\n"), None);
}

#[test]
fn the_reason_of_a_failure_is_the_line_that_says_most() {
    let warned =
        "warning: memory is short\nscript:1: ERROR: tracepoint not found: raw_syscalls:sys_enter\n~~~~\n";
    assert_eq!(counts::reason("", warned), "script:1: ERROR: tracepoint not found: raw_syscalls:sys_enter");
    let on_output = "Unable to find kernel headers.\n";
    assert_eq!(counts::reason(on_output, "Exception: Failed to compile\n"), "Unable to find kernel headers.");
    assert_eq!(counts::reason("", "usage: tool\n\n"), "usage: tool");
    assert_eq!(counts::reason("", ""), "it ended without a word");
}
