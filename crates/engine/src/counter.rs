//! Counts the tokens of answers that the server did not count: on a thread of its own, started only when
//! there is something to count, so that neither the load nor the journal waits for a vocabulary.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use floodline_core::Record;
use floodline_core::record::TokenSource;
use floodline_wire::tokens::Vocabulary;

use crate::worker::Ended;

/// The counting of one run.
pub(crate) struct Counter {
    vocabulary: Vocabulary,
    /// To the thread, and back from it.
    line: Option<(Sender<Ended>, Receiver<Box<Record>>)>,
    /// How many are on their way.
    pending: usize,
    /// Set to let what is left go uncounted.
    skip: Arc<AtomicBool>,
}

impl Counter {
    /// Counts by the vocabulary of `model`; by o200k_base where it has none of its own here.
    pub(crate) fn new(model: &str) -> Counter {
        let vocabulary = Vocabulary::for_model(model).unwrap_or(Vocabulary::O200k);
        Counter { vocabulary, line: None, pending: 0, skip: Arc::default() }
    }

    /// Takes a request that ended; gives it back at once if there is nothing to count, or nobody to do it.
    pub(crate) fn take(&mut self, ended: Ended) -> Option<Box<Record>> {
        if ended.uncounted.is_none() {
            return Some(ended.record);
        }
        if self.line.is_none() {
            self.line = self.start().ok();
        }
        let Some((sender, _)) = &self.line else { return Some(ended.record) };
        match sender.send(ended) {
            Ok(()) => {
                self.pending += 1;
                None
            }
            Err(refused) => Some(refused.0.record),
        }
    }

    /// The next record that has been counted, if one is ready within `patience`.
    pub(crate) fn counted(&mut self, patience: Duration) -> Option<Box<Record>> {
        let (_, receiver) = self.line.as_ref().filter(|_| self.pending > 0)?;
        match receiver.recv_timeout(patience) {
            Ok(record) => {
                self.pending -= 1;
                Some(record)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.pending = 0;
                None
            }
        }
    }

    /// Whether records are still on their way.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending > 0
    }

    /// Lets what is left go uncounted.
    pub(crate) fn hurry(&self) {
        self.skip.store(true, Relaxed);
    }

    fn start(&self) -> io::Result<(Sender<Ended>, Receiver<Box<Record>>)> {
        let (to, work) = channel::<Ended>();
        let (done, from) = channel();
        let (vocabulary, skip) = (self.vocabulary, self.skip.clone());
        thread::Builder::new().name("counter".into()).spawn(move || {
            for Ended { mut record, uncounted } in work {
                if let Some(text) = uncounted.filter(|_| !skip.load(Relaxed)) {
                    // Text from anywhere meets code that is not ours: a defect there costs a count, not the run.
                    record.output_tokens = catch_unwind(AssertUnwindSafe(|| vocabulary.count(&text))).ok();
                    record.token_source = record.output_tokens.map(|_| source(vocabulary));
                }
                if done.send(record).is_err() {
                    return;
                }
            }
        })?;
        Ok((to, from))
    }
}

fn source(vocabulary: Vocabulary) -> TokenSource {
    match vocabulary {
        Vocabulary::O200k => TokenSource::O200k,
        Vocabulary::Cl100k => TokenSource::Cl100k,
    }
}
