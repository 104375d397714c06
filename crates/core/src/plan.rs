//! The plan: a scenario resolved into everything a run needs, and nothing secret.
//!
//! It is data: it is written to `plan.json`, hashed, shown before the start, and from it follows
//! what will be sent and when. Keys and header values are held as names only.

mod scenario;
mod target;

use serde::{Deserialize, Serialize};

use crate::lengths::LengthsSummary;
use crate::money::Usd;
use crate::objective::{Objective, Undecided};
use crate::prices::Prices;
use crate::random;
use crate::replay::Replay;
use crate::retry::{Fallback, Policy, Whys};
use crate::schedule::Stage;
use crate::time::Span;

pub use crate::users::{SessionStage, UserStage};
pub use scenario::Scenario;
pub use target::{Address, Api, Split, Stub, StubPace, Target, Tokenizer};

/// Name and version of the format of `plan.json`.
pub const FORMAT: &str = "floodline-plan/1";

/// A resolved scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: String,
    /// What the run is called.
    pub name: String,
    /// The seed of every random stream.
    pub seed: u64,
    /// The generator the seed is for.
    pub random: String,
    /// Where requests go; where there are several targets, the first.
    pub target: Target,
    /// The further targets, and how they share the requests with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Box<Split>>,
    /// The names of the keys that requests are sent with in turn, where there are several; never the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// What is sent and when: streams of traffic that run side by side.
    pub scenarios: Vec<Scenario>,
    /// How long to wait for things.
    pub timeouts: Timeouts,
    /// A program that changes requests and judges answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// What is done about attempts that lead to no answer; nothing is tried again where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Policy>,
    /// What ends the run before its plan does.
    pub limits: Limits,
    /// What the target's model costs, where the scenario says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// What the run is asked to prove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<Objective>,
    /// What is said where the data cannot tell whether it was proved.
    #[serde(default, skip_serializing_if = "Undecided::is_usual")]
    pub undecided: Undecided,
    /// From where on the generator counts as the bottleneck.
    pub health: HealthLimits,
    /// Whether answers are kept in the journal.
    pub record_bodies: bool,
}

/// One kind of request in the mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Its name in figures and records.
    pub name: String,
    /// Its share of the mix, against the other weights.
    pub weight: u32,
    /// What it is, in a few words for people, such as `120 tokens` or the summary of a corpus.
    pub source: String,
    /// The limit on output tokens sent with it, where it is the same for every request.
    pub max_tokens: Option<u32>,
    /// How long its requests are, where that is known.
    #[serde(default)]
    pub input: Option<LengthsSummary>,
    /// How long their answers may become, where every one of them has a bound.
    #[serde(default)]
    pub output: Option<LengthsSummary>,
    /// The files that its texts or lengths are from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

/// A file that a scenario names, so that a plan made from another one is another plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, as written in the scenario.
    pub name: String,
    /// The FNV-1a fingerprint of its bytes, as 16 hexadecimal digits.
    pub hash: String,
}

impl File {
    /// The file of this name and these contents.
    pub fn of(name: impl Into<String>, bytes: &[u8]) -> File {
        File { name: name.into(), hash: format!("{:016x}", fnv1a(bytes)) }
    }
}

/// When requests are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// At instants of the plan's choosing, whatever the target does.
    Open {
        /// Stretches of one rate, in order.
        stages: Vec<Stage>,
        /// The run ends after this many requests of the main phase.
        requests: Option<u64>,
    },
    /// By users who wait for their answer before they ask again.
    Closed {
        /// Stretches of users, in order.
        stages: Vec<UserStage>,
        /// The run ends after this many requests of the main phase.
        requests: Option<u64>,
    },
    /// By users who arrive at instants of the plan's choosing, ask a few times, and leave.
    Sessions {
        /// Stretches of one rate of arrivals, in order.
        stages: Vec<SessionStage>,
        /// The run ends after this many requests of the main phase.
        requests: Option<u64>,
    },
    /// At the instants of a recorded trace.
    Replay(Box<Replay>),
}

/// How long to wait for things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For connecting, name resolution and TLS included.
    #[serde(rename = "connect_ns")]
    pub connect: Span,
    /// For the whole request, from its being sent.
    #[serde(rename = "request_ns")]
    pub request: Span,
    /// Between two arrivals of one answer.
    #[serde(rename = "idle_ns")]
    pub idle: Span,
    /// For requests still in flight when the run ends.
    #[serde(rename = "grace_ns")]
    pub grace: Span,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Span::from_secs(10),
            request: Span::from_secs(600),
            idle: Span::from_secs(60),
            grace: Span::from_secs(30),
        }
    }
}

/// A program of the user's that changes requests and judges answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The folder that it is started in; the current one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Whether it is asked before a request is sent.
    pub before: bool,
    /// Whether it is asked what it thinks of an answer that is otherwise ok.
    pub after: bool,
    /// So many of it run side by side.
    pub processes: u32,
    /// For each of its replies.
    #[serde(rename = "timeout_ns")]
    pub timeout: Span,
}

