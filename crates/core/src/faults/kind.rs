//! What goes wrong.

use crate::time::Span;

/// What goes wrong with a request or a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An HTTP error.
    Status {
        /// Its status, 400 to 599.
        status: u16,
        /// What it says, instead of the API's own words.
        message: Option<Box<str>>,
        /// What it states in its head about when to try again.
        retry_after: Option<Span>,
    },
    /// The request is read and never answered.
    Timeout,
    /// The whole answer comes later.
    Slow(Slow),
    /// The answer stops.
    Stall {
        /// Before which token, from 0.
        after_tokens: u32,
        /// After how long it goes on; never without it.
        lasting: Option<Span>,
    },
    /// The connection ends.
    Disconnect {
        /// Before which token, from 0; then before anything was answered.
        after_tokens: u32,
        /// In which way.
        how: Cut,
    },
    /// The body ends as it should, without a finish reason and an end mark.
    EndEarly {
        /// Before which token, from 0.
        after_tokens: u32,
    },
    /// The answer is damaged.
    Malformed {
        /// Before which token, from 0.
        after_tokens: u32,
        /// What of it.
        what: Harm,
    },
    /// An error inside an answer that began well, which it ends.
    Error {
        /// Before which token, from 0.
        after_tokens: u32,
        /// Which one.
        error: Failure,
    },
    /// The answer stops as at a limit on its tokens.
    Length {
        /// How many tokens it has, at least one.
        after_tokens: u32,
    },
    /// A page in place of the answer, with status 200.
    ContentType {
        /// Its media type.
        content_type: Box<str>,
    },
    /// Connections are refused.
    Refuse,
    /// Connections are refused, and those that are open are reset.
    Outage,
}

/// How much later an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// By so much.
    By(Span),
    /// So that its first token takes so many thousandths of the usual time; more than a thousand.
    Thousandths(u64),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// It is reset.
    #[default]
    Reset,
    /// It is closed in good order.
    Close,
}

/// What of an answer is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Harm {
    /// An event, or the body: it is no JSON.
    #[default]
    Event,
    /// The framing: it is no HTTP.
    Framing,
}

/// What an answer says that fails half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The provider has too much to do.
    Overloaded,
    /// A limit was reached.
    RateLimited,
    /// The provider broke down.
    ServerError,
}

impl Kind {
    /// All names, in the order in which people are shown them.
    pub const NAMES: [&'static str; 12] = [
        "status",
        "timeout",
        "slow",
        "stall",
        "disconnect",
        "end_early",
        "malformed",
        "error",
        "length",
        "content_type",
        "refuse",
        "outage",
    ];

    /// The name in files, on the command line and in the ledger.
    pub const fn name(&self) -> &'static str {
        match self {
            Kind::Status { .. } => "status",
            Kind::Timeout => "timeout",
            Kind::Slow(_) => "slow",
            Kind::Stall { .. } => "stall",
            Kind::Disconnect { .. } => "disconnect",
            Kind::EndEarly { .. } => "end_early",
            Kind::Malformed { .. } => "malformed",
            Kind::Error { .. } => "error",
            Kind::Length { .. } => "length",
            Kind::ContentType { .. } => "content_type",
            Kind::Refuse => "refuse",
            Kind::Outage => "outage",
        }
    }

    /// Whether it strikes connections, and not requests.
    pub const fn is_of_connections(&self) -> bool {
        matches!(self, Kind::Refuse | Kind::Outage)
    }
}

/// A type with a few named values.
pub(super) trait Named: Copy + Default + PartialEq + 'static {
    const NAMES: &'static [(&'static str, Self)];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

impl Named for Cut {
    const NAMES: &'static [(&'static str, Cut)] = &[("reset", Cut::Reset), ("close", Cut::Close)];
}

impl Named for Harm {
    const NAMES: &'static [(&'static str, Harm)] = &[("event", Harm::Event), ("framing", Harm::Framing)];
}

impl Named for Option<Failure> {
    const NAMES: &'static [(&'static str, Option<Failure>)] = &[
        ("overloaded", Some(Failure::Overloaded)),
        ("rate_limited", Some(Failure::RateLimited)),
        ("server_error", Some(Failure::ServerError)),
    ];
}
