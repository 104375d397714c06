//! Retry policies as data of the plan.

use serde::{Deserialize, Serialize};

use crate::retry::refusal::Whys;
use crate::time::Span;

/// What is done about attempts that lead to no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// How long is waited before the next try, and what is tried again at all.
    pub waits: Waits,
    /// Attempts of one request at one target, the first one included; at least 1.
    pub attempts: u32,
    /// No attempt begins later than this after the first one.
    #[serde(rename = "max_time_ns", default, skip_serializing_if = "Option::is_none")]
    pub max_time: Option<Span>,
    /// What is tried again; an SDK has a list of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Whys>,
    /// Waiting as long as the provider says, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub honour: Option<Honour>,
    /// How many retries all requests together may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRule>,
    /// Rejecting requests here that the target would refuse anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleRule>,
    /// Leaving a target alone that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerRule>,
    /// Going to another target instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// How long is waited before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// Not at all: the next try begins at once.
    AtOnce,
    /// Always so long.
    #[serde(rename = "fixed_ns")]
    Fixed(Span),
    /// Longer each time.
    Backoff(Backoff),
    /// As OpenAI's Python SDK 2.52 and later.
    OpenAiSdk,
    /// As Anthropic's Python SDK, which waits as long as it is told.
    AnthropicSdk,
    /// As Google's Gen AI SDK for Python with retry options switched on and left at their defaults.
    GoogleSdk,
    /// As botocore's standard mode.
    AwsStandard,
}

/// Waits that grow: before retry n (from 0), v = min(cap, base · factorⁿ), and of that what the jitter leaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first wait.
    #[serde(rename = "base_ns")]
    pub base: Span,
    /// The longest one.
    #[serde(rename = "cap_ns")]
    pub cap: Span,
    /// How much longer each is than the one before.
    pub factor: f64,
    /// How they are spread.
    pub jitter: Jitter,
}

/// How waits are spread, so that clients who were refused together do not come back together. The names and the formulas
/// are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// v.
    None,
    /// U(0, v).
    Full,
    /// v/2 + U(0, v/2).
    Equal,
    /// min(cap, U(base, 3 · the wait before)); the factor does not matter.
    Decorrelated,
}

/// Waiting as long as the provider says: t + U(0, jitter · t). Where it says nothing, the policy's own waits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Honour {
    /// Told to wait longer than this, the request is given up: coming back earlier is known to be useless.
    #[serde(rename = "cap_ns")]
    pub cap: Span,
    /// How much longer at most, in millionths of what the provider says; never shorter.
    pub jitter_millionths: u32,
}

/// How many retries all requests together may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetRule {
    /// A share of the requests, as Google's SRE book has it ("Handling Overload").
    Share {
        /// Retries for a million requests.
        millionths: u32,
        /// Both are counted over this time.
        #[serde(rename = "over_ns")]
        over: Span,
        /// So many are always allowed within it.
        at_least: u32,
    },
    /// gRPC's bucket (proposal A6): a failure takes one token, a success gives a part of one, and with half of them gone
    /// nothing is tried again.
    Tokens {
        /// Tokens of the full bucket.
        most: u32,
        /// What a success gives, in thousandths of a token.
        ratio_thousandths: u32,
    },
    /// botocore's quota: a retry takes its cost, which it gives back when it succeeds; other successes give one.
    Quota {
        /// The full quota.
        most: u32,
        /// What a retry costs.
        retry: u32,
        /// What it costs after a timeout.
        timeout: u32,
    },
}

/// Client-side adaptive throttling, as Google's SRE book has it: a request is rejected here with the probability
/// max(0, (requests − k · accepts) / (requests + 1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottleRule {
    /// k, in thousandths: how many requests are let out for one that is accepted. 2000 in the book.
    pub k_thousandths: u32,
    /// Requests and accepts are counted over this time. Two minutes in the book.
    #[serde(rename = "over_ns")]
    pub over: Span,
}

/// When a target is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRule {
    /// It opens when so many of a million attempts fail.
    pub millionths: u32,
    /// Attempts and failures are counted over this time.
    #[serde(rename = "over_ns")]
    pub over: Span,
    /// Fewer attempts than this within it say nothing.
    pub at_least: u32,
    /// How long it stays open.
    #[serde(rename = "cool_down_ns")]
    pub cool_down: Span,
    /// So many attempts are let through then, and all of them must succeed for it to close.
    pub probes: u32,
    /// What happens to requests meanwhile.
    pub open: WhileOpen,
}

/// What happens to requests while a breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhileOpen {
    /// They are rejected here.
    Reject,
    /// They wait.
    Hold,
}

/// Another target for requests that this one does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// Its name.
    pub target: String,
    /// After which refusals.
    pub after: Whys,
    /// Whether it is asked at once, or only when trying again is over.
    pub at_once: bool,
}

impl Policy {
    /// Nothing is tried again.
    pub const NONE: Policy = Policy {
        waits: Waits::AtOnce,
        attempts: 1,
        max_time: None,
        on: None,
        honour: None,
        budget: None,
        throttle: None,
        breaker: None,
        fallback: None,
    };

    /// So many attempts with these waits.
    pub fn new(waits: Waits, attempts: u32) -> Policy {
        Policy { waits, attempts, ..Policy::NONE }
    }

    /// Again at once, four attempts: what code does that was written without a thought of limits.
    pub fn naive() -> Policy {
        Policy::new(Waits::AtOnce, 4)
    }

    /// Backoff with full jitter, three attempts.
    pub fn backoff() -> Policy {
        Policy::new(Waits::Backoff(Backoff::USUAL), 3)
    }

    /// What the SDK does that these waits are of, its number of attempts and its budget included.
    pub fn sdk(waits: Waits) -> Policy {
        let attempts = if waits == Waits::GoogleSdk { 5 } else { 3 };
        let budget = (waits == Waits::AwsStandard).then_some(BudgetRule::AWS);
        Policy { budget, ..Policy::new(waits, attempts) }
    }

    /// As long as the provider says, and backoff where it says nothing.
    pub fn honouring() -> Policy {
        Policy { honour: Some(Honour::USUAL), ..Policy::backoff() }
    }
}

impl Backoff {
    /// From half a second up to eight, with full jitter.
    pub const USUAL: Backoff =
        Backoff { base: Span::from_millis(500), cap: Span::from_secs(8), factor: 2.0, jitter: Jitter::Full };
}

impl Honour {
    /// Up to a minute, and up to a quarter longer.
    pub const USUAL: Honour = Honour { cap: Span::from_secs(60), jitter_millionths: 250_000 };
}

impl BudgetRule {
    /// Google's ten per cent, counted over two minutes.
    pub const SRE: BudgetRule =
        BudgetRule::Share { millionths: 100_000, over: Span::from_secs(120), at_least: 0 };
    /// The example of gRPC's proposal.
    pub const GRPC: BudgetRule = BudgetRule::Tokens { most: 10, ratio_thousandths: 100 };
    /// botocore's.
    pub const AWS: BudgetRule = BudgetRule::Quota { most: 500, retry: 5, timeout: 10 };
}

impl ThrottleRule {
    /// The book's.
    pub const SRE: ThrottleRule = ThrottleRule { k_thousandths: 2_000, over: Span::from_secs(120) };
}

impl BreakerRule {
    /// Open for five seconds when half of at least twenty attempts within ten seconds failed.
    pub const USUAL: BreakerRule = BreakerRule {
        millionths: 500_000,
        over: Span::from_secs(10),
        at_least: 20,
        cool_down: Span::from_secs(5),
        probes: 1,
        open: WhileOpen::Reject,
    };
}