/// What ends the run before its plan does; reaching one is exit code 5.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time since the start.
    #[serde(rename = "duration_ns")]
    pub duration: Option<Span>,
    /// Requests sent.
    pub requests: Option<u64>,
    /// Input and output tokens, the worst case of requests in flight included.
    pub tokens: Option<u64>,
    /// Requests that ended in an error.
    pub errors: Option<u64>,
    /// Money, the worst case of requests in flight included; there are prices where it is given.
    #[serde(rename = "spend_usd", default, skip_serializing_if = "Option::is_none")]
    pub spend: Option<Usd>,
    /// A run that can cost more than this wants to be confirmed; by default [`crate::forecast::CONFIRM_ABOVE`], unless
    /// there is a spend limit.
    #[serde(rename = "confirm_above_usd", default, skip_serializing_if = "Option::is_none")]
    pub confirm_above: Option<Usd>,
    /// Objectives turned round: each ends the run when it holds over its window, ten seconds unless it says another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_when: Vec<Objective>,
}

/// From where on the generator counts as the bottleneck; absent ones follow from the measured figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthLimits {
    /// The 99th percentile of lateness; by default the larger of 5 ms and 5 % of the median TTFT.
    #[serde(rename = "late_p99_ns")]
    pub late_p99: Option<Span>,
    /// The 99th percentile of lag; by default the larger of 5 ms and the median gap.
    #[serde(rename = "lag_p99_ns")]
    pub lag_p99: Option<Span>,
}

impl Plan {
    /// A plan with every choice at its default, for one scenario of the given prompts and load.
    pub fn new(name: String, seed: u64, target: Target, prompts: Vec<Prompt>, load: Load) -> Plan {
        let scenario =
            Scenario { name: name.clone(), start: Span::ZERO, prompts, load, flow: None, cap: None };
        Plan::of_scenarios(name, seed, target, vec![scenario])
    }

    /// A plan with every choice at its default, for scenarios that run side by side.
    pub fn of_scenarios(name: String, seed: u64, target: Target, scenarios: Vec<Scenario>) -> Plan {
        Plan {
            format: FORMAT.into(),
            name,
            seed,
            random: random::ALGORITHM.into(),
            target,
            split: None,
            keys: Vec::new(),
            scenarios,
            timeouts: Timeouts::default(),
            hook: None,
            retry: None,
            limits: Limits::default(),
            prices: None,
            objectives: Vec::new(),
            undecided: Undecided::default(),
            health: HealthLimits::default(),
            record_bodies: false,
        }
    }

    /// A fingerprint of the plan: FNV-1a over its JSON, as 16 hexadecimal digits.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{:016x}", fnv1a(&json))
    }

    /// Requests of the main phase, when the plan alone decides how many they are.
    pub fn planned_requests(&self) -> Option<u64> {
        let of = |(k, scenario): (usize, &Scenario)| scenario.planned_requests(scenario_seed(self.seed, k));
        self.scenarios.iter().enumerate().map(of).try_fold(0u64, |sum, n| sum.checked_add(n?))
    }

    /// When the last stage of the last scenario ends, if the plan says so.
    pub fn planned_length(&self) -> Option<Span> {
        let ends = self.scenarios.iter().map(|scenario| Some(scenario.start + scenario.planned_length()?));
        ends.collect::<Option<Vec<Span>>>().map(|ends| ends.into_iter().max().unwrap_or_default())
    }

    /// All targets, the first first.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.target).chain(self.split.iter().flat_map(|split| &split.more))
    }

    /// Whether all that is asked is built in: it costs nothing, and remembers nothing from run to run.
    pub fn is_all_built_in(&self) -> bool {
        self.targets().all(|target| matches!(target.address, Address::Stub(_)))
    }

    /// The name of a target in records: none where there is only one.
    pub fn target_name(&self, number: usize) -> Option<&str> {
        self.split.as_ref()?.names.get(number).map(String::as_str)
    }

    /// The number of the target that is tried when another fails.
    pub fn fallback(&self) -> Option<usize> {
        self.split.as_ref()?.fallback
    }

    /// By what policy attempts are made, the fallback of the targets included; none where each request is sent once.
    pub fn policy(&self) -> Option<Policy> {
        let fallback = self.fallback().and_then(|number| self.target_name(number));
        if self.retry.is_none() && fallback.is_none() {
            return None;
        }
        let mut policy = self.retry.clone().unwrap_or(Policy::NONE);
        policy.fallback = policy.fallback.or_else(|| {
            fallback.map(|name| Fallback { target: name.into(), after: Whys::ELSEWHERE, at_once: false })
        });
        Some(policy)
    }

    /// The name of a scenario in records: none where there is only one.
    pub fn scenario_name(&self, number: usize) -> Option<&str> {
        let scenario = self.scenarios.get(number)?;
        (self.scenarios.len() > 1).then_some(scenario.name.as_str())
    }
}

/// The seed of a plan's scenario number `k`: that of the plan for the first one, so that a plan of one scenario
/// is the scenario, and another for each further one, so that no two send the same prompts.
pub fn scenario_seed(seed: u64, k: usize) -> u64 {
    if k == 0 { seed } else { random::Stream::new(seed, random::Purpose::Scenarios, k as u64).bits() }
}

/// FNV-1a, 64 bits: a fingerprint that is the same everywhere; not for anything adversarial.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
