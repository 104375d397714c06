//! The plan: a scenario resolved into everything a run needs, and nothing secret.
//!
//! It is data: it is written to `plan.json`, hashed, shown before the start, and from it follows
//! what will be sent and when. Keys and header values are held as names only.

use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::flow::Flow;
use crate::lengths::LengthsSummary;
use crate::money::Usd;
use crate::objective::{Objective, Undecided};
use crate::prices::Prices;
use crate::random;
use crate::rate::Rate;
use crate::replay::Replay;
use crate::retry::Policy;
use crate::schedule::{Integral, Phase, Schedule, Stage};
use crate::time::{Moment, Span};

pub use crate::users::{SessionStage, UserStage};

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

/// One stream of traffic: what is sent, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name in figures and records.
    pub name: String,
    /// When it starts, from the start of the run.
    #[serde(rename = "start_ns")]
    pub start: Span,
    /// What is sent, drawn by weight.
    pub prompts: Vec<Prompt>,
    /// When it is sent.
    pub load: Load,
    /// What its users do, where that is more than to ask: the load then says when journeys begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<Flow>>,
    /// So many of its requests may be in flight at once; those beyond wait in the order of their arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<u32>,
}

/// The API spoken with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Api {
    /// OpenAI chat completions and everything compatible with it.
    #[serde(rename = "openai-chat")]
    OpenAiChat,
    /// OpenAI's older completions of a text.
    #[serde(rename = "openai-completions")]
    OpenAiCompletions,
    /// OpenAI Responses.
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// OpenAI embeddings, which answer with numbers and are never streamed.
    #[serde(rename = "openai-embeddings")]
    OpenAiEmbeddings,
    /// Chat completions as Azure serves them: by deployment and version.
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    /// Anthropic Messages.
    #[serde(rename = "anthropic")]
    Anthropic,
    /// Gemini's generateContent and streamGenerateContent.
    #[serde(rename = "gemini")]
    Gemini,
    /// Ollama's chat.
    #[serde(rename = "ollama")]
    Ollama,
    /// Ollama's completion of a text.
    #[serde(rename = "ollama-generate")]
    OllamaGenerate,
    /// Text Generation Inference.
    #[serde(rename = "tgi")]
    Tgi,
    /// Whatever an application speaks over HTTP: the scenario says how to ask and how to read.
    #[serde(rename = "http")]
    Http,
}

impl Api {
    /// Every API, in the order in which people are shown them.
    pub const ALL: [Api; 11] = [
        Api::OpenAiChat,
        Api::OpenAiCompletions,
        Api::OpenAiResponses,
        Api::OpenAiEmbeddings,
        Api::AzureOpenAi,
        Api::Anthropic,
        Api::Gemini,
        Api::Ollama,
        Api::OllamaGenerate,
        Api::Tgi,
        Api::Http,
    ];

    /// The name used in scenarios and files.
    pub const fn name(self) -> &'static str {
        match self {
            Api::OpenAiChat => "openai-chat",
            Api::OpenAiCompletions => "openai-completions",
            Api::OpenAiResponses => "openai-responses",
            Api::OpenAiEmbeddings => "openai-embeddings",
            Api::AzureOpenAi => "azure-openai",
            Api::Anthropic => "anthropic",
            Api::Gemini => "gemini",
            Api::Ollama => "ollama",
            Api::OllamaGenerate => "ollama-generate",
            Api::Tgi => "tgi",
            Api::Http => "http",
        }
    }
}

/// Where requests go, and as whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The API it speaks.
    pub api: Api,
    /// An address, or the built-in provider.
    pub address: Address,
    /// The model asked for.
    pub model: String,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// Names of additional headers; their values are not part of the plan.
    pub headers: Vec<String>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// The member of a request that bounds its answer.
    pub max_tokens_field: String,
    /// Further members of every request.
    pub body: serde_json::Map<String, serde_json::Value>,
    /// A file of certificates to trust besides the system's.
    pub ca_file: Option<String>,
    /// Whether certificates go unchecked.
    pub insecure: bool,
    /// Of an API that has several: the version that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Of an application's own API: how it is asked and how its answers are read, as the scenario says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<serde_json::Value>,
    /// What tokens are counted with where the server does not count them, or to check that it counts right;
    /// absent in plans from before it could be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
    /// How it is connected to.
    #[serde(default, skip_serializing_if = "Connection::is_usual")]
    pub connection: Connection,
}

