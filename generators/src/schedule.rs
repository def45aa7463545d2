//! The intended starts of operations at a fixed rate.
//!
//! All threads share one grid of times, one period of the whole rate apart and anchored at a time that each of them
//! knows; each thread takes every n-th. So they agree without talking to each other. Owns no clock and never waits.

/// One thread's intended starts, rising.
#[derive(Debug)]
pub(crate) struct Schedule {
    anchor_ns: u64,
    /// Between two points of the grid, that is of all threads.
    period_ns: f64,
    /// Points from one start of this thread to its next: the number of threads.
    stride: i64,
    /// The point of this thread's next start, counted from the anchor; negative before it.
    next: i64,
}

impl Schedule {
    /// The starts of thread number `thread` of `threads`, on the grid of `rate_per_second` through `anchor_ns`.
    pub(crate) fn new(rate_per_second: f64, (thread, threads): (u32, u32), anchor_ns: u64) -> Self {
        Self {
            anchor_ns,
            period_ns: 1e9 / rate_per_second,
            stride: i64::from(threads),
            next: i64::from(thread),
        }
    }

    /// Moves on, or back, to this thread's first start that is not before `time_ns`.
    #[expect(clippy::cast_possible_truncation, reason = "a time in years still fits, and a cast saturates")]
    pub(crate) fn seek(&mut self, time_ns: u64) {
        let distance_ns = time_ns as f64 - self.anchor_ns as f64;
        let own_period_ns = self.period_ns * self.stride as f64;
        let own_phase = self.next.rem_euclid(self.stride);
        // Rounding may miss the right one by one; so begin before it.
        let rounds = (distance_ns / own_period_ns).floor() as i64 - 1;
        self.next = rounds.saturating_mul(self.stride).saturating_add(own_phase);
        while self.intended_ns() < time_ns {
            self.next += self.stride;
        }
    }

    /// When this thread's next operation should start, nanoseconds of the anchor's clock.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a time in years still fits, and a cast saturates")]
    pub(crate) fn intended_ns(&self) -> u64 {
        self.anchor_ns.saturating_add_signed((self.next as f64 * self.period_ns).round() as i64)
    }

    /// Goes on to the start after the next.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.next = self.next.saturating_add(self.stride);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn starts(mut schedule: Schedule, until_ns: u64) -> Vec<u64> {
        std::iter::from_fn(|| {
            let start = schedule.intended_ns();
            schedule.advance();
            (start < until_ns).then_some(start)
        })
        .collect()
    }

    #[test]
    fn threads_take_turns_on_the_grid() {
        let mut all = Vec::new();
        for thread in 0..3 {
            let mut schedule = Schedule::new(1_000_000.0, (thread, 3), 50_000);
            schedule.seek(46_000);
            all.extend(starts(schedule, 55_000));
        }
        all.sort_unstable();
        assert_eq!(all, (46_000..55_000).step_by(1000).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn seeking_finds_the_first_start_not_before(
            rate in 0.01f64..1e7, threads in 1u32..100, anchor in 0u64..1 << 50, time in 0u64..1 << 50,
        ) {
            let mut schedule = Schedule::new(rate, (threads - 1, threads), anchor);
            schedule.seek(time);
            prop_assert!(schedule.intended_ns() >= time);
            schedule.next -= schedule.stride;
            prop_assert!(schedule.intended_ns() < time || schedule.intended_ns() == 0);
        }

        #[test]
        fn a_window_holds_rate_times_window_starts(rate in 1f64..1e5, threads in 1u32..9, anchor in 1u64 << 40..1 << 50) {
            let window_ns = 100_000_000;
            let all: usize = (0..threads).map(|thread| {
                let mut schedule = Schedule::new(rate, (thread, threads), anchor);
                schedule.seek(anchor);
                starts(schedule, anchor + window_ns).len()
            }).sum();
            prop_assert!((all as f64 - rate * 0.1).abs() <= 1.0, "{} at {}", all, rate);
        }
    }
}
