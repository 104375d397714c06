//! Limits as a client sees them, over real sockets on 127.0.0.1: heads, refusals, scopes, places that are given back.
//!
//! Windows are long enough that none of them refills while a test runs; what waits come to is told by the pure limiter.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::io::Write;

use floodline_core::limits::{Dimension, Figure, Figures, Limit, Limits, Period, Provider, Scope};
use floodline_core::time::Span;
use floodline_sim::limits::ledger::Fate;
use floodline_sim::{Config, Pace, Provides, Server};
use serde_json::{Value, json};
use support::{CHAT, Client, Response, post};

/// The fields of an answer that have to do with limits.
fn names(answer: &Response) -> Vec<&str> {
    let common = ["content-type", "content-length", "x-request-id", "request-id", "date"];
    let fields = answer.head.lines().filter_map(|line| Some(line.split_once(": ")?.0));
    fields.filter(|name| !common.contains(name)).collect()
}

/// A chat of one user's message.
fn ask(client: &mut Client, key: &str, model: &str, max_tokens: u32) -> Response {
    client.post(CHAT, &bearer(key), &chat(model, max_tokens))
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

fn chat(model: &str, max_tokens: u32) -> Value {
    json!({"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "x"}]})
}

/// A provider with these limits, whose answers have one token.
fn start(limits: Limits) -> Server {
    serve(Provides { limits: Some(limits), tokens: Some(1), ..Provides::default() })
}

fn serve(provides: Provides) -> Server {
    Server::start(Config { ledger: true, ..Config::of(provides) }).unwrap()
}

/// A preset over hours instead of minutes.
fn slow(preset: Option<Provider>, figures: Figures) -> Limits {
    Figures { preset, window: Some(Span::from_secs(3_600)), ..figures }.limits().unwrap()
}

fn rpm(value: u64) -> Figures {
    Figures { rpm: Some(Figure::Of(value)), ..Figures::default() }
}

#[test]
fn every_preset_states_its_limits_and_refuses_as_it_does() {
    let openai = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
    ];
    let azure = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ];
    let ptu = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "azure-openai-deployment-utilization",
    ];
    let anthropic = [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ];
    let litellm = [
        "x-ratelimit-api_key-remaining-requests",
        "x-ratelimit-api_key-limit-requests",
        "x-ratelimit-api_key-remaining-tokens",
        "x-ratelimit-api_key-limit-tokens",
    ];
    // Of each: what is stated, what a refusal adds, and words of its body.
    let expected: [(Provider, &[&str], &[&str], &str); 8] = [
        (Provider::OpenAi, &openai, &["retry-after", "retry-after-ms"], "\"code\":\"rate_limit_exceeded\""),
        (Provider::Anthropic, &anthropic, &["retry-after"], "\"type\":\"rate_limit_error\""),
        (Provider::Azure, &azure, &["retry-after"], "exceeded call rate limit of your current OpenAI S0"),
        (Provider::AzurePtu, &ptu, &["retry-after-ms", "retry-after"], "exceeded call rate limit"),
        (Provider::Gemini, &[], &[], "\"status\":\"RESOURCE_EXHAUSTED\""),
        (Provider::Bedrock, &[], &["x-amzn-requestid", "x-amzn-errortype"], "Too many requests, please wait"),
        (Provider::Apim, &["remaining-tokens"], &["retry-after"], "\"statusCode\":429"),
        (
            Provider::LiteLlm,
            &litellm,
            &["rate_limit_type", "retry-after", "reset_at"],
            "Rate limit exceeded for api_key",
        ),
    ];
    for (preset, stated, added, words) in expected {
        let limits = slow(Some(preset), rpm(1));
        let server = start(limits);
        let mut client = Client::new(&server);
        let admitted = ask(&mut client, "sk-a", "m", 1);
        assert_eq!((admitted.status, names(&admitted)), (200, stated.to_vec()), "{preset:?}");
        let refused = ask(&mut client, "sk-a", "m", 1);
        assert_eq!((refused.status, names(&refused)), (429, [stated, added].concat()), "{preset:?}");
        assert!(refused.body.contains(words), "{preset:?}: {}", refused.body);
        assert!(!refused.body.contains("sk-a"), "{}", refused.body);
        let has_date = refused.field("date").is_some_and(|date| date.ends_with(" GMT"));
        assert!(has_date, "instants are relative to it");
    }
}

