//! From values to a verdict.
//!
//! Blocks are the unit: sides of one run are pairs within a block, by the sign-flip test's interval; blocks of two runs are
//! set against each other by Mann and Whitney's; steps along a factor are pairs, each adjusted for how many there are; a
//! share has the interval of its median over blocks. Intervals of quantiles have the width of the slots in them, so that nothing
//! is decided by less than a slot. Where the interval includes both what the claim says and what it
//! denies, the data do not decide.

use super::Samples;
use crate::{Bound, Claim, Compared, Relation, Shape};
use reports::statistics::{
    FULL_REPETITIONS, Interval, RatioEstimate, holm, median, median_interval, paired_p, paired_ratio, ratio,
};
use reports::units;

/// What data say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not.
    NotMet,
    /// The data are whole, and cannot tell.
    Undecided,
    /// Too few blocks are left for an interval.
    TooFew,
    /// There are no data that could tell.
    NoData,
}

impl Verdict {
    /// As people are told.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::Undecided => "not decidable with this data",
            Self::TooFew => "not decidable: too few blocks",
            Self::NoData => "not decidable: no data",
        }
    }
}

/// A verdict, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The figures, in words.
    pub words: String,
}

/// What the samples say of the claim.
#[must_use]
pub fn decide(claim: &Claim, samples: &Samples) -> Decision {
    let tolerance = claim.tolerance;
    match (&claim.relation, samples) {
        (Relation::Compare { how, .. }, Samples::Pairs { pairs, slots }) => {
            let estimate = paired_ratio(pairs).map(|it| it.widened(*slots));
            compare(*how, tolerance, (estimate, &blocks(pairs.len())))
        }
        (Relation::Compare { how, .. }, Samples::Apart { left, right, slots }) => {
            let counted = format!("{} against {}", left.len(), blocks(right.len()));
            compare(*how, tolerance, (ratio(right, left).map(|it| it.widened(*slots)), &counted))
        }
        (Relation::Along { shape, .. }, Samples::Along { levels, blocks, slot }) => {
            along((*shape, tolerance, *slot), levels, blocks)
        }
        (Relation::Bounded { bound, limit, .. }, Samples::Shares(shares)) => bounded(*bound, *limit, shares),
        _ => undecided("the data are of another kind than the claim".to_owned()),
    }
}

fn undecided(words: String) -> Decision {
    Decision { verdict: Verdict::Undecided, words }
}

/// Nothing is earned by it: else whoever disturbs a trial in many blocks would be paid for what cannot be decided any more.
fn too_few(counted: &str) -> Decision {
    let words = format!("{counted} are too few for an interval, which takes {FULL_REPETITIONS}");
    Decision { verdict: Verdict::TooFew, words }
}

fn blocks(count: usize) -> String {
    format!("{count} block{}", if count == 1 { "" } else { "s" })
}

/// Met where the claim holds all over the interval, not met where nowhere.
fn judged(is_met: bool, is_not_met: bool) -> Verdict {
    match (is_met, is_not_met) {
        (true, _) => Verdict::Met,
        (false, true) => Verdict::NotMet,
        (false, false) => Verdict::Undecided,
    }
}

fn compare(how: Compared, tolerance: f64, (estimate, counted): (Option<RatioEstimate>, &str)) -> Decision {
    let Some(RatioEstimate { ratio, interval: Some(interval) }) = estimate else {
        return too_few(counted);
    };
    let above = 1.0 + tolerance;
    let Interval { low, high } = interval;
    let within = |from: f64, to: f64| judged(from <= low && high <= to, high < from || low > to);
    let verdict = match how {
        Compared::More => judged(low > above, high <= above),
        Compared::Less => judged(high < 1.0 / above, low >= 1.0 / above),
        Compared::Same => within(1.0 / above, above),
        Compared::Times { low: from, high: to } => within(from / above, to * above),
    };
    Decision {
        verdict,
        words: format!("{} {}, in {counted}", units::ratio(ratio), units::ratio_interval(interval)),
    }
}

/// A step from one level to the next.
struct Step {
    estimate: f64,
    interval: Interval,
    /// It rises by more than the tolerance, and not by chance, however many steps were looked at.
    rises: bool,
    falls: bool,
}

