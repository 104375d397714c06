//! What a request of a scenario sends, as the engine sees it: a body, and what to expect of the answer.

/// The bodies of one scenario's requests. A pure function of what is asked for, called from several threads.
pub trait Workload: Send + Sync {
    /// Replaces `body` by the body of a request.
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered;

    /// The same for the target of this number, whichever the request's own is.
    fn render_for(&self, _target: usize, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        self.render(ask, body)
    }

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Which target it goes to.
    pub target: usize,
    /// Which prompt of the scenario's mix it is of.
    pub prompt: usize,
    /// Tokens of the prompt, where the plan knows them.
    pub input_tokens: Option<u32>,
    /// The most tokens that any provider can be expected to count of the prompt, where that is known: what a limit on
    /// money or tokens reserves.
    pub input_bound: Option<u32>,
    /// The bound on output tokens that this very request carries.
    pub max_tokens: Option<u32>,
    /// How its head differs from that of the others; nothing where all requests have the same. An outline has none.
    pub head: Option<Box<Head>>,
}

/// What a request says of itself ahead of its body, where it is not what all requests of the target say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The method, such as `GET`.
    pub method: Option<Box<str>>,
    /// Path and query, beginning with a slash, in the characters that may stand there.
    pub path: Option<Box<str>>,
    /// Further fields, by names that no other field of the target has. Values have no line breaks.
    pub fields: Vec<(Box<str>, Box<str>)>,
    /// Why there is no such request, if it could not be made: it is not to be sent.
    pub fault: Option<Box<str>>,
}
