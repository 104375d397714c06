//! Users of flows, driven by hand: what they send, what they keep of answers, and what they have against them.

mod support;

use std::sync::Arc;

use floodline_core::journey::{Actor, Answered, AskedTool, Outgoing, Script};
use floodline_core::outcome::Finish;
use floodline_core::{Outcome, Span};
use floodline_scenario::Resolved;
use serde_json::{Value, json};
use support::World;

const CHAT: &str = "target: {url: 'http://127.0.0.1:8000/v1', model: m}\n";

fn world() -> World {
    World::new()
        .file("people.csv", "user,password\nanna,a&b\nben,c d\n")
        .file("codes.jsonl", "{\"code\": 1}\n{\"code\": 2}\n{\"code\": 3}\n")
}

fn resolved(text: &str) -> Resolved {
    world().resolve(text).unwrap_or_else(|e| panic!("{e}"))
}

fn script(text: &str) -> Arc<dyn Script> {
    resolved(text).scripts[0].clone().expect("it has a flow")
}

/// A user of a flow with the steps of `text`, in its first iteration.
fn user(text: &str) -> Box<dyn Actor> {
    let mut user = script(text).user(0);
    user.begin(Some(0)).expect("there is something to do");
    user
}

fn body(outgoing: &Outgoing) -> Value {
    serde_json::from_slice(&outgoing.body).unwrap_or_else(|e| panic!("{e}: {:?}", outgoing.body))
}

fn text(outgoing: &Outgoing) -> String {
    String::from_utf8(outgoing.body.clone()).expect("it is text")
}

fn path(outgoing: &Outgoing) -> &str {
    outgoing.head.as_ref().and_then(|head| head.path.as_deref()).unwrap_or_default()
}

fn field<'a>(outgoing: &'a Outgoing, name: &str) -> Option<&'a str> {
    let fields = &outgoing.head.as_ref()?.fields;
    fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
}

/// An answer of nothing in particular.
fn answer() -> Answered {
    Answered {
        outcome: Outcome::Ok,
        status: Some(200),
        headers: vec![("x-id".into(), "t-7".into())],
        body: Vec::new(),
        text: String::new(),
        reasoning: String::new(),
        tools: Vec::new(),
        finish: Some(Finish::Stop),
        input_tokens: Some(9),
        output_tokens: Some(4),
        ttft: Some(Span::from_millis(120)),
        latency: Some(Span::from_millis(300)),
    }
}

fn said(text: &str) -> Answered {
    Answered { text: text.into(), ..answer() }
}

fn came(body: impl ToString) -> Answered {
    Answered { body: body.to_string().into_bytes(), ..answer() }
}

#[test]
fn own_requests_are_filled_in_and_escaped() {
    let flow = "target: {url: 'http://127.0.0.1:8000/base/', model: m}
data: {people: {file: people.csv, order: unique}}
flow:
  steps:
    - post: '/u/{{ people.user }}?a=b c'
      query: {q: '{{ people.password }}', page: '{{ iteration }}'}
      headers: {X-User: 'n{{ user }}', content-type: application/merge+json}
      json: {n: '{{ user }}', half: '{{ user / 2 }}', list: '{{ [user, 2] }}', s: 'u{{ user }}', ok: true, none: '{{ none }}'}
    - {put: u, form: {name: '{{ people.user }}', password: '{{ people.password }}'}}
    - {patch: '/p/{{ people.password | urlencode }}', body: '<{{ people.password }}>'}
    - {delete: /u}
";
    let mut user = user(flow);
    let post = user.request(0).unwrap();
    assert_eq!(post.head.as_ref().unwrap().method.as_deref(), Some("POST"));
    assert_eq!(path(&post), "/base/u/anna?a=b%20c&q=a%26b&page=0");
    assert_eq!(
        body(&post),
        json!({"n": 0, "half": 0.0, "list": [0, 2], "s": "u0", "ok": true, "none": null})
    );
    assert_eq!(field(&post, "x-user"), Some("n0"));
    assert_eq!(field(&post, "content-type"), Some("application/merge+json"));
    assert_eq!(post.input_bound, Some(post.body.len() as u32));
    let put = user.request(1).unwrap();
    assert_eq!((path(&put), text(&put).as_str()), ("/base/u", "name=anna&password=a%26b"));
    assert_eq!(field(&put, "content-type"), Some("application/x-www-form-urlencoded"));
    let patch = user.request(2).unwrap();
    assert_eq!((path(&patch), text(&patch).as_str()), ("/base/p/a%26b", "<a&b>"));
    let delete = user.request(3).unwrap();
    assert!(delete.body.is_empty() && field(&delete, "content-type").is_none());
    assert!(field(&delete, "accept").unwrap().contains("application/json"));
}

