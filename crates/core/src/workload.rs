//! What a request of a scenario sends, as the engine sees it: a body, and what to expect of the answer.

/// The bodies of one scenario's requests. A pure function of what is asked for, called from several threads.
pub trait Workload: Send + Sync {
    /// Replaces `body` by the body of a request.
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered;

    /// What [`render`](Self::render) would return, without the body.
    fn outline(&self, ask: Ask) -> Rendered;
}

/// Which request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its index among those of the scenario, from 0.
    pub i: u64,
    /// Who sends it; nobody in an open loop or a replay.
    pub asker: Option<Asker>,
}

/// A user of a closed loop, or a session, that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its number within the scenario, from 0. Sessions are numbered in the order of their arrival, and begin anew
    /// after the last number.
    pub number: u32,
    /// How many requests it has sent before.
    pub nth: u64,
}

/// Request `i`, sent by nobody in particular.
impl From<u64> for Ask {
    fn from(i: u64) -> Ask {
        Ask { i, asker: None }
    }
}

/// What [`Workload::render`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Which prompt of the scenario's mix it is of.
    pub prompt: usize,
    /// Tokens of the prompt, where the plan knows them.
    pub input_tokens: Option<u32>,
    /// The most tokens that any provider can be expected to count of the prompt, where that is known: what a limit on
    /// money or tokens reserves.
    pub input_bound: Option<u32>,
    /// The bound on output tokens that this very request carries.
    pub max_tokens: Option<u32>,
}
