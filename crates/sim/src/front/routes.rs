//! Which request gets which answer. No socket and no time here: a request goes in, a reply comes out.
//!
//! What a path means, how a request is read and how an answer looks is `wire::server`'s; which providers there are, at
//! which path, with which models and keys, and how long their answers are is decided here.

use floodline_core::faults::Faults;
use floodline_core::limits::Limits;
use floodline_wire::http1::request::{Method, RequestHead};
use floodline_wire::server::{
    self as api, Ask, Asked, Dialect, Embed, Endpoint, Fault, Habit, Identity, Route, Script, mix,
};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Form, Order};
use super::config::Provides;
use super::providers::Charge;
use super::request::Request;
use super::respond::Small;
use crate::limits::KeyId;
use crate::model::Pace;

/// The longest answer that is not streamed: it has to be held in memory.
const MAX_WHOLE: u32 = 1_000_000;

/// What the one model is called where no models are named.
const MODEL: &str = "floodline-stub";

/// All that can be asked at a server.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// At no path of its own.
    root: Site,
    /// At theirs, the longest path first.
    sites: Vec<(Box<str>, Site)>,
    /// When the server started, in Unix seconds: what it calls the age of its models.
    pub(super) started: u64,
    /// Of the first provider: identifiers of requests are made of it.
    pub(super) seed: u64,
}

/// The providers at one path.
#[derive(Debug, Default)]
pub(super) struct Site {
    offers: Vec<Offer>,
}

/// What a provider has to offer.
#[derive(Debug)]
struct Offer {
    place: usize,
    habit: Habit,
    seed: u64,
    models: Option<Vec<String>>,
    key: Option<SecretString>,
}

/// What else a provider is made of.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) name: Option<Box<str>>,
    pub(super) pace: Pace,
    pub(super) limits: Option<Limits>,
    pub(super) key_names: Vec<(KeyId, Box<str>)>,
    pub(super) faults: Faults,
    pub(super) seed: u64,
}

/// A request that is being answered.
#[derive(Clone, Copy)]
pub(super) struct Call<'r> {
    pub(super) request: &'r Request,
    /// Whose API is called.
    pub(super) dialect: Dialect,
    pub(super) request_id: &'r str,
    /// Which request of the server it is.
    pub(super) number: u64,
    /// In Unix seconds.
    pub(super) now: u64,
    /// [`Routes::started`].
    pub(super) started: u64,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// At once and in one piece.
    Small(Small),
    /// Tokens, when they are due.
    Answer(Box<Order>),
}

impl Routes {
    /// The ways to these providers, and what lies behind each, in the same order.
    pub(super) fn new(providers: Vec<Provides>) -> (Routes, Vec<Behind>) {
        let seed = providers.first().map_or(0, |first| first.seed);
        let mut routes = Routes { seed, ..Routes::default() };
        let mut behind = Vec::new();
        for (place, provides) in providers.into_iter().enumerate() {
            let Provides {
                name,
                path,
                pace,
                tokens,
                reasoning,
                seed,
                models,
                key,
                limits,
                key_names,
                faults,
            } = provides;
            let offer = Offer { place, habit: Habit { tokens, reasoning }, seed, models, key };
            match path.trim_end_matches('/') {
                "" => routes.root.offers.push(offer),
                path => match routes.sites.iter_mut().find(|(other, _)| **other == *path) {
                    Some((_, site)) => site.offers.push(offer),
                    None => routes.sites.push((path.into(), Site { offers: vec![offer] })),
                },
            }
            behind.push(Behind { name, pace, limits, key_names, faults, seed });
        }
        routes.sites.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        (routes, behind)
    }

    /// Who is asked, by the beginning of the path, which is taken off.
    pub(super) fn site(&self, head: &mut RequestHead) -> &Site {
        for (path, site) in &self.sites {
            let Some(rest) = head.path.strip_prefix(&**path) else { continue };
            if rest.is_empty() || rest.starts_with('/') {
                head.path = if rest.is_empty() { "/".into() } else { rest.into() };
                return site;
            }
        }
        &self.root
    }
}

impl Site {
    /// Answers a request.
    pub(super) fn reply(&self, call: &Call<'_>) -> Reply {
        let RequestHead { method, path, .. } = &call.request.head;
        let refused = |fault: &Fault| Reply::Small(Small::fault(fault, call.request_id));
        let route = Route::of(&call.request.head).filter(|route| self.has(route.endpoint));
        let Some(route) = route else {
            return refused(&Fault::no_path(call.dialect, method.name(), path));
        };
        let (fits, allow) = match route.endpoint.is_posted() {
            true => (*method == Method::Post, "allow: POST\r\n"),
            false => (matches!(method, Method::Get | Method::Head), "allow: GET, HEAD\r\n"),
        };
        if !fits {
            let fault = Fault::wrong_method(route.dialect, method.name(), path);
            return Reply::Small(Small { extra: allow, ..Small::fault(&fault, call.request_id) });
        }
        let checked = if is_open(route.endpoint) { Ok(()) } else { self.check_key(call) };
        checked.and_then(|()| self.asked(&route, call)).unwrap_or_else(|fault| refused(&fault))
    }

    /// Whether there is anybody to answer. Where nobody is, it can still be asked whether the server is well.
    fn has(&self, endpoint: Endpoint) -> bool {
        !self.offers.is_empty() || is_open(endpoint)
    }

