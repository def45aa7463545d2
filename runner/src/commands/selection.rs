//! Which of the runs that are kept are meant.

use crate::cli::Selection;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use store::Brief;

impl Selection {
    /// Whether a run is among them.
    pub(super) fn has(&self, run: &Brief) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        is(&self.scenario, &run.scenario)
            && (self.label.is_none() || self.label == run.label)
            && self.since.is_none_or(|since| run.started_at >= since)
            && self.kernel.as_ref().is_none_or(|release| run.kernel.starts_with(release.as_str()))
    }

    /// Whether all runs are.
    pub(super) fn is_all(&self) -> bool {
        self.scenario.is_none() && self.label.is_none() && self.since.is_none() && self.kernel.is_none()
    }
}

/// A day, which begins at midnight UTC, a time, or how long ago.
pub(crate) fn since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    let ago = text.char_indices().last().and_then(|(place, unit)| {
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        let number: u32 = text[..place].parse().ok()?;
        Utc::now().checked_sub_signed(TimeDelta::seconds(i64::from(number) * seconds))
    });
    ago.ok_or_else(|| {
        "expected a day (2026-11-01), a time (2026-11-01T08:00:00Z), or so long ago (90m, 12h, 7d, 4w)"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_a_time_and_so_long_ago_are_times() {
        assert_eq!(since("2026-11-01").unwrap().to_rfc3339(), "2026-11-01T00:00:00+00:00");
        assert_eq!(since("2026-11-01T08:00:00+02:00").unwrap().to_rfc3339(), "2026-11-01T06:00:00+00:00");
        let days = Utc::now() - since("2w").unwrap();
        assert!((days - TimeDelta::days(14)).num_minutes().abs() < 10);
        for wrong in ["", "d", "yesterday", "3y", "2026-13-01", "-1d", "1é", "99999999999d"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
