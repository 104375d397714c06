//! The quick form: a scenario from the arguments of the command.

mod yaml;

use crate::resolve::NamedPolicy;
use crate::written::{
    Asked, At, Beside, Either, Given, Header, Headers, LengthsForm, OneOrMany, Place, Prompt, Scalar,
    Scenario, SpreadForm, Stage, Stub, Target, Timeouts, UsersForm, Written,
};

/// A load test as arguments give it. What is left out has the defaults of a scenario file, but that
/// answers are bounded at 100 tokens. Texts are read and checked when the form is resolved; until then
/// a header may hold a secret that will be refused, so that a form cannot be printed.
#[derive(Clone, Default)]
pub struct QuickForm {
    /// `--url`: the base URL, or `stub:` or `stub:PROFILE` for the built-in provider.
    pub url: Option<String>,
    /// `--api`: the name of an API, such as `anthropic`; `openai-chat` unless given.
    pub api: Option<String>,
    /// `--model`.
    pub model: Option<String>,
    /// `--tokenizer`: the name of a vocabulary, or the path of a tokenizer.json.
    pub tokenizer: Option<String>,
    /// `--concurrency`: users of a closed loop; 1 unless this or `rate` is given.
    pub concurrency: Option<u32>,
    /// `--rate`: arrivals of an open loop, such as `20` or `600/min`.
    pub rate: Option<String>,
    /// `--arrivals`: `constant`, `poisson`, `uniform` or `gamma`, with `rate`.
    pub arrivals: Option<String>,
    /// `--burstiness` of gamma arrivals.
    pub burstiness: Option<String>,
    /// `--requests`: measured requests after which the run ends.
    pub requests: Option<u64>,
    /// `--duration`: how long is measured, such as `30s`.
    pub duration: Option<String>,
    /// `--warmup`: how long the same load runs before anything is measured.
    pub warmup: Option<String>,
    /// `--max-tokens`: the most tokens of an answer; 100 unless given.
    pub max_tokens: Option<u32>,
    /// `--prompt`: the text of every request.
    pub prompt: Option<String>,
    /// `--prompts`: a file of prompts, in the format that it looks like.
    pub prompts: Option<String>,
    /// `--input-tokens`: synthetic prompts of exactly this many tokens; 32 unless another prompt is given.
    pub input_tokens: Option<u32>,
    /// `--no-stream` is `Some(false)`.
    pub stream: Option<bool>,
    /// `--timeout`: for the whole request.
    pub timeout: Option<String>,
    /// `--idle-timeout`: between two arrivals of one answer.
    pub idle_timeout: Option<String>,
    /// `--connect-timeout`.
    pub connect_timeout: Option<String>,
    /// `--key-env`: the environment variable that holds the key. Without it a key is sent to the hosts of
    /// vendors only, from their usual variables such as `OPENAI_API_KEY`.
    pub key_env: Option<String>,
    /// `--header 'K: V'`, any number of times; values may contain `${env:NAME}`.
    pub headers: Vec<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--name`.
    pub name: Option<String>,
    /// `--ca-file`.
    pub ca_file: Option<String>,
    /// `--insecure`.
    pub insecure: bool,
    /// `--http2`.
    pub http2: bool,
    /// `--proxy`: `env`, `none` or a URL.
    pub proxy: Option<String>,
    /// `--no-keep-alive`: a new connection for each request.
    pub no_keep_alive: bool,
    /// `--objective`, any number of times, such as `ttft p95 < 500ms`.
    pub objectives: Vec<String>,
    /// A policy, such as `naive` or `fixed:1s`.
    pub retry: Option<NamedPolicy>,
    /// `--record-bodies`.
    pub record_bodies: bool,
}

impl QuickForm {
    /// The scenario that the form stands for.
    pub(crate) fn scenario(&self) -> Scenario {
        let timeouts = Timeouts {
            request: text("--timeout", &self.timeout),
            idle: text("--idle-timeout", &self.idle_timeout),
            connect: text("--connect-timeout", &self.connect_timeout),
            ..Timeouts::default()
        };
        Scenario {
            name: text("--name", &self.name),
            seed: number("--seed", self.seed),
            target: at("--url", self.target()).into(),
            prompts: OneOrMany(vec![at("--prompt", self.one_prompt())]).into(),
            load: OneOrMany(self.stages()).into(),
            timeouts: timeouts.into(),
            objectives: Given((!self.objectives.is_empty()).then(|| {
                Asked(self.objectives.iter().map(|text| Scalar::new(text, argument("--objective"))).collect())
            })),
            retry: Given(self.retry.as_ref().map(NamedPolicy::written)),
            record_bodies: number("--record-bodies", self.record_bodies.then_some(true)),
            ..Scenario::default()
        }
    }

    /// The form as a scenario file, for the record of a run. Paths are left as they are.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.scenario())
    }

    fn target(&self) -> Target {
        let key = self.key_env.as_ref().map(|name| format!("${{env:{name}}}"));
        let headers = self.headers.iter().map(|header| {
            let (name, value) = header.split_once(':').unwrap_or(("", ""));
            Header {
                name: at("--header", name.trim().into()),
                value: Scalar::new(value.trim(), argument("--header")),
            }
        });
        let mut target = Target {
            api: text("--api", &self.api),
            model: text("--model", &self.model),
            tokenizer: text("--tokenizer", &self.tokenizer),
            key: text("--key-env", &key),
            headers: Headers(headers.collect()).into(),
            stream: number("--no-stream", self.stream),
            ca_file: text("--ca-file", &self.ca_file),
            insecure: number("--insecure", self.insecure.then_some(true)),
            http: number("--http2", self.http2.then_some(2)),
            connections: number("--no-keep-alive", self.no_keep_alive.then_some("per_request")),
            proxy: text("--proxy", &self.proxy),
            ..Target::default()
        };
        target.point_at("--url", self.url.as_deref());
        target
    }

    fn one_prompt(&self) -> Prompt {
        let nothing = self.prompt.is_none() && self.prompts.is_none();
        Prompt {
            text: text("--prompt", &self.prompt),
            file: text("--prompts", &self.prompts),
            input_tokens: length(
                "--input-tokens",
                self.input_tokens.or(nothing.then_some(DEFAULT_INPUT_TOKENS)),
            ),
            max_tokens: length("--max-tokens", Some(self.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))),
            ..Prompt::default()
        }
    }

    fn stages(&self) -> Vec<At<Stage>> {
        let mut main = Stage {
            hold: text("--rate", &self.rate),
            arrivals: self.spread(),
            burstiness: text("--burstiness", &self.burstiness),
            users: Given(self.concurrency.map(users)),
            length: text("--duration", &self.duration),
            requests: number("--requests", self.requests),
            ..Stage::default()
        };
        if main.hold.is_none() && main.users.is_none() {
            main.users = users(1).into();
        }
        let mut stages = Vec::new();
        if let Some(length) = &self.warmup {
            let like_main = match (&*main.hold, &*main.users) {
                (Some(rate), _) => Either::Single(Scalar::new(&rate.text, rate.place)),
                (None, Some(users)) => {
                    let users = users.clone().into();
                    Either::Other(at("--warmup", Beside { users, ..Beside::default() }))
                }
                (None, None) => return Vec::new(),
            };
            stages.push(at(
                "--warmup",
                Stage {
                    warmup: like_main.into(),
                    arrivals: main.hold.as_ref().map_or(Given(None), |_| self.spread()),
                    burstiness: main
                        .hold
                        .as_ref()
                        .map_or(Given(None), |_| text("--burstiness", &self.burstiness)),
                    length: Scalar::new(length, argument("--warmup")).into(),
                    ..Stage::default()
                },
            ));
        }
        let place = if main.hold.is_some() { "--rate" } else { "--concurrency" };
        stages.push(at(place, main));
        stages
    }

    fn spread(&self) -> Given<SpreadForm> {
        Given(text("--arrivals", &self.arrivals).0.map(Either::Single))
    }
}

/// Tokens of the synthetic prompt that is sent when none is asked for.
pub(crate) const DEFAULT_INPUT_TOKENS: u32 = 32;
/// The most tokens of its answer.
pub(crate) const DEFAULT_MAX_TOKENS: u32 = 100;

impl Target {
    /// Points at a base URL, or at the built-in provider by `stub:` or `stub:PROFILE`.
    pub(crate) fn point_at(&mut self, argument_name: &'static str, url: Option<&str>) {
        let Some(url) = url else { return };
        match url.strip_prefix("stub:") {
            None => {
                self.url = Scalar::new(url, argument(argument_name)).into();
                self.stub = Given(None);
            }
            Some(profile) => {
                let profile = (!profile.is_empty()).then(|| profile.to_owned());
                let stub = Stub { profile: text(argument_name, &profile), ..Stub::default() };
                self.stub = at(argument_name, stub).into();
                self.url = Given(None);
            }
        }
    }
}

fn users(count: u32) -> UsersForm {
    Either::Single(Scalar::new(count, argument("--concurrency")))
}

fn argument(name: &'static str) -> Place {
    Place::Argument(name)
}

fn at<T>(name: &'static str, value: T) -> At<T> {
    At { value, place: argument(name) }
}

fn text<T: Written>(name: &'static str, value: &Option<String>) -> Given<Scalar<T>> {
    Given(value.as_ref().map(|value| Scalar::new(value, argument(name))))
}

fn number<T: Written>(name: &'static str, value: Option<impl ToString>) -> Given<Scalar<T>> {
    Given(value.map(|value| Scalar::new(value.to_string(), argument(name))))
}

fn length(name: &'static str, tokens: Option<u32>) -> Given<LengthsForm> {
    Given(tokens.map(|tokens| Scalar::new(tokens, argument(name)).into()))
}