    fn asked(&self, route: &Route<'_>, call: &Call<'_>) -> Result<Reply, Fault> {
        let Call { request, dialect, started, .. } = *call;
        let json = |body: Vec<u8>| Ok(Reply::Small(Small::json(body)));
        match api::read(route, &request.head, &request.body, self.first_model())? {
            Asked::Answer(ask) => self.offer(call, &ask.model)?.answer(*ask, route.endpoint, call),
            Asked::Embed(embed) => self.offer(call, &embed.model)?.embed(embed, call),
            Asked::Count { model, tokens } => {
                self.offer(call, &model)?;
                json(api::count(dialect, tokens))
            }
            Asked::Models => json(api::models(dialect, &self.models(), started)),
            Asked::Model(name) => {
                self.offer(call, &name)?;
                json(api::model(dialect, &name, started))
            }
            Asked::Told => {
                let (body, content_type) = api::told(route.endpoint, self.first_model());
                Ok(Reply::Small(Small { content_type: content_type.into(), ..Small::json(body) }))
            }
        }
    }

    /// All models that are named, or the one that stands for any.
    fn models(&self) -> Vec<&str> {
        let named = self.offers.iter().filter_map(|offer| offer.models.as_ref()).flatten();
        let models = named.map(String::as_str).collect::<Vec<_>>();
        if models.is_empty() { vec![MODEL] } else { models }
    }

    fn first_model(&self) -> &str {
        let named = self.offers.iter().filter_map(|offer| offer.models.as_ref()?.first());
        named.map(String::as_str).next().unwrap_or(MODEL)
    }

    /// Who answers for `model`: who names it, or else who serves any. Its key has to be the right one.
    fn offer(&self, call: &Call<'_>, model: &str) -> Result<&Offer, Fault> {
        let names = |offer: &&Offer| {
            offer.models.as_ref().is_some_and(|models| models.iter().any(|known| known == model))
        };
        let by_name = self.offers.iter().find(names);
        let offer = by_name.or_else(|| self.offers.iter().find(|offer| offer.models.is_none()));
        let offer = offer.ok_or_else(|| Fault::no_model(call.dialect, model))?;
        match offer.opens_to(keys(&call.request.head)) {
            true => Ok(offer),
            false => Err(Fault::wrong_key(call.dialect)),
        }
    }

    /// Whichever way the key comes, it has to be right for one of the providers.
    fn check_key(&self, call: &Call<'_>) -> Result<(), Fault> {
        let keys = keys(&call.request.head);
        match self.offers.iter().any(|offer| offer.opens_to(keys.clone())) {
            true => Ok(()),
            false if keys.clone().next().is_none() => Err(Fault::missing_key(call.dialect)),
            false => Err(Fault::wrong_key(call.dialect)),
        }
    }
}

impl Offer {
    fn opens_to<'k>(&self, mut keys: impl Iterator<Item = &'k str>) -> bool {
        self.key.as_ref().is_none_or(|key| keys.any(|sent| sent == key.expose_secret()))
    }

    fn answer(&self, ask: Ask, endpoint: Endpoint, call: &Call<'_>) -> Result<Reply, Fault> {
        let script = Script::plan(&ask, self.habit, mix(self.seed ^ mix(ask.prompt.hash)));
        let tokens = script.output_tokens();
        if !ask.stream && tokens > MAX_WHOLE {
            let message = format!(
                "An answer of {tokens} tokens must be streamed; at most {MAX_WHOLE} fit into one that is not."
            );
            return Err(Fault { param: Some("max_tokens".into()), ..Fault::new(call.dialect, 400, message) });
        }
        let Ask { stream, shape, prompt, model, echo, max_tokens, n, .. } = ask;
        let charge = Charge {
            max_tokens: max_tokens.map(|max| u64::from(max) * u64::from(n.max(1))),
            choices: n.max(1),
            operation: operation(endpoint),
            ..self.charge(call, model.as_str(), prompt.tokens)
        };
        let number = mix(self.seed ^ call.number);
        let identity = Identity { number, created: call.now, model: model.into(), echo };
        let form = Form::Whole { shape, identity, script };
        Ok(Reply::Answer(Box::new(Order { streamed: stream, ..call.order(form, charge) })))
    }

    fn embed(&self, embed: Embed, call: &Call<'_>) -> Result<Reply, Fault> {
        let charge = self.charge(call, &embed.model, embed.tokens);
        let form = Form::Vectors(api::embeddings(&embed));
        Ok(Reply::Answer(Box::new(call.order(form, charge))))
    }

    /// That of a request which asks for no output.
    fn charge(&self, call: &Call<'_>, model: &str, prompt_tokens: u32) -> Charge {
        let head = &call.request.head;
        Charge {
            place: self.place,
            key: KeyId::of(keys(head).next().unwrap_or_default()),
            model: model.into(),
            prompt_tokens,
            max_tokens: Some(0),
            choices: 0,
            operation: operation(Endpoint::Embeddings),
            api_version: head.query_value("api-version").map(Into::into),
        }
    }
}

impl Call<'_> {
    fn order(&self, form: Form, charge: Charge) -> Order {
        Order {
            form,
            streamed: false,
            dialect: self.dialect,
            request_id: self.request_id.into(),
            keep_alive: self.request.head.keep_alive,
            old_http: self.request.old_http,
            charge,
            fields: Vec::new(),
        }
    }
}

/// What needs no key.
fn is_open(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Health | Endpoint::Root)
}

/// The keys that a request bears: mostly one, and none that is no key.
fn keys(head: &RequestHead) -> impl Iterator<Item = &str> + Clone {
    let bearer = head.authorization.as_deref().map(|sent| match sent.split_once(' ') {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("bearer") => sent.trim(),
        _ => "",
    });
    let sent = [bearer, head.api_key.as_deref(), head.google_key.as_deref(), head.query_value("key")];
    sent.into_iter().flatten()
}

/// The name that Azure's messages have for it.
fn operation(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Completions => "Completions_Create",
        Endpoint::Responses => "Responses_Create",
        Endpoint::Embeddings => "Embeddings_Create",
        _ => "ChatCompletions_Create",
    }
}