/// Regression: a stream of Gemini's that is no event stream is an array, and so is its refusal.
#[test]
fn who_asked_gemini_for_an_array_is_refused_in_one() {
    let server = start(slow(Some(Provider::Gemini), rpm(1)));
    let mut client = Client::new(&server);
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]});
    let mut ask = |path: &str| client.post(path, "x-goog-api-key: a\r\n", &contents);
    let path = "/v1beta/models/g:streamGenerateContent";
    assert_eq!(ask(path).status, 200);
    let refused = ask(path);
    assert_eq!((refused.status, &refused.json()[0]["error"]["status"]), (429, &"RESOURCE_EXHAUSTED".into()));
    let events = ask(&format!("{path}?alt=sse"));
    assert_eq!((events.status, &events.json()["error"]["status"]), (429, &"RESOURCE_EXHAUSTED".into()));
    let whole = ask("/v1beta/models/g:generateContent");
    assert_eq!((whole.status, &whole.json()["error"]["status"]), (429, &"RESOURCE_EXHAUSTED".into()));
}

#[test]
fn who_calls_another_api_is_told_in_its_words() {
    let server = start(slow(None, Figures { scope: Some(Scope::KeyAndModel), ..rpm(1) }));
    let mut client = Client::new(&server);
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]});
    let asks = [
        (CHAT, bearer("a"), chat("openai", 1), "/error/code", "rate_limit_exceeded"),
        (
            "/v1/responses",
            bearer("a"),
            json!({"model": "responses", "input": "x"}),
            "/error/type",
            "requests",
        ),
        ("/v1/embeddings", bearer("a"), json!({"model": "e", "input": "x"}), "/error/type", "requests"),
        ("/v1/messages", "x-api-key: a\r\n".into(), chat("claude", 1), "/error/type", "rate_limit_error"),
        (
            "/openai/deployments/d/chat/completions?api-version=2025-01-01",
            "api-key: a\r\n".into(),
            chat("ignored", 1),
            "/error/code",
            "429",
        ),
        (
            "/v1beta/models/g:generateContent?key=a",
            String::new(),
            contents,
            "/error/status",
            "RESOURCE_EXHAUSTED",
        ),
    ];
    for (path, fields, body, at, expected) in asks {
        let admitted = client.post(path, &fields, &body);
        assert_eq!(admitted.status, 200, "{path} {admitted:?}");
        let refused = client.post(path, &fields, &body);
        assert_eq!(refused.status, 429, "{path}");
        assert_eq!(refused.json().pointer(at), Some(&json!(expected)), "{path} {}", refused.body);
    }
    let azures = client.post(
        "/openai/deployments/d/chat/completions?api-version=2025-01-01",
        "api-key: a\r\n",
        &chat("m", 1),
    );
    assert!(
        azures.body.contains("ChatCompletions_Create Operation under Azure OpenAI API version 2025-01-01")
    );
    for (path, body) in [
        (
            "/api/chat",
            json!({"model": "llama", "stream": false, "messages": [{"role": "user", "content": "x"}]}),
        ),
        ("/generate", json!({"inputs": "x"})),
    ] {
        assert_eq!(client.post(path, "", &body).status, 200, "{path}");
        let refused = client.post(path, "", &body);
        assert_eq!(refused.status, 429);
        assert!(
            refused.json()["error"].as_str().unwrap().starts_with("Rate limit reached for"),
            "{}",
            refused.body
        );
        assert!(refused.field("retry-after").is_some());
    }
}

