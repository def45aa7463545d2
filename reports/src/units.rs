//! Figures as people read them.

use crate::statistics::Interval;

/// `value` with `digits` significant digits, without an exponent.
#[must_use]
pub fn significant(value: f64, digits: i32) -> String {
    let rounded = round_to(value, digits);
    let magnitude = if rounded == 0.0 { 0.0 } else { rounded.abs().log10().floor() };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a few hundred"
    )]
    let decimals = (f64::from(digits) - 1.0 - magnitude).clamp(0.0, 12.0) as usize;
    format!("{rounded:.decimals$}")
}

fn round_to(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a decimal exponent of a float is below 400")]
    let exponent = digits - 1 - value.abs().log10().floor() as i32;
    let factor = 10f64.powi(exponent.abs());
    if exponent >= 0 { (value * factor).round() / factor } else { (value / factor).round() * factor }
}

/// The unit in which a duration of `ns` nanoseconds reads best: its name and its length in nanoseconds.
fn unit_of(ns: f64) -> (&'static str, f64) {
    match round_to(ns.abs(), 3) {
        ns if ns < 1e3 => ("ns", 1.0),
        ns if ns < 1e6 => ("µs", 1e3),
        ns if ns < 1e9 => ("ms", 1e6),
        _ => ("s", 1e9),
    }
}

/// A duration with three significant digits and its unit: `1.10 µs`.
#[must_use]
pub fn duration(ns: f64) -> String {
    let (unit, length) = unit_of(ns);
    format!("{} {unit}", significant(ns / length, 3))
}

/// A share as it was asked for, in percent without trailing zeros: `5 %`, `98.75 %`.
#[must_use]
pub fn asked_percent(share: f64) -> String {
    format!("{} %", plain((share * 1e6).round() / 1e4))
}

/// A duration on an axis, without trailing zeros: `1 µs`, `200 ns`.
#[must_use]
pub fn duration_tick(ns: f64) -> String {
    let (unit, length) = unit_of(ns);
    format!("{} {unit}", plain(ns / length))
}

/// An interval in the unit of its value, `[1.08, 1.13]`; with units of its own where it reaches far.
#[must_use]
pub fn duration_interval(interval: Interval, value_ns: f64) -> String {
    let (_, length) = unit_of(value_ns);
    if interval.low < length / 10.0 || interval.high >= length * 1e4 {
        return format!("[{}, {}]", duration(interval.low), duration(interval.high));
    }
    format!("[{}, {}]", significant(interval.low / length, 3), significant(interval.high / length, 3))
}

/// A difference between durations, with its sign: `+240 ns`, `−3.00 ns`.
#[must_use]
pub fn added(ns: f64) -> String {
    let sign = if ns < 0.0 { "−" } else { "+" };
    format!("{sign}{}", duration(ns.abs()))
}

/// An interval of differences in the unit of their estimate: `[+235, +246]`.
#[must_use]
pub fn added_interval(interval: Interval, value_ns: f64) -> String {
    let (_, length) = unit_of(value_ns);
    let end = |ns: f64| {
        let sign = if ns < 0.0 { "−" } else { "+" };
        format!("{sign}{}", significant((ns / length).abs(), 3))
    };
    format!("[{}, {}]", end(interval.low), end(interval.high))
}

/// A ratio: `× 2.10`.
#[must_use]
pub fn ratio(ratio: f64) -> String {
    format!("× {}", significant(ratio, 3))
}

/// An interval of ratios: `[1.90, 2.40]`.
#[must_use]
pub fn ratio_interval(interval: Interval) -> String {
    format!("[{}, {}]", significant(interval.low, 3), significant(interval.high, 3))
}

/// A share as a percentage: `12.3 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value == 0.0 {
        "0 %".to_owned()
    } else {
        format!("{} %", significant(value, if value < 1.0 { 2 } else { 3 }))
    }
}

/// A p-value: `0.0012`, or `< 0.0001`.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { significant(p, 2) }
}

/// A whole number in groups of three: `1,234,567`.
#[must_use]
pub fn count(count: i128) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if count < 0 { format!("−{grouped}") } else { grouped }
}

