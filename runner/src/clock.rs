//! Tells whether the system's clock was set while a run was under way. Durations do not depend on it; the times at which
//! trials began do.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::{Duration, Instant};

/// What a clock may be corrected by without anybody having set it, in milliseconds.
const SLEW_MS: i64 = 500;

/// The system's clock beside one that nobody sets.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: Utc::now(), steady: Instant::now() }
    }

    /// Words on how the clock was set since this was asked last, if it was. A machine that slept looks alike.
    pub(crate) fn step(&mut self) -> Option<String> {
        let now = Self::start();
        let passed = TimeDelta::from_std(now.steady - self.steady).ok();
        let words = passed.and_then(|passed| step(now.wall - self.wall, passed));
        *self = now;
        words
    }
}

/// A duration as runs keep it; what is too long for that, some five centuries, as the longest.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn step(wall: TimeDelta, steady: TimeDelta) -> Option<String> {
    let by_ms = (wall - steady).num_milliseconds();
    let (ahead, seconds) = (by_ms > 0, by_ms.unsigned_abs() as f64 / 1e3);
    (by_ms.abs() > SLEW_MS).then(|| {
        let how = if ahead { "forward, or the machine slept," } else { "back" };
        format!(
            "the system's clock was set {how} by {seconds:.1} s: times of day before and after differ by that, and no \
             duration does"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_goes() {
        let seconds = TimeDelta::seconds;
        assert_eq!(step(seconds(10), seconds(10)), None);
        assert_eq!(step(TimeDelta::milliseconds(10_400), seconds(10)), None);
        let back = step(seconds(-50), seconds(10)).unwrap();
        assert!(back.starts_with("the system's clock was set back by 60.0 s"), "{back}");
        let forward = step(seconds(3610), seconds(10)).unwrap();
        assert!(forward.contains("forward, or the machine slept, by 3600.0 s"), "{forward}");
        assert_eq!(Clock::start().step(), None);
    }
}