#[test]
fn openais_messages_state_what_follows_from_their_own_figures() {
    for (limit, first, second) in [
        (10_000, 8_554, 3_082),
        (30_000, 14_567, 24_754),
        (30_000, 18_928, 11_159),
        (30_000, 28_039, 3_906),
        (30_000, 29_937, 385),
    ] {
        let figures = Figures { tpm: Some(Figure::Of(limit)), ..Figures::default() };
        let server = start(slow(Some(Provider::OpenAi), figures));
        let mut client = Client::new(&server);
        let admitted = ask(&mut client, "k", "gpt-4o", first);
        assert_eq!(
            admitted.field("x-ratelimit-remaining-tokens").unwrap(),
            (limit - u64::from(first)).to_string()
        );
        let refused =
            ask(&mut client, "k", "gpt-4o", second).json()["error"]["message"].as_str().unwrap().to_owned();
        // Less than a token drains in what passes between the two: an hour's limit is a token in 120 ms at least.
        let start = format!(
            "Rate limit reached for gpt-4o in organization org-floodline on tokens per min (TPM): Limit {limit}, Used "
        );
        let figures = refused.strip_prefix(&start).unwrap_or_else(|| panic!("{refused}"));
        let used: u64 = figures.split(',').next().unwrap().parse().unwrap();
        assert!(used <= first.into() && used + 100 > first.into(), "{refused}");
        let wait = refused.split("Please try again in ").nth(1).unwrap().split(". Visit").next().unwrap();
        let expected = (used + u64::from(second) - limit) as f64 * 3_600.0 / limit as f64;
        let stated = go_seconds(wait);
        // The figure is rounded up to a token, the wait is not.
        assert!(
            stated <= expected + 0.002 && stated > expected - 3_600.0 / limit as f64 - 0.002,
            "{refused} {expected}"
        );
    }
}

/// `1h2m3.5s` in seconds.
fn go_seconds(text: &str) -> f64 {
    let (mut sum, mut number) = (0.0, String::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            'h' => sum += 3_600.0 * std::mem::take(&mut number).parse::<f64>().unwrap(),
            'm' if rest.peek() == Some(&'s') => {
                sum += std::mem::take(&mut number).parse::<f64>().unwrap() / 1e3
            }
            'm' => sum += 60.0 * std::mem::take(&mut number).parse::<f64>().unwrap(),
            's' => sum += std::mem::take(&mut number).parse::<f64>().unwrap_or(0.0),
            c => number.push(c),
        }
    }
    sum
}

#[test]
fn what_is_too_large_is_refused_for_good() {
    let server = start(slow(Some(Provider::OpenAi), Figures::default()));
    let refused = ask(&mut Client::new(&server), "k", "gpt-4o", 30_601);
    assert_eq!((refused.status, refused.field("retry-after")), (429, None));
    assert!(refused.body.contains("Request too large for gpt-4o"), "{}", refused.body);
    assert!(refused.body.contains("Limit 30000, Requested 30601."), "{}", refused.body);
}

#[test]
fn a_quota_of_api_management_is_403_and_its_rate_429() {
    let quota = Figures { quota: Some(Figure::Of(30)), quota_per: Some(Period::Day), ..Figures::default() };
    let server = start(slow(
        Some(Provider::Apim),
        Figures { tpm: Some(Figure::Of(10)), estimate: Some(false), ..quota },
    ));
    let mut client = Client::new(&server);
    let words = json!({"model": "m", "messages": [{"role": "user", "content": "one two three four five six seven eight nine"}]});
    let mut ask = |key: &str| client.post(CHAT, &bearer(key), &words);
    // Without an estimate the prompt is charged when it has been answered, and goes over.
    let admitted = ask("a");
    assert_eq!(names(&admitted), ["remaining-tokens", "remaining-quota-tokens"]);
    assert_eq!(admitted.field("remaining-tokens"), Some("10"));
    assert_eq!((ask("a").status, ask("b").status), (429, 200), "the key is the counter's");
    let figures = Figures {
        tpm: Some(Figure::Off),
        estimate: Some(false),
        quota: Some(Figure::Of(5)),
        quota_per: Some(Period::Hour),
        ..Figures::default()
    };
    let server = start(slow(Some(Provider::Apim), figures));
    let mut client = Client::new(&server);
    assert_eq!(client.post(CHAT, "", &words).status, 200);
    let refused = client.post(CHAT, "", &words);
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.starts_with("{\"statusCode\":403,\"message\":\"Token quota is exceeded."),
        "{}",
        refused.body
    );
}

