//! Requests of whatever size is asked for, to a target as a scenario describes it: what an experiment sends.

use floodline_core::workload::Head;

use super::{Frame, Members, Shared, Synthetic, Wanted};

/// Makes the bodies of designed requests.
#[derive(Debug)]
pub struct Designed {
    frame: Frame,
    words: Synthetic,
}

impl Designed {
    /// Requests with the members that all of a target's have.
    pub(crate) fn new(members: &Members, seed: u64) -> Designed {
        Designed { frame: members.frame(true), words: Synthetic::new(seed, 0, Shared::default()) }
    }

    /// Replaces `body` by that of request `i`: synthetic words of `prompt_tokens` tokens, no two requests alike, and a
    /// bound of `max_tokens` on the answer. What is returned is special about the request's head.
    pub fn render(
        &self,
        i: u64,
        prompt_tokens: u32,
        max_tokens: u32,
        body: &mut Vec<u8>,
    ) -> Option<Box<Head>> {
        body.clear();
        let wanted = Wanted { i, max_tokens: Some(max_tokens) };
        self.frame.render(body, wanted, |body| self.words.messages(body, i, prompt_tokens))
    }
}