fn along((shape, tolerance, slot): (Shape, f64, f64), levels: &[String], values: &[Vec<f64>]) -> Decision {
    let counted = blocks(values.len());
    let Some(steps) = steps((tolerance, slot), values, levels.len()) else {
        return too_few(&counted);
    };
    let above = 1.0 + tolerance;
    let never_falls = steps.iter().all(|it| it.interval.low >= 1.0 / above);
    let never_rises = steps.iter().all(|it| it.interval.high <= above);
    let (rises, falls) = (steps.iter().any(|it| it.rises), steps.iter().any(|it| it.falls));
    let turns = rises && falls;
    let whole = whole(values, slot);
    let goes_up = whole.is_some_and(|it| it.low > 1.0);
    let goes_down = whole.is_some_and(|it| it.high < 1.0);
    let verdict = match shape {
        Shape::Rising => judged(never_falls && goes_up, falls || goes_down),
        Shape::Falling => judged(never_rises && goes_down, rises || goes_up),
        Shape::Monotonic => judged(never_falls || never_rises, turns),
        Shape::NotMonotonic => judged(turns, never_falls || never_rises),
    };
    let told = steps.iter().zip(levels.windows(2)).map(|(step, pair)| {
        let (ratio, interval) = (units::ratio(step.estimate), units::ratio_interval(step.interval));
        format!("{} to {} {ratio} {interval}", pair[0], pair[1])
    });
    Decision { verdict, words: format!("{}, in {counted}", told.collect::<Vec<_>>().join("; ")) }
}

/// The interval of last to first.
fn whole(values: &[Vec<f64>], slot: f64) -> Option<Interval> {
    let ends: Vec<(f64, f64)> = values.iter().filter_map(|it| Some((*it.first()?, *it.last()?))).collect();
    paired_ratio(&ends)?.widened((slot, slot)).interval
}

/// The steps along so many levels; none where there are too few blocks for an interval.
fn steps((tolerance, slot): (f64, f64), values: &[Vec<f64>], levels: usize) -> Option<Vec<Step>> {
    // A step of a slot may be none.
    let above = (1.0 + tolerance) * (1.0 + slot) / (1.0 - slot);
    let pairs: Vec<Vec<(f64, f64)>> = (1..levels)
        .map(|to| values.iter().filter_map(|it| Some((*it.get(to - 1)?, *it.get(to)?))).collect())
        .collect();
    let estimates: Vec<(f64, Interval)> = pairs
        .iter()
        .map(|pairs| paired_ratio(pairs).and_then(|it| Some((it.ratio, it.widened((slot, slot)).interval?))))
        .collect::<Option<_>>()?;
    // Set against the end of the tolerance and of the slots, which it has to be beyond.
    let beyond = |by: f64| {
        let moved =
            pairs.iter().map(|pairs| pairs.iter().map(|(from, to)| (from * by, *to)).collect::<Vec<_>>());
        holm(&moved.map(|pairs| paired_p(&pairs)).collect::<Vec<_>>())
    };
    let (up, down) = (beyond(above), beyond(1.0 / above));
    let step = |(place, (estimate, interval)): (usize, (f64, Interval))| Step {
        estimate,
        interval,
        rises: estimate > above && up[place] <= 0.05,
        falls: estimate < 1.0 / above && down[place] <= 0.05,
    };
    Some(estimates.into_iter().enumerate().map(step).collect())
}