/// A large figure shortened to three significant digits: `12.3 M`.
#[must_use]
pub fn short(value: f64) -> String {
    let rounded = round_to(value, 3);
    let (suffix, length) = match rounded.abs() {
        size if size < 1e4 => ("", 1.0),
        size if size < 1e6 => (" k", 1e3),
        size if size < 1e9 => (" M", 1e6),
        _ => (" G", 1e9),
    };
    if suffix.is_empty() && rounded.abs() >= 1e3 {
        return format!("{rounded:.0}");
    }
    format!("{}{suffix}", plain(round_to(rounded / length, 3)))
}

/// Memory in binary units: `7.8 GiB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let (unit, length) = match bytes {
        size if size < 1024.0 => ("B", 1.0),
        size if size < 1024f64.powi(2) => ("KiB", 1024.0),
        size if size < 1024f64.powi(3) => ("MiB", 1024f64.powi(2)),
        _ => ("GiB", 1024f64.powi(3)),
    };
    format!("{} {unit}", plain(round_to(bytes / length, 3)))
}

/// The blank at which no line is broken.
pub const NO_BREAK: char = '\u{a0}';

/// `text` with numbers tied to their units and to their `×` by [`NO_BREAK`].
#[must_use]
pub fn glued(text: &str) -> String {
    let tied =
        ["ns", "µs", "ms", "s", "%", "KiB", "MiB", "GiB"].iter().fold(text.to_owned(), |text, unit| {
            let (loose, tight) = (format!(" {unit}"), format!("{NO_BREAK}{unit}"));
            let mut out = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some(at) = rest.find(&loose) {
                let (before, after) = (&rest[..at], &rest[at + loose.len()..]);
                let follows_number = before.ends_with(|c: char| c.is_ascii_digit());
                let ends_word = !after.starts_with(char::is_alphanumeric);
                out.push_str(before);
                out.push_str(if follows_number && ends_word { &tight } else { &loose });
                rest = after;
            }
            out + rest
        });
    let tied = tied.replace("× ", &format!("×{NO_BREAK}"));
    // An interval stays on one line.
    let mut within = false;
    let tie = |letter| {
        within = letter == '[' || within && letter != ']';
        if within && letter == ' ' { NO_BREAK } else { letter }
    };
    tied.chars().map(tie).collect()
}

/// A number without trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits_across_units() {
        let expected = [
            (0.0, "0.00 ns"),
            (85.24, "85.2 ns"),
            (999.6, "1.00 µs"),
            (12_345.0, "12.3 µs"),
            (4.5e9, "4.50 s"),
        ];
        for (ns, text) in expected {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(duration_tick(200_000.0), "200 µs");
        assert_eq!(duration_interval(Interval { low: 999.0, high: 1234.0 }, 1100.0), "[0.999, 1.23]");
        let far = Interval { low: 62_800.0, high: 14_300_000.0 };
        assert_eq!(duration_interval(far, 112_000.0), "[62.8 µs, 14.3 ms]");
    }

    #[test]
    fn numbers_are_tied_to_their_units() {
        assert_eq!(glued("1 µs (× 2.1 [1, 2]) at 5 sizes"), "1\u{a0}µs (×\u{a0}2.1 [1,\u{a0}2]) at 5 sizes");
    }

    #[test]
    fn counts_ratios_and_shares() {
        assert_eq!(
            (count(1_234_567).as_str(), count(-12).as_str(), count(999).as_str()),
            ("1,234,567", "−12", "999")
        );
        assert_eq!(
            (ratio(2.096).as_str(), ratio(45.23).as_str(), ratio(1234.0).as_str()),
            ("× 2.10", "× 45.2", "× 1230")
        );
        assert_eq!(
            (percent(0.1234).as_str(), percent(0.0).as_str(), percent(0.000_123).as_str()),
            ("12.3 %", "0 %", "0.012 %")
        );
        assert_eq!(
            (short(12_345.0).as_str(), short(1.5e9).as_str(), short(1_234.5).as_str()),
            ("12.3 k", "1.5 G", "1230")
        );
        assert_eq!((bytes(8_589_934_592.0).as_str(), p_value(0.001_16).as_str()), ("8 GiB", "0.0012"));
    }
}
