//! What a traced command says while the view has the terminal: the end of it, to be shown afterwards.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How much of it is kept, in bytes, from its end.
const KEPT: usize = 64 << 10;
/// How long the end of it is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A pipe that somebody listens to.
#[derive(Debug)]
pub(crate) struct Output(JoinHandle<(u64, VecDeque<u8>)>);

impl Output {
    /// Begins to listen; returns where to speak.
    pub(crate) fn listen() -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let thread = thread::Builder::new().name("output".to_owned()).spawn(move || heard(reader))?;
        Ok((Self(thread), writer))
    }

    /// All that was kept, once nobody can say any more: with a line before it where that is not all.
    pub(crate) fn words(self) -> String {
        // What runs as another user, as a set-uid program does, may have outlived the command and hold its output.
        let latest = Instant::now() + PATIENCE;
        while !self.0.is_finished() {
            if Instant::now() > latest {
                return "[the command's output is still held by something that it started]\n".to_owned();
            }
            thread::sleep(Duration::from_millis(5));
        }
        let (said, kept) = self.0.join().unwrap_or_default();
        let kept: Vec<u8> = kept.into();
        let text = String::from_utf8_lossy(&kept);
        match said.saturating_sub(kept.len() as u64) {
            0 => text.into_owned(),
            lost => format!("[the first {lost} bytes are left out]\n{text}"),
        }
    }
}

fn heard(mut reader: PipeReader) -> (u64, VecDeque<u8>) {
    let (mut said, mut kept, mut piece) = (0, VecDeque::new(), vec![0; 16 << 10]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return (said, kept),
            Ok(length) => {
                said += length as u64;
                kept.extend(&piece[..length]);
                kept.drain(..kept.len().saturating_sub(KEPT));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return (said, kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_end_of_what_was_said_is_kept() {
        let (output, mut writer) = Output::listen().unwrap();
        writer.write_all(b"short\n").unwrap();
        drop(writer);
        assert_eq!(output.words(), "short\n");
        let (output, mut writer) = Output::listen().unwrap();
        writer.write_all(&vec![b'a'; KEPT]).unwrap();
        writer.write_all(b"end").unwrap();
        drop(writer);
        let words = output.words();
        assert!(words.starts_with("[the first 3 bytes are left out]\naaa") && words.ends_with("aend"));
    }
}
