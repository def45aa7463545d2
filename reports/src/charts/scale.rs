//! Axes: where a value lies, and which values get a line and a label.

use crate::units;

/// An axis of one panel, from a pixel to a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// A linear axis; `low` lies at pixel `from`.
    pub(crate) fn linear((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, from, to, logarithmic: false }
    }

    /// A logarithmic axis of positive values.
    pub(super) fn logarithmic((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let low = low.max(f64::MIN_POSITIVE);
        let high = if high > low { high } else { low * 10.0 };
        Self { low, high, from, to, logarithmic: true }
    }

    /// The pixel of a value; values beyond the axis lie at its ends.
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Where lines are drawn: at most about `most` of them, at 1, 2 and 5 times powers of ten.
    pub(crate) fn ticks(&self, most: usize) -> Vec<f64> {
        if self.logarithmic {
            log_ticks((self.low, self.high), most)
        } else {
            linear_ticks((self.low, self.high), most)
        }
    }
}

fn linear_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let rough = (high - low) / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    (0..=most + 1)
        .map(|index| (first + index as f64) * step)
        .filter(|tick| *tick <= high * (1.0 + 1e-9))
        .collect()
}

/// Steps within a decade for axes that span less than one, from close to wide.
const FINE: &[f64] = &[
    1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.2, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5,
    8.0, 8.5, 9.0, 9.5,
];
const MEDIUM: &[f64] = &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
const COARSE: &[f64] = &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// 1-2-5 where they are few enough, else decades, else every second, third … decade.
fn log_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let (first, last) = (exponent(low.log10().floor()), exponent(high.log10().ceil()));
    let within = |digits: &[f64], every: i32| -> Vec<f64> {
        let decades = (first..=last).filter(|decade| decade.rem_euclid(every) == 0);
        let ticks = decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
        ticks.filter(|tick| *tick >= low * (1.0 - 1e-9) && *tick <= high * (1.0 + 1e-9)).collect()
    };
    let candidates =
        [(FINE, 1), (MEDIUM, 1), (COARSE, 1), (&[1.0, 2.0, 5.0], 1), (&[1.0], 1), (&[1.0], 2), (&[1.0], 3)];
    let chosen =
        candidates.iter().map(|(digits, every)| within(digits, *every)).find(|ticks| ticks.len() <= most);
    chosen.unwrap_or_else(|| within(&[1.0], 4))
}

fn exponent(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "decimal exponents are below 400")]
    let exponent = value as i32;
    exponent
}

/// A share on an axis: `10 %`, `0.01 %`.
pub(super) fn share_tick(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 1e-6 { format!("{} %", units::plain(percent)) } else { format!("{percent:.0e} %") }
}

/// A range that holds all `values`, with `margin` (a factor above 1) around them and at least `span` from end to end.
pub(super) fn log_range(values: impl Iterator<Item = f64>, margin: f64, span: f64) -> Option<(f64, f64)> {
    let (low, high) = values
        .filter(|value| *value > 0.0 && value.is_finite())
        .fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    if high <= 0.0 {
        return None;
    }
    let widen = (span / (high / low)).max(1.0).sqrt() * margin;
    Some((low / widen, high * widen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear((0.0, 4.7), (0.0, 1.0)).ticks(5), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(Scale::logarithmic((90.0, 2e6), (0.0, 1.0)).ticks(6), [1e2, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(Scale::logarithmic((900.0, 1e4), (0.0, 1.0)).ticks(4), [1e3, 2e3, 5e3, 1e4]);
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!((share_tick(0.1).as_str(), share_tick(0.0001).as_str()), ("10 %", "0.01 %"));
    }

    proptest! {
        #[test]
        fn ticks_are_few_rising_and_on_the_axis(low in 1.0..1e6f64, factor in 1.2..1e7f64, most in 3usize..12) {
            for scale in [Scale::linear((low, low * factor), (0.0, 100.0)), Scale::logarithmic((low, low * factor), (0.0, 100.0))] {
                let ticks = scale.ticks(most);
                prop_assert!(ticks.len() <= most + 1, "{ticks:?}");
                prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&scale.pixel(*tick))));
            }
        }
    }
}
