//! How often a right submission would fail a claim, estimated from submissions that are known to be right.
//!
//! Each is graded as it is, which is the truth but takes hundreds of runs to see one in a hundred. So blocks are drawn
//! anew besides: of one of the submissions, as many as it has, with replacement. That says how often chance alone turns a
//! verdict on such a machine; what differs from machine to machine only more machines can tell.

use crate::claims::{Evidence, Samples, Verdict, decide, samples};
use crate::{Assignment, Claim};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use reports::statistics::{Interval, clopper_pearson};

/// How often blocks are drawn for each claim.
pub const DRAWS: usize = 1_000;
/// How often a right submission may fail a claim.
pub const GOAL: f64 = 0.01;
/// Beyond so many blocks fewer draws have to do: the exact test takes time that doubles with each.
const MANY_BLOCKS: usize = 12;
const FEW_DRAWS: usize = 200;

/// How a claim fares with right submissions.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The claim's name.
    pub claim: String,
    /// Submissions in which it is met.
    pub met: usize,
    /// In which it is not.
    pub not_met: usize,
    /// In which their data cannot tell.
    pub undecided: usize,
    /// In which there are no data for it.
    pub no_data: usize,
    /// How often blocks were drawn.
    pub draws: usize,
    /// How often it was then not met.
    pub drawn_not_met: usize,
    /// How often it could then not be told.
    pub drawn_undecided: usize,
}

impl Calibration {
    /// The estimated share of right submissions that fail the claim, met by none of them or left open; none without data.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.draws > 0).then(|| (self.drawn_not_met + self.drawn_undecided) as f64 / self.draws as f64)
    }

    /// The share of the submissions themselves that fail it, with its interval; none without data.
    #[must_use]
    pub fn observed(&self) -> Option<(f64, Interval)> {
        let (failed, all) = (self.not_met + self.undecided, self.not_met + self.undecided + self.met);
        (all > 0).then(|| (failed as f64 / all as f64, clopper_pearson(failed, all)))
    }

    /// Whether right submissions fail it more often than they may, or nothing is known of that.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.not_met + self.undecided > 0 || self.rate().is_none_or(|rate| rate > GOAL)
    }
}

/// How each claim fares with these submissions, all of which are right.
#[must_use]
pub fn calibrate(assignment: &Assignment, submissions: &[Evidence]) -> Vec<Calibration> {
    assignment.claims.iter().map(|claim| of_claim(claim, submissions)).collect()
}

fn of_claim(claim: &Claim, submissions: &[Evidence]) -> Calibration {
    let found: Vec<Samples> = submissions
        .iter()
        .filter_map(|it| samples(&claim.relation, it).ok().map(|(found, _)| found))
        .collect();
    let count = |verdict| found.iter().filter(|it| decide(claim, it).verdict == verdict).count();
    let draws = match found.iter().map(blocks).max() {
        None => 0,
        Some(most) if most > MANY_BLOCKS => FEW_DRAWS,
        Some(_) => DRAWS,
    };
    // The same for the same submissions.
    let mut random = ChaCha12Rng::seed_from_u64(1);
    let verdicts: Vec<Verdict> = (0..draws)
        .map(|_| {
            let one = &found[below(&mut random, found.len())];
            decide(claim, &redrawn(one, &mut random)).verdict
        })
        .collect();
    let drawn_as = |verdict| verdicts.iter().filter(|it| **it == verdict).count();
    Calibration {
        claim: claim.id.clone(),
        met: count(Verdict::Met),
        not_met: count(Verdict::NotMet),
        undecided: count(Verdict::Undecided),
        no_data: submissions.len() - found.len(),
        draws,
        drawn_not_met: drawn_as(Verdict::NotMet),
        drawn_undecided: drawn_as(Verdict::Undecided),
    }
}

fn blocks(samples: &Samples) -> usize {
    match samples {
        Samples::Pairs { pairs, .. } => pairs.len(),
        Samples::Apart { left, right, .. } => left.len().max(right.len()),
        Samples::Along { blocks, .. } => blocks.len(),
        Samples::Shares(shares) => shares.len(),
    }
}

/// As many blocks, drawn with replacement.
fn redrawn(samples: &Samples, random: &mut impl Rng) -> Samples {
    match samples {
        Samples::Pairs { pairs, slots } => Samples::Pairs { pairs: resampled(pairs, random), slots: *slots },
        Samples::Apart { left, right, slots } => {
            Samples::Apart { left: resampled(left, random), right: resampled(right, random), slots: *slots }
        }
        Samples::Along { levels, blocks, slot } => {
            Samples::Along { levels: levels.clone(), blocks: resampled(blocks, random), slot: *slot }
        }
        Samples::Shares(shares) => Samples::Shares(resampled(shares, random)),
    }
}

fn resampled<T: Clone>(values: &[T], random: &mut impl Rng) -> Vec<T> {
    (0..values.len()).map(|_| values[below(random, values.len())].clone()).collect()
}

fn below(random: &mut impl Rng, count: usize) -> usize {
    // So few are asked for that the last, incomplete run of words does not matter.
    usize::try_from(random.next_u64() % count.max(1) as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::tests::small;
    use crate::examine::tests::{Made, made};

    fn right(blocks: u32) -> Evidence {
        Evidence::of(vec![made(&Made { blocks, ..Made::default() })])
    }

    #[test]
    fn what_is_plain_to_see_fails_hardly_ever() {
        let found = calibrate(&small(), &[right(8), right(8)]);
        for claim in &found {
            assert_eq!((claim.met, claim.draws), (2, DRAWS), "{claim:?}");
            assert!(!claim.is_doubtful(), "{claim:?}");
        }
        assert_eq!(found, calibrate(&small(), &[right(8), right(8)]));
        assert!(found[0].observed().unwrap().1.high > 0.5);
    }

    #[test]
    fn what_chance_decides_is_doubtful() {
        let mut assignment = small();
        // Half as long again is what high load takes: just at the limit.
        assignment.claims[0].tolerance = 0.5;
        let found = calibrate(&assignment, &[right(8)]);
        assert!(found[0].is_doubtful() && found[0].rate().unwrap() > GOAL, "{:?}", found[0]);
        let without = Evidence::of(vec![made(&Made { blocks: 8, probe: false, ..Made::default() })]);
        let found = calibrate(&assignment, &[without]);
        assert_eq!((found[2].no_data, found[2].rate()), (1, None));
        assert!(found[2].is_doubtful());
    }
}
