//! Numbers with units: durations, sizes and shares, read exactly, without a detour over floating point.

use std::time::Duration;
use thiserror::Error;

/// Why a text is no number with a unit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum UnitError {
    /// There is no number at the front.
    #[error("it begins with no number")]
    NoNumber,
    /// The number is below zero.
    #[error("it is negative")]
    Negative,
    /// There is a number and nothing behind it.
    #[error("it has no unit (use {0})")]
    NoUnit(&'static str),
    /// What is behind the number is no unit.
    #[error("`{unit}` is not a unit (use {known})")]
    UnknownUnit {
        /// What was found.
        unit: String,
        /// The units there are.
        known: &'static str,
    },
    /// The smallest unit cannot express it.
    #[error("it is finer than {0}")]
    TooFine(&'static str),
    /// It does not fit.
    #[error("it is too large")]
    TooLarge,
}

const DURATION_UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const DURATION_NAMES: &str = "ns, us, ms, s, m or h";

const SIZE_UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];
const SIZE_NAMES: &str = "B, KiB, MiB, GiB, TiB, kB, MB, GB or TB";

/// A duration such as `200ms`, `1.5s`, `2m`; a bare number has no unit, except 0.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split(text)?;
    if unit.is_empty() && !number.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Err(UnitError::NoUnit(DURATION_NAMES));
    }
    let factor = if unit.is_empty() { 1 } else { factor_of(unit, &DURATION_UNITS, DURATION_NAMES)? };
    scaled(number, factor, "a nanosecond").map(Duration::from_nanos)
}

/// A size in bytes such as `4KiB`, `4MB`, or plain bytes, `4096`.
pub(super) fn size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text)?;
    let factor = if unit.is_empty() { 1 } else { factor_of(unit, &SIZE_UNITS, SIZE_NAMES)? };
    scaled(number, factor, "a byte")
}

/// A size as stress-ng reads it: a whole number with one of the letters b, k, m, g, t behind it, or none.
pub(super) fn stress_ng_size(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &text[digits.len()..] {
        "" | "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << power)
}

/// The number that a level stands for: a plain number, the bytes of a size, the nanoseconds of a duration, or the
/// percent of a share.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
    plain
        .or_else(|| size(text).ok().map(|bytes| bytes as f64))
        .or_else(|| duration(text).ok().map(|duration| duration.as_nanos() as f64))
        .or_else(|| share(text).map(|(share, _)| share * 100.0))
}

/// The number in `50% WORD`, as a share (0.5), and the word behind it.
pub(super) fn share(text: &str) -> Option<(f64, &str)> {
    let (percent, word) = text.split_once('%')?;
    let percent = percent.trim();
    let digits = !percent.is_empty() && percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = percent.parse().ok().filter(|_| digits)?;
    Some((percent / 100.0, word.trim()))
}

fn split(text: &str) -> Result<(&str, &str), UnitError> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(UnitError::Negative);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let digits = number.bytes().any(|byte| byte.is_ascii_digit());
    if !digits || number.matches('.').count() > 1 {
        return Err(UnitError::NoNumber);
    }
    Ok((number, unit.trim_start()))
}

fn factor_of(unit: &str, units: &[(&str, u64)], known: &'static str) -> Result<u64, UnitError> {
    let found = units.iter().find(|(name, _)| *name == unit);
    found
        .map(|(_, factor)| *factor)
        .ok_or_else(|| UnitError::UnknownUnit { unit: super::diagnostic::printable(unit), known })
}

/// `number × factor`, where the number is decimal digits with at most one point among them.
fn scaled(number: &str, factor: u64, finest: &'static str) -> Result<u64, UnitError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    // No unit has more than 13 digits: past these bounds the answer is known, and the arithmetic stays in 128 bits.
    if digits.len() > 20 {
        return Err(if fraction.len() > 13 { UnitError::TooFine(finest) } else { UnitError::TooLarge });
    }
    if fraction.len() > 13 {
        return Err(UnitError::TooFine(finest));
    }
    let digits: u128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| UnitError::TooLarge)? };
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| UnitError::TooLarge)?);
    let product = digits * u128::from(factor);
    if !product.is_multiple_of(divisor) {
        return Err(UnitError::TooFine(finest));
    }
    u64::try_from(product / divisor).map_err(|_| UnitError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration(" 2 m "), Ok(Duration::from_mins(2)));
        assert_eq!(duration("0.001us"), Ok(Duration::from_nanos(1)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn durations_that_are_none_say_why() {
        assert_eq!(duration("500"), Err(UnitError::NoUnit(DURATION_NAMES)));
        assert_eq!(duration("-1s"), Err(UnitError::Negative));
        assert_eq!(duration(""), Err(UnitError::NoNumber));
        assert_eq!(duration("1.2.3s"), Err(UnitError::NoNumber));
        assert_eq!(duration("."), Err(UnitError::NoNumber));
        assert_eq!(duration("0.1ns"), Err(UnitError::TooFine("a nanosecond")));
        assert_eq!(duration("99999999999999h"), Err(UnitError::TooLarge));
        assert_eq!(
            duration("1e3s"),
            Err(UnitError::UnknownUnit { unit: "e3s".into(), known: DURATION_NAMES })
        );
        assert_eq!(duration(&format!("0.{}1s", "0".repeat(40))), Err(UnitError::TooFine("a nanosecond")));
        assert_eq!(duration(&"9".repeat(400)), Err(UnitError::NoUnit(DURATION_NAMES)));
        assert_eq!(duration(&format!("{}s", "9".repeat(400))), Err(UnitError::TooLarge));
    }

    #[test]
    fn sizes_tell_binary_from_decimal() {
        assert_eq!(size("4KiB"), Ok(4096));
        assert_eq!(size("4MB"), Ok(4_000_000));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("0.5KiB"), Ok(512));
        assert_eq!(size("0.3KiB"), Err(UnitError::TooFine("a byte")));
        assert_eq!(size("4K"), Err(UnitError::UnknownUnit { unit: "K".into(), known: SIZE_NAMES }));
        assert_eq!(size("18446744073709551616"), Err(UnitError::TooLarge));
        assert_eq!(size("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn shares_keep_what_they_are_of() {
        assert_eq!(share("50% cpus"), Some((0.5, "cpus")));
        assert_eq!(share("40%"), Some((0.4, "")));
        assert_eq!(share("-5% cpus"), None);
        assert_eq!(share("inf% cpus"), None);
        assert_eq!(share("cpus"), None);
    }

    #[test]
    fn levels_stand_for_numbers_where_they_can() {
        assert_eq!(number("4KiB"), Some(4096.0));
        assert_eq!(number("1_000"), Some(1000.0));
        assert_eq!(number("mmap"), None);
        assert_eq!(number("nan"), None);
        assert_eq!(number("true"), None);
    }
}
