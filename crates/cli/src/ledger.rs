//! What became of each attempt at a simulated provider, on its way into a file.
//!
//! A thread of its own fetches what is new and writes it, several times a second: the provider's thread is not held up
//! by a disk, and what happened can be read while it happens. Should attempts come faster than they are fetched, the last
//! line says how many are missing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
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
    writer: Option<JoinHandle<io::Result<u64>>>,
}

impl LedgerFile {
    /// Begins the file, and writes into it what `servers` record.
    pub(crate) fn begin(path: &Path, servers: Vec<Arc<Server>>) -> io::Result<LedgerFile> {
        let mut file = BufWriter::new(File::create(path)?);
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let writer = std::thread::Builder::new().name("ledger".into()).spawn(move || {
            let mut dropped = 0;
            loop {
                // Asked before: what came until then is taken below.
                let last = told.load(Ordering::Acquire);
                for server in &servers {
                    dropped += write(&mut file, &server.take_attempts())?;
                }
                if last {
                    if dropped > 0 {
                        writeln!(file, "{{\"missing\":{dropped}}}")?;
                    }
                    file.flush()?;
                    return Ok(dropped);
                }
                std::thread::park_timeout(LOOK);
            }
        })?;
        Ok(LedgerFile { over, writer: Some(writer) })
    }

    /// Writes what is left, once the servers have ended; how many attempts are missing because they came too fast.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.end();
        let writer = self.writer.take().map(JoinHandle::join);
        writer.unwrap_or(Ok(Ok(0))).unwrap_or_else(|_| Err(io::Error::other("its thread broke down")))
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

fn write(file: &mut impl Write, taken: &Taken) -> io::Result<u64> {
    for attempt in &taken.attempts {
        attempt.write_line(file)?;
    }
    if !taken.attempts.is_empty() {
        file.flush()?;
    }
    Ok(taken.dropped)
}