#[test]
fn a_stated_answer_is_handed_on_by_step_and_asked_for() {
    let flow = "target: {api: http, url: 'http://127.0.0.1:8000'}
flow:
  setup: [{post: /login, json: {}}]
  steps:
    - {post: /chat, json: {}, answer: {format: sse, text: $.delta.text, done: '[DONE]'}}
    - {post: /other, headers: {Accept: text/plain}, answer: {format: ndjson}}
";
    let resolved = resolved(flow);
    let formats = &resolved.formats[0];
    assert_eq!(formats.iter().map(|format| format.is_some()).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(formats[1].as_ref().unwrap().done.as_deref(), Some("[DONE]"));
    let mut user = resolved.scripts[0].as_ref().unwrap().user(0);
    user.begin(Some(0)).unwrap();
    assert_eq!(field(&user.request(1).unwrap(), "accept"), Some("text/event-stream"));
    assert_eq!(field(&user.request(2).unwrap(), "accept"), Some("text/plain"));
}

#[test]
fn conversations_grow_with_the_answers_and_begin_anew() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - {{name: a, ask: 'Hello {{{{ user }}}}', system: Be brief., max_tokens: 5, with: {{temperature: 0.5}}}}
    - {{name: b, ask: 'More of {{{{ text[:2] }}}}'}}
    - {{name: c, ask: Apart, conversation: other}}
    - {{name: d, messages: [{{role: user, content: 'Only {{{{ messages | length }}}}'}}]}}
    - {{name: e, ask: Again, new_conversation: true, system: Anew.}}
"
    );
    let mut user = user(&flow);
    let mut turn = |step: usize, reply: &str| {
        let outgoing = user.request(step).unwrap();
        user.answered(step, &said(reply)).unwrap();
        (body(&outgoing), outgoing.turn)
    };
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let (first, at) = turn(0, "Hi there");
    assert_eq!(first["messages"], json!([message("system", "Be brief."), message("user", "Hello 0")]));
    assert_eq!((&first["max_tokens"], &first["temperature"]), (&json!(5), &json!(0.5)));
    assert_eq!((&first["model"], &first["stream"], at), (&json!("m"), &json!(true), Some(1)));
    let (second, at) = turn(1, "Well");
    let grown = [
        message("system", "Be brief."),
        message("user", "Hello 0"),
        message("assistant", "Hi there"),
        message("user", "More of Hi"),
    ];
    assert_eq!((&second["messages"], at), (&json!(grown), Some(2)));
    assert!(second.get("max_tokens").is_none() && second.get("temperature").is_none());
    let (apart, at) = turn(2, "x");
    assert_eq!((&apart["messages"], at), (&json!([message("user", "Apart")]), Some(1)));
    let (replaced, _) = turn(3, "y");
    assert_eq!(replaced["messages"], json!([message("user", "Only 5")]));
    let (anew, at) = turn(4, "z");
    assert_eq!(anew["messages"], json!([message("system", "Anew."), message("user", "Again")]));
    assert_eq!(at, Some(1));
    // An iteration begins with nothing said.
    user.begin(Some(1)).unwrap();
    assert_eq!(body(&user.request(0).unwrap())["messages"].as_array().unwrap().len(), 2);
}

const TOOLS: &str = "[{type: function, function: {name: weather, parameters: {type: object, required: [city], properties: {city: {type: string}}}}}]";

fn tool(id: &str, name: &str, arguments: &str) -> AskedTool {
    AskedTool { id: id.into(), name: name.into(), arguments: arguments.into() }
}