fn bounded(bound: Bound, limit: f64, shares: &[f64]) -> Decision {
    let counted = blocks(shares.len());
    let interval = median_interval(&[shares.to_vec()]).filter(|_| shares.len() >= FULL_REPETITIONS);
    let (Some(middle), Some(interval)) = (median(shares), interval) else {
        return too_few(&counted);
    };
    let verdict = match bound {
        Bound::AtMost => judged(interval.high <= limit, interval.low > limit),
        Bound::AtLeast => judged(interval.low >= limit, interval.high < limit),
    };
    let share = units::asked_percent;
    let words =
        format!("{} [{}, {}], in {counted}", share(middle), share(interval.low), share(interval.high));
    Decision { verdict, words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::tests::small;
    use proptest::prelude::*;

    fn claim(relation: Relation, tolerance: f64) -> Claim {
        Claim { relation, tolerance, ..small().claims[0].clone() }
    }

    /// Pairs of an exact figure.
    fn pairs_of(pairs: &[(f64, f64)]) -> Samples {
        Samples::Pairs { pairs: pairs.to_vec(), slots: (0.0, 0.0) }
    }

    fn compared(how: Compared, tolerance: f64, pairs: &[(f64, f64)]) -> Verdict {
        let Relation::Compare { left, right, .. } = small().claims[0].relation.clone() else { panic!() };
        decide(&claim(Relation::Compare { left, right, how }, tolerance), &pairs_of(pairs)).verdict
    }

    /// Eight blocks with this ratio of left to right, not quite the same in each.
    fn times(ratio: f64) -> Vec<(f64, f64)> {
        [0.97, 1.02, 0.99, 1.01, 1.03, 0.98, 1.0, 1.01]
            .iter()
            .enumerate()
            .map(|(block, noise)| (100.0 + block as f64, (100.0 + block as f64) * ratio * noise))
            .collect()
    }

    #[test]
    fn a_comparison_is_met_not_met_or_left_open() {
        use Verdict::{Met, NotMet, Undecided};
        for (how, tolerance, ratio, verdict) in [
            (Compared::More, 0.0, 1.5, Met),
            (Compared::More, 0.0, 0.7, NotMet),
            (Compared::More, 0.0, 1.0, Undecided),
            (Compared::More, 0.2, 1.1, NotMet),
            (Compared::More, 0.2, 1.2, Undecided),
            (Compared::Less, 0.0, 0.7, Met),
            (Compared::Less, 0.0, 1.5, NotMet),
            (Compared::Same, 0.05, 1.0, Met),
            (Compared::Same, 0.05, 1.5, NotMet),
            (Compared::Same, 0.05, 1.05, Undecided),
            (Compared::Times { low: 2.0, high: 50.0 }, 0.0, 5.0, Met),
            (Compared::Times { low: 2.0, high: 50.0 }, 0.0, 1.2, NotMet),
            (Compared::Times { low: 2.0, high: 50.0 }, 0.0, 2.0, Undecided),
            (Compared::Times { low: 2.0, high: 50.0 }, 0.1, 2.0, Met),
            (Compared::Times { low: 2.0, high: 50.0 }, 0.0, 80.0, NotMet),
        ] {
            assert_eq!(compared(how, tolerance, &times(ratio)), verdict, "{how:?} {tolerance} {ratio}");
        }
    }

    #[test]
    fn five_blocks_decide_nothing() {
        let few = &times(3.0)[..5];
        assert_eq!(compared(Compared::More, 0.0, few), Verdict::TooFew);
        assert_eq!(compared(Compared::More, 0.0, &[]), Verdict::TooFew);
        let shares = Samples::Shares(vec![0.0; 5]);
        assert_eq!(decide(&small().claims[2], &shares).verdict, Verdict::TooFew);
    }

    #[test]
    fn blocks_of_two_runs_are_set_against_each_other() {
        let (right, left): (Vec<f64>, Vec<f64>) = times(1.5).into_iter().unzip();
        let found = decide(&small().claims[0], &Samples::Apart { left, right, slots: (0.0, 0.0) });
        assert_eq!(found.verdict, Verdict::Met);
        assert!(found.words.ends_with("in 8 against 8 blocks"), "{}", found.words);
    }

    fn shape(shape: Shape, tolerance: f64, profile: &[f64]) -> Verdict {
        let Relation::Along { side, factor, .. } = small().claims[1].relation.clone() else { panic!() };
        let noise = [0.99, 1.01, 0.995, 1.005, 1.0, 1.002, 0.998, 1.003];
        let blocks = (0..8)
            .map(|block| {
                profile
                    .iter()
                    .enumerate()
                    .map(|(at, it)| it * noise[(block + 3 * at) % 8])
                    .collect::<Vec<_>>()
            })
            .collect();
        let levels = (0..profile.len()).map(|level| level.to_string()).collect();
        let samples = Samples::Along { levels, blocks, slot: 0.0 };
        decide(&claim(Relation::Along { side, factor, shape }, tolerance), &samples).verdict
    }

    #[test]
    fn shapes_are_told_apart() {
        use Verdict::{Met, NotMet, Undecided};
        for (is, tolerance, profile, verdict) in [
            (Shape::Rising, 0.0, &[1.0, 2.0, 4.0][..], Met),
            (Shape::Rising, 0.0, &[1.0, 2.0, 1.5], NotMet),
            (Shape::Rising, 0.0, &[4.0, 2.0, 1.0], NotMet),
            (Shape::Rising, 0.0, &[1.0, 1.0, 4.0], Undecided),
            (Shape::Rising, 0.05, &[1.0, 1.0, 4.0], Met),
            (Shape::Falling, 0.0, &[4.0, 2.0, 1.0], Met),
            (Shape::Falling, 0.0, &[1.0, 2.0, 4.0], NotMet),
            (Shape::Monotonic, 0.0, &[4.0, 2.0, 1.0], Met),
            (Shape::Monotonic, 0.0, &[1.0, 2.0, 1.0], NotMet),
            (Shape::Monotonic, 0.05, &[1.0, 1.0, 1.0], Met),
            (Shape::NotMonotonic, 0.0, &[1.0, 2.0, 1.0], Met),
            (Shape::NotMonotonic, 0.0, &[1.0, 2.0, 4.0], NotMet),
            (Shape::NotMonotonic, 0.0, &[1.0, 2.0, 2.0], Undecided),
            (Shape::NotMonotonic, 3.0, &[1.0, 2.0, 1.0], NotMet),
        ] {
            assert_eq!(shape(is, tolerance, profile), verdict, "{is:?} {tolerance} {profile:?}");
        }
    }

    #[test]
    fn shares_are_held_against_their_limit() {
        let claim = small().claims[2].clone();
        let verdict = |shares: &[f64]| decide(&claim, &Samples::Shares(shares.to_vec())).verdict;
        assert_eq!(verdict(&[0.0; 8]), Verdict::Met);
        assert_eq!(verdict(&[0.01; 8]), Verdict::NotMet);
        assert_eq!(verdict(&[0.0, 0.0, 0.0, 0.0, 0.01, 0.01, 0.01, 0.01]), Verdict::Undecided);
    }

    /// In eight of ten blocks the value is in the next slot: that is not by chance, and less than a slot in the mean.
    #[test]
    fn less_than_a_slot_decides_nothing() {
        let half = reports::Metric::P50.slot_share(&[1031.5]);
        assert!(half > 0.007, "{half}");
        let Relation::Compare { left, right, .. } = small().claims[0].relation.clone() else { panic!() };
        let more = claim(Relation::Compare { left, right, how: Compared::More }, 0.0);
        let mut pairs = vec![(1031.5, 1047.5); 8];
        pairs.extend([(1031.5, 1031.5); 2]);
        for (slots, verdict) in [((0.0, 0.0), Verdict::Met), ((half, half), Verdict::Undecided)] {
            let found = decide(&more, &Samples::Pairs { pairs: pairs.clone(), slots });
            assert_eq!(found.verdict, verdict, "{}", found.words);
        }
        let Relation::Along { side, factor, .. } = small().claims[1].relation.clone() else { panic!() };
        let turns = claim(Relation::Along { side, factor, shape: Shape::NotMonotonic }, 0.0);
        let levels: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        for (slot, verdict) in [(0.0, Verdict::Met), (half, Verdict::Undecided)] {
            let blocks = pairs.iter().map(|(low, high)| vec![*low, *high, *low]).collect();
            let found = decide(&turns, &Samples::Along { levels: levels.clone(), blocks, slot });
            assert_eq!(found.verdict, verdict, "{}", found.words);
        }
    }

    proptest! {
        /// What is claimed and its opposite are never both met, and what is met is so for the mirror, too.
        #[test]
        fn a_claim_and_its_opposite_are_not_both_met(
            pairs in prop::collection::vec((1.0..9.0f64, 1.0..9.0f64), 0..14), tolerance in 0.0..0.5f64,
        ) {
            let mirrored: Vec<(f64, f64)> = pairs.iter().map(|(right, left)| (*left, *right)).collect();
            let more = compared(Compared::More, tolerance, &pairs);
            prop_assert!(more != Verdict::Met || compared(Compared::Less, tolerance, &pairs) == Verdict::NotMet);
            prop_assert!(more != Verdict::Met || compared(Compared::Same, tolerance, &pairs) == Verdict::NotMet);
            prop_assert_eq!(more == Verdict::Met, compared(Compared::Less, tolerance, &mirrored) == Verdict::Met);
        }
    }
}
