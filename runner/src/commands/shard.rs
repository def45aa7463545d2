//! `--shard I/N`: a part of the plan instead of all of it, and what it does not go together with.

use super::run::Side;
use crate::cli::ShardArguments;
use crate::failure::Failure;

/// The sides with the part of their plan that is asked for; refuses what makes no sense of a part.
pub(super) fn of_sides(mut sides: Vec<Side>, asked: ShardArguments) -> Result<Vec<Side>, Failure> {
    let Some(shard) = asked.shard() else { return Ok(sides) };
    let refused = |reason: &str| Err(Failure::Usage(format!("--shard {shard}: {reason}")));
    let Some(side) = sides.pop().filter(|_| sides.is_empty()) else {
        return refused(
            "two runs in alternation are compared pair by pair, each run naming the other, and a run made of parts could \
             name none; execute the pair whole, on each machine if there are several",
        );
    };
    let Side { scenario, plan, done } = side;
    match plan.part(&scenario, shard) {
        Ok(plan) => Ok(vec![Side { scenario, plan, done }]),
        Err(reason) => refused(&reason),
    }
}

/// Blocks are not added to, or as, a part.
pub(super) fn refuse_append(asked: ShardArguments) -> Result<(), Failure> {
    let refused = |shard| {
        let remedy = "--append adds blocks to a run of the whole plan: leave --shard out";
        Failure::Usage(format!("--shard {shard}: {remedy}"))
    };
    asked.shard().map_or(Ok(()), |shard| Err(refused(shard)))
}
