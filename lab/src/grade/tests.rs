//! Grades of submissions that are right, wrong, or without a probe.

use super::*;
use crate::Submission;
use crate::examine::tests::{Made, Place, made, of};
use store::State;

fn graded(made_up: &Made, state: State) -> (Place, Grade) {
    let place = Place::new().with(&made(made_up), state);
    let grade = grade(&place.assignment, &Evidence::default(), place.examined());
    (place, grade)
}

fn verdicts(grade: &Grade) -> Vec<Verdict> {
    grade.claims.iter().map(|claim| claim.decision.verdict).collect()
}

fn recorded() -> Evidence {
    Evidence::of(vec![made(&Made { blocks: 8, student: "instructor", ..Made::default() })])
}

#[test]
fn what_is_met_earns_its_points() {
    let (place, grade) = graded(&Made { blocks: 8, ..Made::default() }, State::Complete);
    assert_eq!(verdicts(&grade), [Verdict::Met, Verdict::Met, Verdict::Met], "{grade:?}");
    assert!((grade.points() - 4.0).abs() < 1e-9);
    assert_eq!(grade.claims[0].feedback.as_deref(), Some("So it is."));
    let text = feedback(&place.assignment, &grade);
    assert!(text.contains("**sound**: 4 of 4 points by claims; 4 points more are graded by hand."), "{text}");
    assert!(text.contains("> Because."), "{text}");
    let table = class_table(&place.assignment, &[grade]);
    let expected = "student,standing,points,of,by_hand,data,backends,slower,turns,whole,findings\n\
                    s1,sound,4,4,4,own,raw_tracepoint,met,met,met,\n";
    assert_eq!(table, expected);
}

#[test]
fn too_few_blocks_leave_claims_open_and_earn_nothing() {
    let (_, grade) = graded(&Made { blocks: 5, ..Made::default() }, State::Complete);
    assert_eq!(verdicts(&grade), [Verdict::TooFew; 3]);
    assert!(grade.points().abs() < 1e-9);
}

#[test]
fn what_is_incomplete_or_refused_earns_nothing() {
    let mut run = made(&Made { blocks: 8, ..Made::default() });
    run.trials.pop();
    let place = Place::new().with(&run, State::Complete);
    let missing = grade(&place.assignment, &Evidence::default(), place.examined());
    assert_eq!(missing.standing, Standing::Incomplete);
    // What is there is shown.
    assert_eq!(missing.claims[0].decision.verdict, Verdict::Met);
    assert!(missing.points().abs() < 1e-9);
    assert!(feedback(&place.assignment, &missing).contains("before a person has looked at it"));
    let (place, mut sound) = graded(&Made { blocks: 8, ..Made::default() }, State::Complete);
    sound.find(Standing::Refused, "two submissions of s1".to_owned());
    assert!(sound.points().abs() < 1e-9);
    let unread = refused(&place.assignment, "=cmd()", "x is damaged, \"really\"".to_owned());
    let table = class_table(&place.assignment, &[sound, unread]);
    assert!(
        table.contains("s1,refused,0,4,4,own,raw_tracepoint,met,met,met,two submissions of s1\n"),
        "{table}"
    );
    assert!(
        table.contains(
            "'=cmd(),refused,0,4,4,own,,no data,no data,no data,\"x is damaged, \"\"really\"\"\"\n"
        ),
        "{table}"
    );
}

#[test]
fn who_could_not_probe_is_helped_out_by_the_recorded_data() {
    let without = Made { blocks: 8, probe: false, ..Made::default() };
    let (_, alone) = graded(&without, State::Complete);
    assert_eq!(verdicts(&alone), [Verdict::Met, Verdict::Met, Verdict::NoData]);
    let place = Place::new().with(&made(&without), State::Complete);
    let helped = grade(&place.assignment, &recorded(), place.examined());
    assert_eq!(verdicts(&helped), [Verdict::Met; 3]);
    let data: Vec<Data> = helped.claims.iter().map(|claim| claim.data).collect();
    assert_eq!(data, [Data::Own, Data::Own, Data::Recorded]);
    // Three points of its own, three quarters of the fourth.
    assert!((helped.points() - 3.75).abs() < 1e-9, "{}", helped.points());
    assert!(class_table(&place.assignment, &[helped]).contains("own and recorded,user,"));
    // Who handed in nothing is not.
    let nothing = grade(&Place::new().assignment, &recorded(), Place::new().examined());
    assert_eq!((nothing.standing, verdicts(&nothing)), (Standing::Incomplete, vec![Verdict::NoData; 3]));
    // Who said so is, for all of it.
    let place = Place::new();
    let examined = place.examined_as(Submission { recorded: true, ..of("s1") }, &|_, _| vec![]);
    let all = grade(&place.assignment, &recorded(), examined);
    assert!((all.points() - 3.0).abs() < 1e-9, "{}", all.points());
    assert!(feedback(&place.assignment, &all).contains("recorded data of a machine, which earn 75 %"));
}

#[test]
fn gradescope_gets_a_score_for_claims_and_none_for_questions() {
    let (_, grade) = graded(&Made { blocks: 8, ..Made::default() }, State::Complete);
    let document = gradescope(&grade);
    let tests = document["tests"].as_array().unwrap();
    assert_eq!((tests.len(), &document["score"]), (4, &4.0.into()));
    assert_eq!(
        (&tests[0]["score"], &tests[0]["max_score"], &tests[0]["status"]),
        (&2.0.into(), &2.0.into(), &"passed".into())
    );
    assert!(tests[0]["output"].as_str().unwrap().contains("met: × 1.49 ["), "{}", tests[0]);
    assert!(tests[3].get("score").is_none() && tests[3].get("max_score").is_none());
    assert!(tests[3]["name"].as_str().unwrap().contains("to be graded by hand, 4 points"));
}
