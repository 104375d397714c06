//! Counting the tokens of prompts, before anything is sent.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use floodline_corpus::{Corpus, for_each_text};
use floodline_wire::tokens::{CachedCounter, Tokenizer};

use crate::Outside;

/// Parts that a corpus is counted in: so many that no core waits long for the last one.
const PARTS: usize = 64;

/// A corpus of fewer prompts than this is counted before other threads have started.
const FEW: usize = 500;

/// Counts every prompt of a corpus, and the recorded answers that bound those to come.
pub(super) fn corpus(corpus: &mut Corpus, tokenizer: &Tokenizer, outside: &dyn Outside) {
    let parts = corpus.chunks(if corpus.len() < FEW { 1 } else { PARTS });
    let (next, counted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let job = || {
        // What a file's tokenizer makes of a word can depend on the words around it.
        let cached = tokenizer.vocabulary().map(|_| CachedCounter::new(|text: &str| tokenizer.count(text)));
        let count = |text: &str| cached.as_ref().map_or_else(|| tokenizer.count(text), |c| c.count(text));
        while let Some(part) = parts.get(next.fetch_add(1, Relaxed)) {
            let counts = corpus.count_range(part.clone(), &count);
            counted.lock().unwrap_or_else(PoisonError::into_inner).push(counts);
        }
    };
    match parts.len() {
        0 | 1 => job(),
        _ => outside.on_every_core(&job),
    }
    let counted = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    counted.into_iter().for_each(|counts| corpus.merge(counts));
}

/// The tokens of the texts in a JSON array of messages.
pub(super) fn messages(messages: &str, tokenizer: &Tokenizer) -> u32 {
    let mut tokens = 0u32;
    for_each_text(messages.as_bytes(), &mut |text| tokens = tokens.saturating_add(tokenizer.count(text)));
    tokens
}
