//! What request `i` of a scenario sends, as the engine sees it: a body, and what to expect of the answer.

/// The bodies of one scenario's requests. A pure function of the arrival index, called from several threads.
pub trait Workload: Send + Sync {
    /// Replaces `body` by the request body of arrival `i`, counted within the scenario.
    fn render(&self, i: u64, body: &mut Vec<u8>) -> Rendered;

    /// What [`render`](Self::render) would return, without the body.
    fn outline(&self, i: u64) -> Rendered;
}

/// What [`Workload::render`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Which prompt of the scenario's mix it is of.
    pub prompt: usize,
    /// Tokens of the prompt, where the plan knows them.
    pub input_tokens: Option<u32>,
    /// The bound on output tokens that this very request carries.
    pub max_tokens: Option<u32>,
}
