//! Which request gets which answer. No socket and no time here: a request goes in, a reply comes out.
//!
//! What a path means, how a request is read and how an answer looks is `wire::server`'s; which models there are, which
//! key is right and how long answers are is decided here.

use floodline_wire::http1::request::{Method, RequestHead};
use floodline_wire::server::{
    self as api, Ask, Asked, Dialect, Embed, Endpoint, Fault, Habit, Identity, Route, Script, Stream, mix,
};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Form, Order};
use super::request::Request;
use super::respond::Small;

/// The longest answer that is not streamed: it has to be held in memory.
const MAX_WHOLE: u32 = 1_000_000;

/// What the one model is called where no models are named.
const MODEL: &str = "floodline-stub";

/// What the routes know about the server.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) habit: Habit,
    pub(super) seed: u64,
    pub(super) models: Option<Vec<String>>,
    pub(super) key: Option<SecretString>,
    /// When the server started, in Unix seconds: what it calls the age of its models.
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
    /// Answers `request`, the server's `number`-th, at `now` in Unix seconds.
    pub(super) fn reply(&self, request: &Request, request_id: &str, number: u64, now: u64) -> Reply {
        let RequestHead { method, path, .. } = &request.head;
        let refused = |fault: &Fault| Reply::Small(Small::fault(fault, request_id));
        let Some(route) = Route::of(&request.head) else {
            return refused(&Fault::no_path(Route::dialect_of(&request.head), method.name(), path));
        };
        let (fits, allow) = match route.endpoint.is_posted() {
            true => (*method == Method::Post, "allow: POST\r\n"),
            false => (matches!(method, Method::Get | Method::Head), "allow: GET, HEAD\r\n"),
        };
        if !fits {
            let fault = Fault::wrong_method(route.dialect, method.name(), path);
            return Reply::Small(Small { extra: allow, ..Small::fault(&fault, request_id) });
        }
        let open = matches!(route.endpoint, Endpoint::Health | Endpoint::Root);
        let checked = if open { Ok(()) } else { self.check_key(route.dialect, &request.head) };
        let call = Call { request, request_id, number, now, dialect: route.dialect };
        checked.and_then(|()| self.asked(&route, &call)).unwrap_or_else(|fault| refused(&fault))
    }

    fn asked(&self, route: &Route<'_>, call: &Call<'_>) -> Result<Reply, Fault> {
        let Call { request, dialect, .. } = *call;
        let json = |body: Vec<u8>| Ok(Reply::Small(Small::json(body)));
        match api::read(route, &request.head, &request.body, self.first_model())? {
            Asked::Answer(ask) => self.answer(*ask, call),
            Asked::Embed(embed) => self.embed(embed, call),
            Asked::Count { model, tokens } => {
                self.serves(dialect, &model)?;
                json(api::count(dialect, tokens))
            }
            Asked::Models => json(api::models(dialect, &self.models(), self.started)),
            Asked::Model(name) => {
                self.serves(dialect, &name)?;
                json(api::model(dialect, &name, self.started))
            }
            Asked::Told => {
                let (body, content_type) = api::told(route.endpoint, self.first_model());
                Ok(Reply::Small(Small { content_type, ..Small::json(body) }))
            }
        }
    }

    fn answer(&self, ask: Ask, call: &Call<'_>) -> Result<Reply, Fault> {
        self.serves(call.dialect, &ask.model)?;
        let script = Script::plan(&ask, self.habit, mix(self.seed ^ mix(ask.prompt.hash)));
        let tokens = script.output_tokens();
        if !ask.stream && tokens > MAX_WHOLE {
            let message = format!(
                "An answer of {tokens} tokens must be streamed; at most {MAX_WHOLE} fit into one that is not."
            );
            return Err(Fault { param: Some("max_tokens".into()), ..Fault::new(call.dialect, 400, message) });
        }
        let Ask { stream, shape, prompt, model, echo, .. } = ask;
        let number = mix(self.seed ^ call.number);
        let identity = Identity { number, created: call.now, model: model.into(), echo };
        let form = match stream {
            true => Form::Stream(Box::new(Stream::new(shape, &identity, script))),
            false => Form::Whole { shape, identity, script },
        };
        Ok(Reply::Answer(Box::new(call.order(form, prompt.tokens))))
    }

    fn embed(&self, embed: Embed, call: &Call<'_>) -> Result<Reply, Fault> {
        self.serves(call.dialect, &embed.model)?;
        let form = Form::Vectors(api::embeddings(&embed));
        Ok(Reply::Answer(Box::new(call.order(form, embed.tokens))))
    }

    fn models(&self) -> Vec<&str> {
        match &self.models {
            Some(models) => models.iter().map(String::as_str).collect(),
            None => vec![MODEL],
        }
    }

    fn first_model(&self) -> &str {
        self.models.as_ref().and_then(|models| models.first()).map_or(MODEL, String::as_str)
    }

    fn serves(&self, dialect: Dialect, model: &str) -> Result<(), Fault> {
        match self.models.as_ref().is_none_or(|models| models.iter().any(|known| known == model)) {
            true => Ok(()),
            false => Err(Fault::no_model(dialect, model)),
        }
    }

    /// Whichever way the key comes, it has to be the right one.
    fn check_key(&self, dialect: Dialect, head: &RequestHead) -> Result<(), Fault> {
        let Some(key) = &self.key else { return Ok(()) };
        let bearer = head.authorization.as_deref().map(|sent| match sent.split_once(' ') {
            Some((scheme, sent)) if scheme.eq_ignore_ascii_case("bearer") => sent.trim(),
            _ => "",
        });
        let sent = [bearer, head.api_key.as_deref(), head.google_key.as_deref(), head.query_value("key")];
        let sent: Vec<&str> = sent.into_iter().flatten().collect();
        match sent.as_slice() {
            [] => Err(Fault::missing_key(dialect)),
            keys if keys.contains(&key.expose_secret()) => Ok(()),
            _ => Err(Fault::wrong_key(dialect)),
        }
    }
}

/// A request that is being answered.
#[derive(Clone, Copy)]
struct Call<'r> {
    request: &'r Request,
    request_id: &'r str,
    number: u64,
    now: u64,
    dialect: Dialect,
}

impl Call<'_> {
    fn order(&self, form: Form, prompt_tokens: u32) -> Order {
        Order {
            form,
            dialect: self.dialect,
            request_id: self.request_id.into(),
            keep_alive: self.request.head.keep_alive,
            old_http: self.request.old_http,
            prompt_tokens,
        }
    }
}
