//! Owns what signals do to a run: the first asks it to stop, and is answered at once; a second INT or TERM ends the
//! runner there and then, and the keeper clears up. Once a run is over, the first ends what is then drawn.

use crate::failure::Failure;
use crate::progress;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Exit code of what a signal ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// What to say when a signal ends the runner at once, from when on it does.
static AT_ONCE: OnceLock<String> = OnceLock::new();

/// Once signals are heeded: what they set.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Set by INT, TERM and HUP, which are heeded from the first call on.
pub(crate) fn stop() -> Result<Arc<AtomicBool>, Failure> {
    let mut is_first = false;
    let stop = Arc::clone(STOP.get_or_init(|| {
        is_first = true;
        Arc::default()
    }));
    if is_first {
        register(&stop).map_err(|error| Failure::Failed(format!("cannot handle signals: {error}")))?;
    }
    Ok(stop)
}

/// Whether one came, for those that wait far from whoever called [`stop`].
pub(crate) fn have_come() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// From now on nothing is lost when the runner ends: the next signal does that at once, with these words.
pub(crate) fn end_at_once(words: String) {
    // The first words stay.
    let _ = AT_ONCE.set(words);
}

fn register(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let (heard, told) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        // Comes before the flag is set, so that the first one passes.
        signal_hook::flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(stop))?;
    }
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(stop))?;
        signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
    }
    // A thread, since the one that measures may be in the middle of a wait.
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || answer(heard))?;
    Ok(())
}

/// Says that the first signal was understood, and ends the runner once that costs nothing.
fn answer(mut heard: impl Read) {
    let mut is_first = true;
    while heard.read_exact(&mut [0]).is_ok() {
        if let Some(words) = AT_ONCE.get() {
            progress::say_beside(words);
            signal_hook::low_level::exit(INTERRUPTED.into());
        }
        if std::mem::replace(&mut is_first, false) {
            progress::say_beside("interrupted: keeping what is finished; press again to end at once");
        }
    }
}
