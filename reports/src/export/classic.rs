//! Five lines for each target: its function in the kernel, count, total and maximum in nanoseconds, and 16 buckets.

use super::{Total, cell_words, totals};
use crate::RunView;
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};
use std::io::{self, Write};
use store::Vantage;

/// The greatest latency of each bucket but the last, in nanoseconds.
const BOUNDS_NS: [u64; 15] = [
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000, 1_000_000, 2_000_000,
    4_000_000, 8_000_000, 16_000_000,
];

/// Every target of every cell as the kernel saw it, and as its caller did where nobody saw it there. Where there are
/// several cells, a line that begins with `#` names the cell of those that follow.
///
/// All returns count, those of calls that failed as well. A slot of the run that lies on both sides of a bucket's bound,
/// which is at most 1/64 as wide, counts where its middle is.
pub fn classic(run: &RunView<'_>, out: &mut impl Write) -> io::Result<()> {
    let totals = totals(run);
    let in_kernel: Vec<_> = totals
        .iter()
        .filter(|((.., vantage), _)| *vantage == Vantage::Kernel)
        .map(|((cell, target, _), _)| (cell, target))
        .collect();
    let shown = totals.iter().filter(|((cell, target, vantage), _)| {
        *vantage == Vantage::Kernel || !in_kernel.contains(&(cell, target))
    });
    let are_several = totals.iter().any(|((cell, ..), _)| *cell != totals[0].0.0);
    let mut before = None;
    for ((cell, target, _), total) in shown {
        if are_several && before != Some(cell) {
            writeln!(out, "# {}", cell_words(run, cell))?;
        }
        before = Some(cell);
        five_lines(&symbol(run, target), total, out)?;
    }
    Ok(())
}

/// The function in the kernel.
fn symbol(run: &RunView<'_>, target: &str) -> String {
    let prefix = match run.manifest.environment.architecture.as_str() {
        "x86_64" => "__x64_sys",
        "aarch64" => "__arm64_sys",
        _ => "sys",
    };
    format!("{prefix}_{target}")
}

fn five_lines(symbol: &str, total: &Total, out: &mut impl Write) -> io::Result<()> {
    let mut all = total.ok.clone();
    all.merge(&total.error);
    let counts = buckets(&all).map(|count| count.to_string());
    writeln!(out, "{symbol}\n{}\n{}\n{}\n{}", all.count, all.sum_ns, all.max_ns, counts.join(" "))
}

/// How many latencies are in each bucket: the first whose bound they do not exceed.
fn buckets(histogram: &SparseHistogram) -> [u64; 16] {
    let mut counts = [0; 16];
    for (slot, count) in &histogram.slots {
        let (lower, upper) = (slot_lower_ns(usize::from(*slot)), slot_upper_ns(usize::from(*slot)));
        // Of whole nanoseconds the greatest in the slot is one less than its end.
        let middle = lower + (upper - 1 - lower) / 2;
        counts[BOUNDS_NS.partition_point(|bound| *bound < middle)] += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use probe_abi::Histogram;

    #[test]
    fn a_latency_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        for (ns, bucket) in [
            (0, 0),
            (900, 0),
            (1_100, 1),
            (3_900, 2),
            (4_100, 3),
            (15_000_000, 14),
            (17_000_000, 15),
            (1 << 39, 15),
        ] {
            let mut histogram = Box::new(Histogram::EMPTY);
            histogram.record(ns);
            let counts = buckets(&SparseHistogram::from(&*histogram));
            assert_eq!(counts.iter().position(|count| *count == 1), Some(bucket), "{ns} ns: {counts:?}");
            assert_eq!(counts.iter().sum::<u64>(), 1);
        }
    }
}