#[test]
fn each_call_of_a_tool_gets_its_result() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - {{name: ask, ask: Weather?, tools: {TOOLS}}}
    - repeat: {{until: not tool_calls, at_most: 3}}
      steps: [{{name: result, tool_result: '{{{{ call.arguments.city }}}}: sun ({{{{ call.name }}}})'}}]
"
    );
    let mut user = user(&flow);
    assert!(user.request(1).unwrap_err().contains("asks for no tools"));
    assert_eq!(body(&user.request(0).unwrap())["tools"][0]["function"]["name"], "weather");
    let calls =
        vec![tool("1", "weather", "{\"city\": \"Oslo\"}"), tool("2", "weather", "{\"city\": \"Rome\"}")];
    user.answered(0, &Answered { tools: calls, ..answer() }).unwrap();
    assert_eq!(user.holds(0), Ok(false));
    let results = body(&user.request(1).unwrap());
    let messages = results["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4, "the question, the calls, a result of each");
    assert_eq!(messages[1]["tool_calls"][1]["function"]["arguments"], "{\"city\": \"Rome\"}");
    let result =
        json!({"role": "tool", "tool_call_id": "1", "name": "weather", "content": "Oslo: sun (weather)"});
    assert_eq!(messages[2], result);
    user.answered(1, &said("Sunny.")).unwrap();
    assert_eq!(user.holds(0), Ok(true));
}

#[test]
fn what_is_saved_of_an_answer_is_there_later() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - get: /
      save:
        expression: json.items[0].name ~ '-' ~ status
        path: {{json: '$.items[?@.n > 1].n'}}
        header: {{header: X-Id}}
        group: {{regex: '\"id\": *\"([a-z]+)\"'}}
        usage_: usage.output_tokens
        all: json.items
    - post: /
      json: {{e: '{{{{ expression }}}}', p: '{{{{ path }}}}', h: '{{{{ header }}}}', g: '{{{{ group }}}}', u: '{{{{ usage_ }}}}', n: '{{{{ all | length }}}}'}}