#[test]
fn keys_are_told_apart_wherever_they_stand() {
    let server = start(slow(None, Figures { scope: Some(Scope::Key), ..rpm(1) }));
    let mut client = Client::new(&server);
    let ways: [(&str, &str, &str); 5] = [
        (CHAT, "authorization: Bearer KEY\r\n", ""),
        ("/v1/messages", "x-api-key: KEY\r\n", ""),
        ("/openai/deployments/d/chat/completions", "api-key: KEY\r\n", ""),
        (CHAT, "x-goog-api-key: KEY\r\n", ""),
        (CHAT, "", "?key=KEY"),
    ];
    for (number, (path, fields, query)) in ways.into_iter().enumerate() {
        let mut ask = |key: &str| {
            let fields = fields.replace("KEY", key);
            client.post(&format!("{path}{}", query.replace("KEY", key)), &fields, &chat("m", 1)).status
        };
        let (one, other) = (format!("one{number}"), format!("other{number}"));
        assert_eq!((ask(&one), ask(&other), ask(&one)), (200, 200, 429), "{path} {fields} {query}");
    }
    // The same key is the same, whichever way it comes; and none is one, too.
    assert_eq!(client.post("/v1/messages", "x-api-key: one0\r\n", &chat("m", 1)).status, 429);
    let mut nobody = || client.post(CHAT, "", &chat("m", 1)).status;
    assert_eq!((nobody(), nobody()), (200, 429));
}

#[test]
fn ten_thousand_keys_have_a_limit_each() {
    const KEYS: usize = 10_000;
    let server = start(slow(None, Figures { scope: Some(Scope::Key), ..rpm(1) }));
    let client = Client::new(&server);
    let mut writer = client.stream.try_clone().unwrap();
    let body = chat("m", 1).to_string();
    let asking = std::thread::spawn(move || {
        // One after another on one connection; each of the last thousand is a key that has been there.
        for number in (0..KEYS).chain(0..1_000) {
            let length = body.len();
            let request = format!(
                "POST /v1/messages HTTP/1.1\r\nx-api-key: k{number}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            writer.write_all(request.as_bytes()).unwrap();
        }
    });
    let mut client = client;
    let statuses: Vec<u16> = (0..KEYS + 1_000).map(|_| client.response().status).collect();
    asking.join().unwrap();
    assert!(statuses[..KEYS].iter().all(|status| *status == 200));
    assert!(statuses[KEYS..].iter().all(|status| *status == 429));
    server.end();
    let tallies = server.tallies();
    let counts = tallies[0].counts;
    assert_eq!((counts.attempts, counts.admitted, counts.refused), (11_000, 10_000, 1_000));
    assert_eq!((tallies[0].limits.as_slice(), counts.refused_by_limit[0]), (&["rpm"][..], 1_000));
}

#[test]
fn a_place_is_free_again_when_a_client_has_left() {
    let limits = Figures { concurrency: Some(Figure::Of(1)), ..Figures::default() }.limits().unwrap();
    let pace = Pace::exact(Span::ZERO, Span::from_secs(1_000));
    let server = serve(Provides { pace, limits: Some(limits), ..Provides::default() });
    let mut leaving = Client::new(&server);
    let streamed = json!({"model": "m", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]});
    leaving.send(post(CHAT, "", &streamed));
    // Its first token has come.
    leaving.read_until(b"content\":\"");
    let mut other = Client::new(&server);
    let refused = ask(&mut other, "k", "m", 1);
    assert_eq!((refused.status, refused.field("retry-after")), (429, None), "nobody knows when");
    drop(leaving);
    // That it has gone is news that has to arrive.
    let mut tries = 0;
    while ask(&mut other, "k", "m", 1).status == 429 {
        tries += 1;
        assert!(tries < 100_000);
    }
}

