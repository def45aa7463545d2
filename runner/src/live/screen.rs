//! The terminal while a view is up: taken, and given back whatever comes.
//!
//! It is given back by the guard, before a panic is told of, and by the keeper where this process could not: killed, or
//! ended at once by a second signal.

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr,
};
use std::fs::File;
use std::io::{self, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::sync::{Mutex, Once};

/// How the terminal was, while it is taken.
static TAKEN: Mutex<Option<Termios>> = Mutex::new(None);

/// What leaves the other screen, shows the cursor and takes colours back, for those that have no library at hand.
const LEAVE: &[u8] = b"\x1b[?1049l\x1b[?25h\x1b[0m";

/// The terminal, until dropped.
pub(super) struct Screen {
    /// Where the keeper hears of it.
    keeper: Option<File>,
}

impl Screen {
    /// Takes the terminal on standard input and output.
    pub(super) fn take(keeper: Option<File>) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let told = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                told(panic);
            }));
        });
        let before = tcgetattr(stdin())?;
        let mut screen = Self { keeper };
        screen.tell(&format!("terminal {}", Modes::of(&before).words()));
        if let Ok(mut taken) = TAKEN.lock() {
            *taken = Some(before.clone());
        }
        let mut raw = before;
        raw.make_raw();
        // From here on the guard undoes it.
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    fn tell(&mut self, line: &str) {
        if let Some(keeper) = &mut self.keeper {
            // Without a keeper the terminal is none the worse for it.
            let _ = writeln!(keeper, "{line}");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        self.tell("terminal");
    }
}

/// Gives the terminal back, if it is taken.
fn give_back() {
    // Whoever holds it is doing just this.
    let Ok(mut taken) = TAKEN.try_lock() else { return };
    if let Some(before) = taken.take() {
        // A terminal that is gone needs nothing.
        let _ = execute!(stdout(), Show, LeaveAlternateScreen);
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}

/// How a terminal treats what comes and goes, as four numbers: all that a view changes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes([u32; 4]);

impl Modes {
    fn of(settings: &Termios) -> Self {
        Self([
            settings.input_modes.bits(),
            settings.output_modes.bits(),
            settings.control_modes.bits(),
            settings.local_modes.bits(),
        ])
    }

    fn words(self) -> String {
        self.0.map(|number| number.to_string()).join(" ")
    }

    /// The inverse; none for anything else.
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let numbers: Option<Vec<u32>> = words.split_whitespace().map(|word| word.parse().ok()).collect();
        numbers?.try_into().ok().map(Self)
    }

    /// Makes this process's terminal like that again, and leaves the view's screen. For a process that is not in the
    /// terminal's foreground, and ignores what the kernel says to that (`SIGTTOU`).
    pub(crate) fn restore(self) -> io::Result<()> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let [input, output, control, local] = self.0;
        let mut settings = tcgetattr(terminal.as_fd())?;
        settings.input_modes = InputModes::from_bits_retain(input);
        settings.output_modes = OutputModes::from_bits_retain(output);
        settings.control_modes = ControlModes::from_bits_retain(control);
        settings.local_modes = LocalModes::from_bits_retain(local);
        tcsetattr(terminal.as_fd(), OptionalActions::Now, &settings)?;
        terminal.write_all(LEAVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_survive_their_way() {
        let modes = Modes([1, 0, u32::MAX, 35387]);
        assert_eq!(Modes::parse(&modes.words()), Some(modes));
        for words in ["", "1 2 3", "1 2 3 4 5", "1 2 3 x"] {
            assert_eq!(Modes::parse(words), None, "{words}");
        }
    }
}
