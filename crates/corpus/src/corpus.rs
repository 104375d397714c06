//! The prompts in memory: two allocations for all of them, however many there are.

use std::num::NonZeroU32;

/// Prompts, in the order of their file.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The messages of every prompt, one after the other.
    messages: Vec<u8>,
    /// The texts of recorded answers that are not counted yet, likewise.
    answers: String,
    entries: Vec<Entry>,
    left_out: usize,
}

/// Where the parts of a prompt end; they start where those of the prompt before it end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    messages_end: usize,
    answer_end: usize,
    max_tokens: Option<NonZeroU32>,
    tokens: Option<u32>,
}

/// One prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// The JSON array of its messages.
    pub messages: &'a [u8],
    /// The most tokens that its answer may have, if the file says so or has the answer itself; never 0.
    pub max_tokens: Option<u32>,
    /// The tokens of its messages' texts, once they are counted.
    pub tokens: Option<u32>,
}

impl Corpus {
    /// How many prompts there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none, as after a selection that fits no prompt.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The prompt at an index from 0.
    pub fn get(&self, index: usize) -> Option<Prompt<'_>> {
        let entry = self.entries.get(index)?;
        Some(Prompt {
            messages: self.messages.get(self.messages_start(index)..entry.messages_end)?,
            max_tokens: entry.max_tokens.map(NonZeroU32::get),
            tokens: entry.tokens,
        })
    }

    /// All prompts, in order.
    pub fn prompts(&self) -> impl ExactSizeIterator<Item = Prompt<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let messages = &self.messages[start..entry.messages_end];
            start = entry.messages_end;
            Prompt { messages, max_tokens: entry.max_tokens.map(NonZeroU32::get), tokens: entry.tokens }
        })
    }

    /// How many entries of the file held nothing to ask, such as conversations without a person's turn.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Keeps the prompts for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(Prompt<'_>) -> bool) {
        let mut kept = Vec::new();
        let (mut messages_end, mut answers) = (0, String::new());
        for index in 0..self.entries.len() {
            let (start, entry) = (self.messages_start(index), self.entries[index]);
            if !self.get(index).is_some_and(&mut keep) {
                continue;
            }
            // What is kept only ever moves towards the front.
            self.messages.copy_within(start..entry.messages_end, messages_end);
            messages_end += entry.messages_end - start;
            answers.push_str(self.answer(index).unwrap_or_default());
            kept.push(Entry { messages_end, answer_end: answers.len(), ..entry });
        }
        self.messages.truncate(messages_end);
        self.messages.shrink_to_fit();
        (self.entries, self.answers) = (kept, answers);
    }

    /// Forgets the recorded answers that were not counted yet, so that they bound nothing: for prompts whose answers
    /// are bounded otherwise.
    pub fn forget_answers(&mut self) {
        self.answers = String::new();
        self.entries.iter_mut().for_each(|entry| entry.answer_end = 0);
    }

    /// Room for a file of `bytes`, most of which are prompts.
    pub(crate) fn with_room_for(bytes: usize) -> Corpus {
        Corpus { messages: Vec::with_capacity(bytes), ..Corpus::default() }
    }

    /// Adds a prompt: `write` appends the JSON array of its messages.
    pub(crate) fn push(&mut self, max_tokens: Option<NonZeroU32>, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.messages);
        let (messages_end, answer_end) = (self.messages.len(), self.answers.len());
        self.entries.push(Entry { messages_end, answer_end, max_tokens, tokens: None });
    }

    /// Adds the recorded answer of the prompt that was added last.
    pub(crate) fn push_answer(&mut self, answer: &str) {
        if let Some(last) = self.entries.last_mut() {
            self.answers.push_str(answer);
            last.answer_end = self.answers.len();
        }
    }

    /// Notes an entry that holds nothing to ask.
    pub(crate) fn leave_one_out(&mut self) {
        self.left_out += 1;
    }

    /// Gives back the room that was not needed.
    pub(crate) fn shrink(&mut self) {
        self.messages.shrink_to_fit();
        self.answers.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Bytes of messages and answers ahead of a prompt.
    pub(crate) fn bytes_before(&self, index: usize) -> usize {
        match index.checked_sub(1).and_then(|before| self.entries.get(before)) {
            Some(entry) => entry.messages_end + entry.answer_end,
            None => 0,
        }
    }

    /// The recorded answer of a prompt, if it has one that is still to be counted.
    pub(crate) fn answer(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(0, |before| self.entries[before].answer_end);
        self.answers.get(start..self.entries.get(index)?.answer_end).filter(|answer| !answer.is_empty())
    }

    /// Notes the tokens of a prompt, and of its recorded answer; what the file itself says of the answer stands.
    pub(crate) fn set_tokens(&mut self, index: usize, tokens: u32, answer: Option<NonZeroU32>) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.tokens = Some(tokens);
            entry.max_tokens = entry.max_tokens.or(answer);
        }
    }

    /// Forgets the recorded answers when nothing is left to count.
    pub(crate) fn drop_counted_answers(&mut self) {
        if !self.answers.is_empty() && self.entries.iter().all(|entry| entry.tokens.is_some()) {
            self.forget_answers();
        }
    }

    fn messages_start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.entries[before].messages_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(messages: &[&str]) -> Corpus {
        let mut corpus = Corpus::default();
        for message in messages {
            corpus.push(None, |out| out.extend_from_slice(message.as_bytes()));
        }
        corpus
    }

    fn shown(corpus: &Corpus) -> Vec<&str> {
        corpus.prompts().map(|prompt| std::str::from_utf8(prompt.messages).unwrap()).collect()
    }

    #[test]
    fn what_is_kept_keeps_its_messages_and_its_answer() {
        let mut corpus = of(&["[1]", "[22]"]);
        corpus.push_answer("two");
        corpus.push(NonZeroU32::new(3), |out| out.extend_from_slice(b"[333]"));
        corpus.push_answer("three");
        corpus.push(None, |out| out.extend_from_slice(b"[4]"));
        corpus.retain(|prompt| prompt.messages != b"[22]");
        assert_eq!(shown(&corpus), ["[1]", "[333]", "[4]"]);
        assert_eq!([0, 1, 2].map(|i| corpus.answer(i)), [None, Some("three"), None]);
        assert_eq!(corpus.get(1).unwrap().max_tokens, Some(3));
        assert_eq!(corpus.get(3), None);
        corpus.retain(|_| false);
        assert!(corpus.is_empty());
    }

    #[test]
    fn forgotten_answers_bound_nothing() {
        let mut corpus = of(&["[1]"]);
        corpus.push_answer("one");
        corpus.push(NonZeroU32::new(7), |out| out.extend_from_slice(b"[2]"));
        corpus.push_answer("two");
        corpus.forget_answers();
        corpus.count(&|_| 1);
        let bounds: Vec<Option<u32>> = corpus.prompts().map(|prompt| prompt.max_tokens).collect();
        assert_eq!(bounds, [None, Some(7)]);
    }

    #[test]
    fn by_index_and_in_order_are_the_same_prompts() {
        let corpus = of(&["[1]", "[]", "[22]"]);
        let by_index: Vec<Prompt<'_>> = (0..corpus.len()).filter_map(|i| corpus.get(i)).collect();
        assert_eq!(corpus.prompts().collect::<Vec<_>>(), by_index);
    }
}
