//! Members of a fleet, each against the median of all: how far it is off, and whether it stands out.

use super::bootstrap::{
    Draws, FULL_REPETITIONS, draw_median, equally_likely, expanded_tail, percentiles, resamples, units,
};
use super::{Interval, median, sorted};

/// Fewer members than this have no outliers: among so few, one that differs and one that the others differ from cannot be
/// told apart, and the rule names members of fleets that vary by chance alone far too often.
pub const LEAST_MEMBERS: usize = 8;

/// A member is an outlier where its modified z-score is beyond this, as Iglewicz and Hoaglin recommend.
pub const OUTLYING: f64 = 3.5;

/// The least spread that is taken for granted, on the logarithm: quantiles are the middles of slots of 1/64, and the median
/// absolute deviation of values spread evenly over a slot is a quarter of its width.
const LEAST_DEVIATION: f64 = 1.0 / 256.0;

/// Resamples of a fleet, of large ones fewer.
const RESAMPLES: usize = 1_000;

/// A member against its fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The median of its values.
    pub median: f64,
    /// That over the median of all members' medians.
    pub ratio: f64,
    /// The 95 % interval of the ratio; none with fewer than six units.
    pub interval: Option<Interval>,
    /// The modified z-score of the logarithm of its median.
    pub z: f64,
}

/// Each member against the median of the members' medians; none where a member has no value, or one that is not positive.
///
/// `members` holds for each member one list for each of its boots, with one value for each repetition.
///
/// The score is 0.6745·(x − x̃)/MAD of the logarithms x, with x̃ their median and MAD the median of |x − x̃|, which is at least
/// a quarter of a slot. Source: Iglewicz & Hoaglin, *How to Detect and Handle Outliers* (ASQC, 1993). The interval is a
/// bootstrap: each member's repetitions are drawn anew, boots first where it has several, and its ratio to the fleet's
/// median is taken each time; at Hesterberg's expanded level for the units of that member. The members are not drawn anew:
/// they are all that the fleet has.
#[must_use]
pub fn standings(members: &[Vec<Vec<f64>>]) -> Option<Vec<Standing>> {
    let medians: Vec<f64> = members.iter().map(|boots| median(&boots.concat())).collect::<Option<_>>()?;
    if !medians.iter().all(|value| *value > 0.0) {
        return None;
    }
    let middle = median(&medians)?;
    let scores = modified_z(&medians.iter().map(|value| value.ln()).collect::<Vec<_>>());
    let drawn = drawn_ratios(members);
    let standing = |((place, median), z): ((usize, &f64), f64)| {
        let units = units(&members[place], members[place].len() > 1);
        let ratios = || equally_likely(drawn[place].iter().copied());
        let interval = (units >= FULL_REPETITIONS).then(|| percentiles(&ratios(), expanded_tail(units)));
        Standing { median: *median, ratio: median / middle, interval, z }
    };
    Some(medians.iter().enumerate().zip(scores).map(standing).collect())
}

fn modified_z(values: &[f64]) -> Vec<f64> {
    let middle = median(values).unwrap_or(0.0);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let deviation = median(&deviations).unwrap_or(0.0).max(LEAST_DEVIATION);
    values.iter().map(|value| 0.6745 * (value - middle) / deviation).collect()
}

/// For each member what its ratio comes to in each resample.
fn drawn_ratios(members: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let mut random = Draws::of(0x66_6c65_6574);
    let pools: Vec<Vec<f64>> = members.iter().map(|boots| sorted(&boots.concat())).collect();
    let mut ratios = vec![Vec::with_capacity(RESAMPLES); members.len()];
    let values = pools.iter().map(Vec::len).sum();
    for _ in 0..resamples(values).min(RESAMPLES) {
        let medians = members.iter().zip(&pools).map(|(boots, pool)| draw_median(boots, pool, &mut random));
        let medians: Vec<f64> = medians.collect();
        let middle = median(&medians).unwrap_or(f64::NAN);
        for (ratios, median) in ratios.iter_mut().zip(medians) {
            ratios.push(median / middle);
        }
    }
    ratios
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Members of one boot each, of six repetitions around each of these.
    fn fleet(around: &[f64]) -> Vec<Vec<Vec<f64>>> {
        around
            .iter()
            .map(|middle| vec![(0..6).map(|i| middle * (1.0 + f64::from(i) / 1000.0)).collect()])
            .collect()
    }

    // Iglewicz and Hoaglin's score of 2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3 by hand: the median is 2.45, the MAD 0.15.
    #[test]
    fn the_score_is_that_of_its_source() {
        let scores = modified_z(&[2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]);
        let expected = [-1.573_833_333, 0.674_5, 25.855_833_333, 26.305_5];
        for (score, expected) in [scores[0], scores[1], scores[8], scores[9]].iter().zip(expected) {
            assert!((score - expected).abs() < 1e-6, "{score} and not {expected}");
        }
    }

    #[test]
    fn a_member_that_is_off_stands_out_and_one_slot_does_not() {
        let standings = standings(&fleet(&[100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 130.0])).unwrap();
        assert!(standings[7].z > OUTLYING && standings[7].interval.unwrap().low > 1.2, "{:?}", standings[7]);
        assert!(standings[..7].iter().all(|it| it.z.abs() < OUTLYING), "{standings:?}");
        // All alike but for one slot: the spread is not nought.
        let alike =
            super::standings(&fleet(&[100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 101.5])).unwrap();
        assert!(alike[7].z < OUTLYING, "{:?}", alike[7]);
    }

    #[test]
    fn what_has_no_logarithm_or_no_value_has_no_standing() {
        assert_eq!(standings(&[vec![vec![0.0]], vec![vec![1.0]]]), None);
        assert_eq!(standings(&[vec![], vec![vec![1.0]]]), None);
        let two = standings(&[vec![vec![1.0, 1.0]], vec![vec![3.0, 3.0]]]).unwrap();
        assert_eq!((two[0].interval, two[0].ratio, two[1].ratio), (None, 0.5, 1.5));
    }

    /// How often a fleet of so many members, which vary by chance alone, has one that the rule names.
    fn share_named(members: usize) -> f64 {
        let mut draws = Draws::of(1);
        let mut normal = || {
            let uniform = |draws: &mut Draws| (draws.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30);
            let (a, b) = (uniform(&mut draws), uniform(&mut draws));
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        };
        let fleets = 4_000;
        let named = (0..fleets).filter(|_| {
            let values: Vec<f64> = (0..members).map(|_| normal() * 0.1).collect();
            modified_z(&values).iter().any(|z| z.abs() > OUTLYING)
        });
        named.count() as f64 / f64::from(fleets)
    }

    #[test]
    fn members_that_vary_by_chance_are_seldom_named() {
        let shares: Vec<f64> = [LEAST_MEMBERS, 12, 20, 50].into_iter().map(share_named).collect();
        assert!(shares.iter().all(|share| *share < 0.15), "{shares:?}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_ratio(values in prop::collection::vec(prop::collection::vec(1.0..1e6f64, 6..12), 2..9)) {
            let members: Vec<Vec<Vec<f64>>> = values.into_iter().map(|values| vec![values]).collect();
            for standing in standings(&members).unwrap() {
                let interval = standing.interval.unwrap();
                prop_assert!(interval.low <= interval.high && standing.ratio > 0.0);
            }
        }
    }
}