/// Several targets that share the requests of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Their names, that of the first included.
    pub names: Vec<String>,
    /// Their shares, against each other.
    pub weights: Vec<u32>,
    /// All but the first.
    pub more: Vec<Target>,
    /// The number of the one that is tried when another fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<usize>,
}

impl Split {
    /// The number of the target that draw `index` falls to: the index of a request, or of a user who goes through a flow.
    pub fn draw(&self, seed: u64, index: u64) -> usize {
        let total: u32 = self.weights.iter().sum();
        let mut drawn = random::Stream::new(seed, random::Purpose::Targets, index).below(total);
        for (number, weight) in self.weights.iter().enumerate() {
            match drawn.checked_sub(*weight) {
                None => return number,
                Some(left) => drawn = left,
            }
        }
        0
    }
}

/// A tokenizer by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenizer {
    /// The name of a vocabulary in the binary, or the path of a file as written in the scenario.
    pub name: String,
    /// Of a file: the FNV-1a fingerprint of its bytes, as 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Target {
    /// A target with every choice at its default.
    pub fn new(address: Address, model: &str) -> Target {
        Target {
            api: Api::OpenAiChat,
            address,
            model: model.into(),
            api_version: None,
            exchange: None,
            tokenizer: None,
            key_env: None,
            headers: Vec::new(),
            stream: true,
            max_tokens_field: "max_tokens".into(),
            body: serde_json::Map::new(),
            ca_file: None,
            insecure: false,
            connection: Connection::default(),
        }
    }

    /// Answers to each request that the model is asked for (`n`, `best_of`, Gemini's `candidateCount`), all of which are paid for.
    pub fn choices(&self) -> u32 {
        let asked = |name| self.body.get(name).and_then(serde_json::Value::as_u64);
        let of_gemini = || self.body.get("generationConfig")?.get("candidateCount")?.as_u64();
        let most = asked("n").max(asked("best_of")).max(of_gemini()).unwrap_or(1).max(1);
        u32::try_from(most).unwrap_or(u32::MAX)
    }
}

/// An address, or the built-in provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// The full URL that requests are posted to.
    Url(String),
    /// The built-in provider, started for the run in the same process.
    Stub(Stub),
}

/// The built-in provider as a scenario configures it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stub {
    /// How it paces its answers.
    pub pace: StubPace,
    /// Tokens in an answer that is not cut short; none is "as many as the request allows".
    pub tokens: Option<u32>,
    /// Tokens of reasoning before each answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u32,
}

/// What is not asked for is not written.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How the built-in provider paces its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StubPace {
    /// By a named model of a server.
    Profile(String),
    /// Exactly: the first token after `ttft`, each further one `gap` later.
    Exact {
        /// From the request's arrival to its first token.
        ttft: Span,
        /// Between tokens.
        gap: Span,
    },
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

    /// The name of a target in records: none where there is only one.
    pub fn target_name(&self, number: usize) -> Option<&str> {
        self.split.as_ref()?.names.get(number).map(String::as_str)
    }

    /// The number of the target that is tried when another fails.
    pub fn fallback(&self) -> Option<usize> {
        self.split.as_ref()?.fallback
    }

    /// The name of a scenario in records: none where there is only one.
    pub fn scenario_name(&self, number: usize) -> Option<&str> {
        let scenario = self.scenarios.get(number)?;
        (self.scenarios.len() > 1).then_some(scenario.name.as_str())
    }
}

impl Scenario {
    /// Requests of the main phase, when the plan alone decides how many they are.
    ///
    /// Counting the arrivals of a Poisson schedule means drawing them; beyond a million it is left out.
    pub(crate) fn planned_requests(&self, seed: u64) -> Option<u64> {
        // How many requests a journey takes, its answers decide.
        if self.flow.is_some() {
            return None;
        }
        self.planned_begun(seed)
    }

    /// What its load begins in the main phase, when the plan alone decides how much that is: journeys where there is a
    /// flow, else requests.
    pub(crate) fn planned_begun(&self, seed: u64) -> Option<u64> {
        match &self.load {
            Load::Open { stages, requests } => planned_open(stages, *requests, seed),
            Load::Closed { stages, requests } => planned_closed(stages, *requests),
            // How often sessions ask before the last stage ends, nobody knows beforehand.
            Load::Sessions { requests, .. } => requests.filter(|_| self.planned_length().is_none()),
            Load::Replay(replay) => replay.len(),
        }
    }