"
    );
    let mut user = user(&flow);
    assert!(user.request(1).unwrap_err().contains("expression"), "it is not there before");
    user.request(0).unwrap();
    let items = json!({"id": "abc", "items": [{"name": "x", "n": 1}, {"name": "y", "n": 2}]});
    user.answered(0, &came(&items)).unwrap();
    let saved = json!({"e": "x-200", "p": 2, "h": "t-7", "g": "abc", "u": 4, "n": 2});
    assert_eq!(body(&user.request(1).unwrap()), saved);
    // In what a model said, JSON is found as well.
    user.answered(0, &said(&items.to_string())).unwrap();
    assert_eq!(body(&user.request(1).unwrap()), saved);
    for (answer, why) in [
        (came("{}"), "nothing to save as `expression`: `json.items[0].name ~ '-' ~ status`: "),
        (
            came(json!({"id": "abc", "items": [{"name": "x"}]})),
            "nothing to save as `path`: the answer has nothing at $",
        ),
        (
            Answered { headers: Vec::new(), ..came(&items) },
            "nothing to save as `header`: the answer has no header x-id",
        ),
        (
            came(json!({"id": 7, "items": items["items"]})),
            "nothing to save as `group`: nothing in the answer matches",
        ),
    ] {
        let said = user.answered(0, &answer).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn answers_are_checked_in_every_way() {
    let check = |check: &str, answer: &Answered| {
        let flow = format!(
            "{CHAT}flow:\n  steps:\n    - ask: Hello\n      tools: {TOOLS}\n      check:\n        - {check}\n"
        );
        let mut user = user(&flow);
        user.request(0).unwrap();
        user.answered(0, answer)
    };
    let called = |arguments: &str| Answered { tools: vec![tool("1", "weather", arguments)], ..answer() };
    for (fine, answer) in [
        ("text | length > 3 and text is matching('^H') and text is not containing('sorry')", said("Hello")),
        ("status == 200 and finish == 'stop' and ttft_ms < 200 and latency_ms == 300", answer()),
        ("headers['x-id'] == 't-7' and usage.input_tokens == 9 and outcome == 'ok'", answer()),
        ("json | path('$.a[1]') == 2", said("{\"a\": [1, 2]}")),
        ("{json_schema: {type: object, required: [a]}}", said("{\"a\": 1}")),
        ("{tool: weather}", called("{\"city\": \"Oslo\"}")),
        ("{tool: weather, arguments: {type: object, required: [town]}}", called("{\"town\": 1}")),
        ("tool_calls | called('weather') is not none", called("{}")),
    ] {
        assert_eq!(check(fine, &answer), Ok(()), "{fine}");
    }
    for (wrong, answer, why) in [
        ("text | length > 3", said("Hi"), "check failed: text | length > 3"),
        ("{expr: text, message: nothing was said}", said(""), "nothing was said"),
        ("json.a.b == 1", said("{}"), "check failed: json.a.b == 1 ("),
        ("{json_schema: {type: object}}", said("Hi"), "check failed: the answer is no JSON"),
        (
            "{json_schema: {properties: {a: {type: string}}}}",
            said("{\"a\": 1}"),
            "does not satisfy the schema at /a",
        ),
        ("{tool: weather}", said("Sun"), "check failed: the tool weather is not called"),
        ("{tool: weather}", called("{}"), "the arguments of weather does not satisfy the schema"),
        ("{tool: weather}", called("Oslo"), "the arguments of weather are no JSON"),
    ] {
        let said = check(wrong, &answer).unwrap_err();
        assert!(said.contains(why), "{wrong}: {said}");
    }
}

#[test]
fn what_setup_saves_is_kept_and_what_iterations_save_is_not() {
    let flow = format!(
        "{CHAT}flow:
  setup: [{{post: /login, save: {{token: json.token}}}}]
  steps:
    - {{post: /a, body: '{{{{ token }}}}', save: {{own: json.own}}}}
    - if: own is defined
      steps: [{{post: /b, body: '{{{{ own }}}}'}}]
  teardown: [{{delete: '/{{{{ token }}}}'}}]
"
    );
    let mut user = script(&flow).user(3);
    user.begin(None).unwrap();
    user.answered(0, &came(json!({"token": "t"}))).unwrap();
    for iteration in 0..2 {
        user.begin(Some(iteration)).unwrap();
        assert_eq!(user.holds(0), Ok(false), "iteration {iteration}");
        assert_eq!(text(&user.request(1).unwrap()), "t");
        user.answered(1, &came(json!({"own": "o"}))).unwrap();
        assert_eq!((user.holds(0), text(&user.request(2).unwrap())), (Ok(true), "o".into()));
    }
    assert_eq!(path(&user.request(3).unwrap()), "/v1/t");
}

#[test]
fn lanes_know_what_was_known_and_what_they_save_becomes_a_list() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - {{name: start, get: /, save: {{job: json.job}}}}
    - parallel: {{limit: 2}}
      repeat: 3
      steps: [{{name: part, ask: 'Part {{{{ lane }}}} of {{{{ job }}}}?', save: {{part: text}}}}]
    - {{name: end, post: /, json: {{parts: '{{{{ part }}}}', job: '{{{{ job }}}}'}}}}
"
    );
    let mut user = user(&flow);
    user.answered(0, &came(json!({"job": 5}))).unwrap();
    let mut lanes = Vec::new();
    for number in 0..3 {
        let mut lane = user.fork(number);
        let asked = body(&lane.request(1).unwrap());
        assert_eq!(asked["messages"], json!([{"role": "user", "content": format!("Part {number} of 5?")}]));
        // One of them has nothing to give.
        if number != 1 {
            lane.answered(1, &said(&format!("p{number}"))).unwrap();
        }
        lanes.push(lane);
    }
    user.join(lanes);
    assert_eq!(body(&user.request(2).unwrap()), json!({"parts": ["p0", "p2"], "job": 5}));
}

