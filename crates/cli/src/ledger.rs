//! What became of each attempt at a simulated provider, on its way into a file.
//!
//! A thread of its own fetches what is new and writes it, several times a second: the provider's thread is not held up
//! by a disk, and what happened can be read while it happens. The file holds whole lines, also where the disk is full; what
//! it has no room for is lost, and later attempts are written again once there is some. The last line says how many
//! attempts are missing, be it for lack of room or because they came faster than they were fetched.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use floodline_sim::front::{Server, Taken};

/// Between two looks at what is new.
const LOOK: Duration = Duration::from_millis(200);

/// A file that grows with the attempts. Dropping it ends it, too.
pub(crate) struct LedgerFile {
    over: Arc<AtomicBool>,
    writer: Option<JoinHandle<Kept>>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Kept {
    /// Attempts that came faster than they were fetched.
    pub(crate) too_fast: u64,
    /// Attempts that could not be written.
    pub(crate) unwritten: u64,
    /// Why not, the first time.
    pub(crate) trouble: Option<io::Error>,
}

impl LedgerFile {
    /// Begins the file, and writes into it what `servers` record. `trouble` is called once, when that fails first.
    pub(crate) fn begin(
        path: &Path,
        servers: Vec<Arc<Server>>,
        trouble: impl Fn(&io::Error) + Send + 'static,
    ) -> io::Result<LedgerFile> {
        let mut lines = Lines { to: File::create(path)?, whole: 0 };
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let writer = std::thread::Builder::new().name("ledger".into()).spawn(move || {
            let mut kept = Kept::default();
            loop {
                // Asked before: what came until then is taken below.
                let last = told.load(Ordering::Acquire);
                for server in &servers {
                    let taken = server.take_attempts();
                    kept.too_fast += taken.dropped;
                    if let Err((unwritten, why)) = lines.append(&text(&taken)) {
                        kept.unwritten += unwritten;
                        if kept.trouble.is_none() {
                            trouble(&why);
                            kept.trouble = Some(why);
                        }
                    }
                }
                if last {
                    let missing = kept.too_fast + kept.unwritten;
                    if missing > 0 {
                        // Where there is no room for this line either, that has been told.
                        let _ = lines.append(format!("{{\"missing\":{missing}}}\n").as_bytes());
                    }
                    return kept;
                }
                std::thread::park_timeout(LOOK);
            }
        })?;
        Ok(LedgerFile { over, writer: Some(writer) })
    }

    /// Writes what is left, once the servers have ended.
    ///
    /// # Errors
    /// When its thread broke down.
    pub(crate) fn finish(mut self) -> io::Result<Kept> {
        self.end();
        let writer = self.writer.take().map(JoinHandle::join);
        writer.unwrap_or(Ok(Kept::default())).map_err(|_| io::Error::other("its thread broke down"))
    }

    fn end(&self) {
        self.over.store(true, Ordering::Release);
        if let Some(writer) = &self.writer {
            writer.thread().unpark();
        }
    }
}

impl Drop for LedgerFile {
    fn drop(&mut self) {
        self.end();
    }
}

/// The attempts, a line each.
fn text(taken: &Taken) -> Vec<u8> {
    let mut text = Vec::new();
    for attempt in &taken.attempts {
        // Nothing that is written into memory fails.
        let _ = attempt.write_line(&mut text);
    }
    text
}

/// A file of whole lines.
struct Lines<F> {
    to: F,
    /// How long it is.
    whole: u64,
}

impl<F: Cut> Lines<F> {
    /// Appends lines, as many as there is room for; how many there is none for, and why.
    fn append(&mut self, text: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut written = 0;
        while let Some(rest) = text.get(written..).filter(|rest| !rest.is_empty()) {
            match self.to.write(rest) {
                Ok(0) => return Err(self.cut(text, written, ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.cut(text, written, e)),
            }
        }
        self.whole += text.len() as u64;
        Ok(())
    }

    /// Takes back what there is of a line that has no room.
    fn cut(&mut self, text: &[u8], written: usize, why: io::Error) -> (u64, io::Error) {
        let (there, _) = text.split_at(written.min(text.len()));
        let kept = there.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.whole += kept as u64;
        // What is no file on a disk cannot be cut.
        let _ = self.to.cut(self.whole);
        (text.iter().skip(kept).filter(|byte| **byte == b'\n').count() as u64, why)
    }
}

/// What can be written to, and made shorter again.
trait Cut: Write {
    /// Goes on from there as if nothing had been written behind it.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Cut for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        holds: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.room - self.holds.len());
            self.holds.extend_from_slice(&bytes[..n]);
            if n == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(n) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Cut for Disk {
        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.holds.truncate(length as usize);
            Ok(())
        }
    }

    /// Regression: a full disk left half a line behind, and whatever came after it was lost.
    #[test]
    fn a_full_disk_keeps_whole_lines_and_is_written_to_again_when_it_has_room() {
        let mut lines = Lines { to: Disk { holds: Vec::new(), room: 10 }, whole: 0 };
        lines.append(b"one\n").unwrap();
        let (lost, why) = lines.append(b"two\nthree\nfour\n").unwrap_err();
        assert_eq!((lost, why.kind()), (2, ErrorKind::StorageFull));
        assert_eq!(lines.to.holds, b"one\ntwo\n");
        assert_eq!(lines.append(b"five\n").unwrap_err().0, 1);
        assert_eq!(lines.to.holds, b"one\ntwo\n");
        lines.to.room = 14;
        lines.append(b"six\n").unwrap();
        assert_eq!((lines.to.holds.as_slice(), lines.whole), (&b"one\ntwo\nsix\n"[..], 12));
    }
}
