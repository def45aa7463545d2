//! The binomial distribution, for any number of trials, and the interval of a share.

use super::{CONFIDENCE, Interval, exponent};

/// The 95 % interval of a share of which `successes` of `trials` were seen: Clopper and Pearson's, which covers the true
/// share at least 19 times in 20, whatever it is. For rates of errors, as of gates that are crossed for nothing.
///
/// Its ends are the shares at which seeing so many, or more, and so many, or fewer, has a probability of 2.5 %:
/// P(X ≥ k | low) = P(X ≤ k | high) = 0.025. Source: Clopper & Pearson, *Biometrika* 26 (1934). More successes than
/// trials count as that many; of no trials it is all from 0 to 1.
#[must_use]
pub fn clopper_pearson(successes: usize, trials: usize) -> Interval {
    let successes = successes.min(trials);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let low = if successes == 0 { 0.0 } else { share_at(|share| at_least(trials, successes, share) < tail) };
    let high = if successes == trials {
        1.0
    } else {
        share_at(|share| 1.0 - at_least(trials, successes + 1, share) > tail)
    };
    Interval { low, high }
}

/// Where `is_below` turns from true to false, by bisection.
fn share_at(is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if is_below(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// P(Binomial(n, `share`) ≥ `least`), which is the incomplete beta function I(share; least, n − least + 1) (DLMF 8.17.5).
pub(super) fn at_least(n: usize, least: usize, share: f64) -> f64 {
    match least {
        0 => 1.0,
        least if least > n => 0.0,
        least => incomplete_beta(share, least as f64, (n - least + 1) as f64),
    }
}

/// The binomial coefficient as a float: exact while it fits 53 bits, infinite where it fits no float.
pub(super) fn choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    if n > 1_029 && k > 400 {
        return ln_choose(n, k).exp();
    }
    (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64)
}

/// P(Binomial(n, ½) = k), without overflow for thousands of values.
pub(super) fn of_halves(n: usize, k: usize) -> f64 {
    if n <= 1_000 {
        return choose(n, k) * 0.5_f64.powi(exponent(n));
    }
    (ln_choose(n, k) - n as f64 * std::f64::consts::LN_2).exp()
}

fn ln_choose(n: usize, k: usize) -> f64 {
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

/// ln Γ(x) for x ≥ ½, with a relative error below 10⁻¹⁴: Lanczos's series (*SIAM Journal on Numerical Analysis* 1,
/// 1964) with g = 7 and nine terms.
fn ln_gamma(x: f64) -> f64 {
    const SERIES: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let start = 0.999_999_999_999_809_9;
    let sum = SERIES.iter().zip(1_u8..).fold(start, |sum, (term, i)| sum + term / (x + f64::from(i)));
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised incomplete beta function I(x; a, b) for a, b ≥ ½, by its continued fraction (DLMF 8.17.22) in
/// Lentz's way; it takes some √max(a, b) steps.
pub(super) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_below_mean(1.0 - x, b, a);
    }
    incomplete_beta_below_mean(x, a, b)
}

fn incomplete_beta_below_mean(x: f64, a: f64, b: f64) -> f64 {
    const STEPS: u32 = 10_000;
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut above, mut below) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = below;
    for step in 1..=STEPS {
        let step = f64::from(step);
        let even = step * (b - step) * x / ((a + 2.0 * step - 1.0) * (a + 2.0 * step));
        let odd = -(a + step) * (a + b + step) * x / ((a + 2.0 * step) * (a + 2.0 * step + 1.0));
        let mut change = 1.0;
        for numerator in [even, odd] {
            below = 1.0 / away(1.0 + numerator * below);
            above = away(1.0 + numerator / above);
            change = above * below;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    let front = a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    front.exp() * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_coefficients() {
        assert_eq!((choose(14, 7), choose(5, 0), choose(5, 5)), (3432.0, 1.0, 1.0));
        assert!(choose(5_000, 2_500).is_infinite());
    }

    #[test]
    fn probabilities_of_thousands_of_values_are_finite_and_add_up() {
        for n in [7, 1_000, 1_001, 5_000] {
            let sum: f64 = (0..=n).map(|k| of_halves(n, k)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{n}: {sum}");
            let half = at_least(n, n.div_ceil(2), 0.5);
            assert!((0.499..0.7).contains(&half), "{n}: {half}");
        }
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(clopper_pearson(0, 0), Interval { low: 0.0, high: 1.0 });
        assert_eq!(clopper_pearson(9, 3), clopper_pearson(3, 3));
    }
}