#[test]
fn rows_are_drawn_in_the_order_that_is_asked_for() {
    let rows = |order: &str, times: &[(u64, u64)]| {
        let flow = format!(
            "{CHAT}data: {{c: {{file: codes.jsonl, order: {order}}}}}\nflow: {{steps: [{{post: /, json: '{{{{ c.code }}}}'}}]}}\n"
        );
        let script = script(&flow);
        let row = |&(number, iteration): &(u64, u64)| {
            let mut user = script.user(number);
            user.begin(Some(iteration)).map_err(|none| none.why)?;
            Ok::<String, String>(text(&user.request(0).unwrap()))
        };
        times.iter().map(row).collect::<Vec<_>>()
    };
    let ok = |codes: &[&str]| codes.iter().map(|code| Ok((*code).to_owned())).collect::<Vec<_>>();
    let four = [(0, 0), (0, 1), (1, 0), (1, 1)];
    assert_eq!(rows("circular", &four), ok(&["1", "2", "3", "1"]));
    let queue = rows("queue", &four);
    assert_eq!(queue[..3], ok(&["1", "2", "3"]));
    assert_eq!(queue[3], Err("all 3 rows of `c` are used up".into()));
    assert_eq!(rows("unique", &four), ok(&["1", "1", "2", "2"]));
    assert!(rows("unique", &[(3, 0)])[0].as_ref().unwrap_err().contains("each user needs one of its own"));
    let random = rows("random", &four);
    assert_eq!(random, rows("random", &four), "drawn by the seed");
    assert!(random.iter().all(|row| matches!(row.as_deref(), Ok("1" | "2" | "3"))), "{random:?}");
}

#[test]
fn values_of_the_environment_are_sent_and_never_shown() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - post: '/a/${{env:KEY}}'
      query: {{k: '${{env:KEY}}'}}
      headers: {{Authorization: 'Bearer ${{env:KEY}}'}}
      json: {{password: '${{env:KEY}}', hello: 'to {{{{ user }}}}'}}
    - {{ask: 'My key is ${{env:KEY}}'}}
"
    );
    let resolved = resolved(&flow);
    let mut user = resolved.scripts[0].as_ref().unwrap().user(0);
    user.begin(Some(0)).unwrap();
    let sent = user.request(0).unwrap();
    assert_eq!(path(&sent), "/v1/a/canary-key?k=canary-key");
    assert_eq!(field(&sent, "authorization"), Some("Bearer canary-key"));
    assert_eq!(body(&sent), json!({"password": "canary-key", "hello": "to 0"}));
    assert!(text(&user.request(1).unwrap()).contains("My key is canary-key"));
    let plan = serde_json::to_string(&resolved.plan).unwrap();
    let shown = format!("{resolved:?}{:?}{plan}", resolved.targets[0].secrets);
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(resolved.secret_values().collect::<Vec<_>>(), ["canary-key"], "they are masked in records");
}

#[test]
fn what_cannot_be_sent_is_an_error_that_says_why() {
    let flow = format!(
        "{CHAT}flow:
  steps:
    - {{get: '/{{{{ nobody }}}}'}}
    - {{get: /, headers: {{X-A: '{{{{ json.a }}}}'}}}}
    - {{messages: '{{{{ user }}}}'}}
"
    );
    let mut user = user(&flow);
    let why = user.request(0).unwrap_err();
    assert!(why.contains("not defined") || why.contains("undefined"), "{why}");
    user.answered(0, &came(json!({"a": "x\r\nhost: evil"}))).unwrap();
    assert_eq!(user.request(1).unwrap_err(), "the value of the header `X-A` cannot be sent");
    assert_eq!(user.request(2).unwrap_err(), "`messages` must be a list of messages");
    assert!(user.request(9).is_err());
}

#[test]
fn what_a_model_answers_to_own_requests_has_to_be_bounded_where_money_is() {
    let flow = |answer: &str, most: &str| {
        let text = format!(
            "{CHAT}prices: {{input: 1, output: 2{most}}}\nlimits: {{spend: $1}}\nflow: {{steps: [{{name: s, post: /{answer}}}]}}\n"
        );
        world().resolve(&text).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(flow("", ""), Ok(()), "no model answers it");
    let why = flow(", answer: {text: $.a}", "").unwrap_err();
    assert!(why.contains("the spend limit cannot be kept: answers to `s` have no bound"), "{why}");
    assert_eq!(flow(", answer: {text: $.a}", ", max_output_tokens: 900"), Ok(()));
}
