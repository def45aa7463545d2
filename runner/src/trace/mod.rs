//! A look at the system calls of a program, a process or the whole machine, without a scenario.
//!
//! Owns whose calls count ([`Subject`]), which ([`Calls`]), and the windows in which they do ([`fn@watch`]). What becomes of
//! the figures is for those who asked: a view, lines, tables, a run on disk ([`record`]).
//!
//! Calls count in one window, from the beginning to the end; what is shown meanwhile are looks at its counts while they
//! grow. So no call is cut at the end of an interval, and the figures at the end are exact. Several windows there are only
//! on request, for a run whose trials they become.

mod calls;
mod kept;
mod output;
mod subject;
mod watch;

pub(crate) use calls::Calls;
pub(crate) use kept::{Kept, record};
pub(crate) use subject::Subject;
pub(crate) use watch::{Audience, Plan, Seen, Wish, watch};
