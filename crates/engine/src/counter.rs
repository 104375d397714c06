//! Counts the tokens of answers, on a thread of its own, so that neither the load nor the journal waits for a
//! tokenizer: of those that the server did not count, and of a sample of those that it did, to compare.
//!
//! The tokenizer is made ready before the run begins, because unpacking a vocabulary takes a core for a tenth
//! of a second. Comparing is given up where it would pile up; counting what nobody else counted is not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use floodline_core::Record;
use floodline_core::record::TokenSource;
use floodline_wire::tokens::Tokenizer;

use crate::worker::Ended;

/// The text of an answer, and why it is to be counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToCount {
    /// The server did not say how many tokens it is.
    Unstated(String),
    /// The server said so, and is checked.
    Stated(String),
}

/// Of every run the first so many answers are compared,
const COMPARED_FIRST: u64 = 200;
/// and one in so many of the further ones.
const COMPARED_OF: u64 = 20;
/// Longer texts are not compared: a few of them could keep a core busy while others are measured.
const COMPARED_BYTES: usize = 256 * 1024;
/// With more than so many waiting, nothing is compared.
const BACKLOG: usize = 1_000;

/// Whether the server's count of this answer is checked: decided by its arrival index, so that it is the same
/// in every run of a plan.
pub(crate) fn is_compared(index: u64, bytes: usize) -> bool {
    (index < COMPARED_FIRST || index.is_multiple_of(COMPARED_OF)) && bytes <= COMPARED_BYTES
}

/// The counting of one run.
pub(crate) struct Counter {
    /// To the thread, and back from it.
    line: Option<(Sender<Ended>, Receiver<Box<Record>>)>,
    /// How many are on their way.
    pending: usize,
    /// Set to let what is left go uncounted.
    skip: Arc<AtomicBool>,
}

impl Counter {
    /// Makes the tokenizer ready, and the thread that counts with it. Without a thread nothing is counted.
    pub(crate) fn new(tokenizer: Tokenizer) -> Counter {
        tokenizer.count("ready");
        let skip = Arc::default();
        Counter { line: start(tokenizer, &skip).ok(), pending: 0, skip }
    }

    /// Takes a request that ended; gives it back at once if there is nothing to count, or nobody to do it.
    pub(crate) fn take(&mut self, ended: Ended) -> Option<Box<Record>> {
        match ended.to_count {
            None if ended.earlier.is_empty() => return Some(ended.record),
            Some(ToCount::Stated(_)) if self.pending > BACKLOG && ended.earlier.is_empty() => {
                return Some(ended.record);
            }
            Some(ToCount::Stated(_) | ToCount::Unstated(_)) | None => {}
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
}

fn start(tokenizer: Tokenizer, skip: &Arc<AtomicBool>) -> io::Result<(Sender<Ended>, Receiver<Box<Record>>)> {
    let (to, work) = channel::<Ended>();
    let (done, from) = channel();
    let (source, skip) = (TokenSource::Tokenizer(tokenizer.name().into()), skip.clone());
    thread::Builder::new().name("counter".into()).spawn(move || {
        for Ended { mut record, to_count, earlier } in work {
            for (place, text) in earlier.into_iter().filter(|_| !skip.load(Relaxed)) {
                if let Some(attempt) = record.attempts.get_mut(place) {
                    attempt.output_tokens = tokenizer.try_count(&text);
                }
            }
            match to_count.filter(|_| !skip.load(Relaxed)) {
                Some(ToCount::Unstated(text)) => {
                    record.output_tokens = tokenizer.try_count(&text);
                    record.token_source = record.output_tokens.map(|_| source.clone());
                }
                Some(ToCount::Stated(text)) => record.counted_tokens = tokenizer.try_count(&text),
                None => {}
            }
            if done.send(record).is_err() {
                return;
            }
        }
    })?;
    Ok((to, from))
}

#[cfg(test)]
mod tests {
    use floodline_core::{Moment, Phase};
    use floodline_wire::tokens::Vocabulary;

    use super::*;

    fn ended(i: u64, to_count: Option<ToCount>) -> Ended {
        let record = Box::new(Record::planned(i, Phase::Main, String::new(), Moment::START));
        Ended { record, to_count, earlier: Vec::new() }
    }

    fn counted(counter: &mut Counter) -> Box<Record> {
        loop {
            if let Some(record) = counter.counted(Duration::from_secs(1)) {
                return record;
            }
        }
    }

    #[test]
    fn what_the_server_did_not_count_is_output_and_what_it_did_is_a_comparison() {
        let mut counter = Counter::new(Tokenizer::builtin(Vocabulary::O200k));
        let text = || "hello world".to_owned();
        assert!(counter.take(ended(1, Some(ToCount::Unstated(text())))).is_none());
        let record = counted(&mut counter);
        assert_eq!((record.output_tokens, record.counted_tokens), (Some(2), None));
        assert_eq!(record.token_source.map(|s| s.to_string()).as_deref(), Some("tokenizer:o200k_base"));
        assert!(counter.take(ended(2, Some(ToCount::Stated(text())))).is_none());
        let record = counted(&mut counter);
        assert_eq!(
            (record.output_tokens, record.counted_tokens, &record.token_source),
            (None, Some(2), &None)
        );
        assert!(counter.take(ended(3, None)).is_some());
        assert!(!counter.is_busy());
    }

    #[test]
    fn comparing_does_not_pile_up_but_counting_goes_on() {
        let mut counter = Counter::new(Tokenizer::builtin(Vocabulary::O200k));
        counter.pending = BACKLOG + 1;
        let given_back = counter.take(ended(1, Some(ToCount::Stated("hello".into()))));
        assert_eq!(given_back.map(|record| record.counted_tokens), Some(None));
        assert!(counter.take(ended(2, Some(ToCount::Unstated("hello".into())))).is_none());
    }

    #[test]
    fn the_sample_follows_from_the_arrival_index() {
        let compared = (0..10_000).filter(|&i| is_compared(i, 100)).count();
        assert_eq!(compared, 200 + 9_800 / 20);
        assert!(!is_compared(0, COMPARED_BYTES + 1));
    }
}
