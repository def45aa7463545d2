//! Adjusting p-values for a family of tests.

/// Holm's step-down adjustment: rejecting where the adjusted p is at most α keeps the chance of any false rejection
/// in the family at most α. For gates.
///
/// p̃₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1)·p₍ⱼ₎). Source: Holm, *Scandinavian Journal of Statistics* 6 (1979).
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p.len()];
    let mut running = 0.0f64;
    for (rank, index) in ascending(p).into_iter().enumerate() {
        running = running.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = running;
    }
    adjusted
}

/// Benjamini and Hochberg's step-up adjustment: bounds the expected share of false ones among the rejections. For
/// looking around.
///
/// p̃₍ᵢ₎ = min over j ≥ i of min(1, m·p₍ⱼ₎/j). Source: Benjamini & Hochberg, *JRSS B* 57 (1995).
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p.len()];
    let mut running = 1.0f64;
    for (rank, index) in ascending(p).into_iter().enumerate().rev() {
        running = running.min(p[index] * p.len() as f64 / (rank + 1) as f64);
        adjusted[index] = running;
    }
    adjusted
}

/// The indices of `p` from the least value to the greatest.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(actual: &[f64], expected: &[f64]) -> bool {
        actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    // Benjamini–Hochberg: scipy 1.17.1, stats.false_discovery_control. Holm: worked by hand from its definition.
    #[test]
    fn a_family_of_five() {
        let p = [0.01, 0.04, 0.03, 0.005, 0.5];
        assert!(close(&benjamini_hochberg(&p), &[0.025, 0.05, 0.05, 0.025, 0.5]));
        assert!(close(&holm(&p), &[0.04, 0.09, 0.09, 0.025, 0.5]), "{:?}", holm(&p));
    }

    proptest! {
        #[test]
        fn adjusting_never_lowers_p_and_holm_is_the_stricter(p in prop::collection::vec(0.0..=1.0f64, 0..20)) {
            let (strict, lenient) = (holm(&p), benjamini_hochberg(&p));
            for index in 0..p.len() {
                prop_assert!(p[index] <= lenient[index] + 1e-12);
                prop_assert!(lenient[index] <= strict[index] + 1e-12 && strict[index] <= 1.0);
            }
        }
    }
}