#[test]
fn several_providers_share_a_port() {
    let own = |name: &str, path: &str, models: Option<&[&str]>, value| Provides {
        name: Some(name.into()),
        path: path.into(),
        models: models.map(|models| models.iter().map(ToString::to_string).collect()),
        tokens: Some(1),
        limits: Some(slow(None, rpm(value))),
        ..Provides::default()
    };
    let providers = vec![
        own("primary", "/primary", None, 1),
        own("fallback", "/fallback/", None, 2),
        own("large", "", Some(&["large", "huge"]), 1),
        Provides { key: Some("sk-small".to_owned().into()), ..own("small", "", Some(&["small"]), 3) },
    ];
    let server = Server::start(Config { ledger: true, providers, ..Config::default() }).unwrap();
    let mut client = Client::new(&server);
    let mut ask =
        |path: &str, model: &str, key: &str| client.post(path, &bearer(key), &chat(model, 1)).status;
    let statuses = ["/primary/v1/chat/completions", "/fallback/v1/chat/completions", "/fallback/v1/messages"]
        .map(|path| (ask(path, "m", "k"), ask(path, "m", "k")));
    assert_eq!(statuses, [(200, 429), (200, 200), (429, 429)]);
    assert_eq!((ask(CHAT, "large", "k"), ask(CHAT, "large", "k"), ask(CHAT, "huge", "k")), (200, 429, 200));
    assert_eq!((ask(CHAT, "small", "k"), ask(CHAT, "small", "sk-small")), (401, 200));
    assert_eq!((ask(CHAT, "none", "k"), ask("/primarily/v1/chat/completions", "m", "k")), (404, 404));
    let mut client = Client::new(&server);
    client.send(b"GET /v1/models HTTP/1.1\r\n\r\nGET /primary/health HTTP/1.1\r\n\r\n");
    let models = client.response().json();
    let ids = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), ["large", "huge", "small"]);
    assert_eq!(client.response().status, 200);
    server.end();
    let told = server
        .tallies()
        .into_iter()
        .map(|tally| (tally.provider.unwrap().to_string(), tally.counts.admitted, tally.counts.refused));
    let expected = [("primary", 1, 1), ("fallback", 2, 2), ("large", 2, 1), ("small", 1, 0)];
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(name, yes, no)| (name.to_owned(), yes, no)));
    let taken = server.take_attempts();
    assert_eq!((taken.attempts.len(), taken.dropped), (10, 0));
    let refused = taken.attempts.iter().filter(|attempt| matches!(attempt.met.fate, Fate::Refused(_)));
    assert_eq!(refused.count(), 4);
}

#[test]
fn providers_at_paths_of_their_own_leave_nothing_else() {
    let provides = Provides { path: "/only".into(), ..Provides::default() };
    let server = serve(provides);
    let mut client = Client::new(&server);
    assert_eq!(ask(&mut client, "k", "m", 1).status, 404);
    client.send(b"GET /health HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().status, 200);
}

#[test]
fn only_what_has_tokens_is_limited() {
    let limit = Limit { scope: Scope::Organisation, ..Limit::new(Dimension::Requests, 1, Period::Day) };
    let server = start(Limits { limits: vec![limit], ..Limits::preset(Provider::OpenAi) });
    let mut client = Client::new(&server);
    for _ in 0..3 {
        client.send(b"GET /v1/models HTTP/1.1\r\n\r\n");
        assert_eq!(client.response().status, 200);
    }
    let count = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(client.post("/v1/messages/count_tokens", "", &count).status, 200);
    // What cannot be understood costs nothing either.
    assert_eq!(client.post(CHAT, "", &json!({"model": "m"})).status, 400);
    assert_eq!(ask(&mut client, "k", "m", 1).status, 200);
    assert_eq!(ask(&mut client, "k", "m", 1).status, 429);
}