    /// Arrivals of all phases that an open loop or a replay can be expected to have before `until`, from the start of the
    /// run, where that or the load itself has an end.
    pub(crate) fn expected_arrivals(&self, until: Option<Span>) -> Option<f64> {
        let own = until.map(|until| until - self.start);
        match &self.load {
            Load::Open { stages, requests } => {
                let (around, measured) = expected_arrivals(stages);
                let expected = around + requests.map_or(measured, |most| measured.min(most as f64));
                let before = |own: Span| Some(Integral::new(stages).ok()?.at(Moment::START + own));
                let expected = own.and_then(before).map_or(expected, |n| n.min(expected));
                expected.is_finite().then_some(expected)
            }
            Load::Replay(replay) => match own {
                Some(own) => Some(replay.before(Moment::START + own) as f64),
                None => replay.len().map(|n| n as f64),
            },
            Load::Closed { .. } | Load::Sessions { .. } => None,
        }
    }

    /// From its start to the end of its last stage, if the plan says so.
    pub fn planned_length(&self) -> Option<Span> {
        match &self.load {
            Load::Replay(replay) => replay.length(),
            Load::Open { .. } | Load::Closed { .. } | Load::Sessions { .. } => {
                self.stretches().into_iter().try_fold(Span::ZERO, |sum, (_, length)| Some(sum + length?))
            }
        }
    }

    /// The phase and the length of each of its stages, in order; a replay has one.
    pub fn stretches(&self) -> Vec<(Phase, Option<Span>)> {
        match &self.load {
            Load::Open { stages, .. } => stages.iter().map(|s| (s.phase, s.length())).collect(),
            Load::Closed { stages, .. } => stages.iter().map(|s| (s.phase, s.length)).collect(),
            Load::Sessions { stages, .. } => {
                stages.iter().map(|s| (s.arrivals.phase, s.arrivals.length())).collect()
            }
            Load::Replay(replay) => vec![(Phase::Main, replay.length())],
        }
    }

    /// When its first stage of `phase` starts, from the start of the run.
    pub fn start_of(&self, phase: Phase) -> Option<Moment> {
        let mut at = Moment::START + self.start;
        for (its, length) in self.stretches() {
            if its == phase {
                return Some(at);
            }
            at = at + length?;
        }
        None
    }

    /// The highest rate of an open loop, for a plan's summary.
    pub fn peak_rate(&self) -> Option<Rate> {
        let Load::Open { stages, .. } = &self.load else { return None };
        stages.iter().map(Stage::peak_rate).max_by(|a, b| a.as_per_second().total_cmp(&b.as_per_second()))
    }
}

/// The seed of a plan's scenario number `k`: that of the plan for the first one, so that a plan of one scenario
/// is the scenario, and another for each further one, so that no two send the same prompts.
pub fn scenario_seed(seed: u64, k: usize) -> u64 {
    if k == 0 { seed } else { random::Stream::new(seed, random::Purpose::Scenarios, k as u64).bits() }
}

/// Of users: with an end in time, nobody knows beforehand how far they get until then.
fn planned_closed(stages: &[UserStage], requests: Option<u64>) -> Option<u64> {
    let last = stages.last().filter(|last| last.length.is_none() && last.phase == Phase::Main)?;
    let measured = stages.iter().filter(|stage| stage.phase == Phase::Main).count();
    let asked = last
        .iterations
        .filter(|_| measured == 1)
        .map(|iterations| u64::from(last.users) * u64::from(iterations));
    match (requests, asked) {
        (Some(requests), Some(asked)) => Some(requests.min(asked)),
        // Where earlier stages are measured too, nobody knows how many are left for the last.
        (Some(_), None) if last.iterations.is_some() => None,
        (requests, asked) => requests.or(asked),
    }
}

fn planned_open(stages: &[Stage], requests: Option<u64>, seed: u64) -> Option<u64> {
    const MOST: u64 = 1_000_000;
    let (around, measured) = expected_arrivals(stages);
    if around + measured > MOST as f64 {
        return requests.filter(|&r| (r as f64) < measured * 0.99);
    }
    let main = Schedule::new(stages.to_vec(), seed).ok()?.filter(|a| a.phase == Phase::Main).count() as u64;
    Some(requests.map_or(main, |r| r.min(main)))
}

/// The integral of the rate, outside the main phase and within it; infinite where the last stage has no end.
fn expected_arrivals(stages: &[Stage]) -> (f64, f64) {
    let integral = Integral::new(stages).ok();
    let of = |phase| integral.as_ref().and_then(|integral| integral.of_phase(phase)).unwrap_or(f64::INFINITY);
    (of(Phase::Warmup) + of(Phase::Cooldown), of(Phase::Main))
}

/// FNV-1a, 64 bits: a fingerprint that is the same everywhere; not for anything adversarial.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
