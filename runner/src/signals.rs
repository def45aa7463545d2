//! Owns what signals do to a run: the first asks it to stop, and is answered at once; a second INT or TERM ends the
//! runner there and then, and the keeper clears up.

use crate::failure::Failure;
use crate::progress;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Set by INT, TERM and HUP.
pub(crate) fn stop() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    register(&stop).map_err(|error| Failure::Failed(format!("cannot handle signals: {error}")))?;
    Ok(stop)
}

fn register(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let (heard, told) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        // Comes before the flag is set, so that the first one passes.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(stop))?;
        signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
    }
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    // A thread, since the one that measures may be in the middle of a wait.
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || answer(heard))?;
    Ok(())
}

/// Says that the first signal was understood.
fn answer(mut heard: impl Read) {
    if heard.read_exact(&mut [0]).is_ok() {
        progress::say_beside("interrupted: keeping what is finished; press again to end at once");
    }
}
