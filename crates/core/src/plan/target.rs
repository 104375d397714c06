//! Where requests go, and as whom: one target or several that share them, elsewhere or built in.

use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::random;
use crate::time::Span;

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
    /// What it allows; everything without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What goes wrong at it.
    #[serde(default, skip_serializing_if = "Faults::is_empty")]
    pub faults: Faults,
}

impl Stub {
    /// A provider of this pace that answers everything.
    pub fn new(pace: StubPace) -> Stub {
        Stub { pace, tokens: None, reasoning: 0, limits: None, faults: Faults::default() }
    }
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
