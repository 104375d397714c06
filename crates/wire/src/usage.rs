//! What a server says that an answer cost, whatever the API.

/// What the server says an answer cost. What it does not say is missing, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those from a cache included.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Of the prompt's tokens, those that came from a cache.
    pub cached_tokens: Option<u64>,
    /// Of the prompt's tokens, those that were written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Of the answer's tokens, those spent on reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// These figures, and for what they do not say those that were given `before`.
    pub(crate) fn after(self, before: Option<Usage>) -> Usage {
        let before = before.unwrap_or_default();
        Usage {
            prompt_tokens: self.prompt_tokens.or(before.prompt_tokens),
            completion_tokens: self.completion_tokens.or(before.completion_tokens),
            cached_tokens: self.cached_tokens.or(before.cached_tokens),
            cache_write_tokens: self.cache_write_tokens.or(before.cache_write_tokens),
            reasoning_tokens: self.reasoning_tokens.or(before.reasoning_tokens),
        }
    }

    /// These figures, unless none is given.
    pub(crate) fn if_any(self) -> Option<Usage> {
        (self != Usage::default()).then_some(self)
    }
}
