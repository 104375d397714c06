//! What the user's own program has to say about a request and its answer.

use floodline_core::Outcome;
use floodline_core::journey::Answered;
use floodline_wire::codec::Codec;
use serde_json::{Map, Value, json};

use super::{Flight, Sending};

/// The names under which the APIs bound their answers.
const BOUNDS: [&str; 6] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "num_predict",
    "max_new_tokens",
];

/// The names under which they are asked for several answers, each of which is paid.
const CHOICES: [&str; 3] = ["n", "best_of", "candidateCount"];

/// The fields of a head that say where a request goes and how it and its answer are framed.
const OURS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "accept-encoding"];

impl Flight {
    /// Lets the program change the request; ends the flight if it refuses to, or fails.
    pub(super) async fn changed(&mut self, sending: &mut Sending) -> Result<(), Outcome> {
        let common = self.worker.common.clone();
        let Some(hooks) = &common.hooks else { return Ok(()) };
        let question = self.question("before", sending.described(self.worker.target(self.target)));
        if !hooks.hook.before {
            self.asked = Some(question);
            return Ok(());
        }
        let worker = self.worker.clone();
        let asked = worker.clock.now();
        self.held_since = Some(asked);
        let reply = tokio::select! {
            biased;
            () = worker.drains() => Err("the run ended while its program was asked".into()),
            reply = hooks.ask(&question) => reply,
        };
        let now = worker.clock.now();
        self.let_go(now);
        if let Some(record) = &mut self.record {
            record.hook = Some(now.since(asked));
        }
        let changed = match reply.and_then(|reply| sending.change(reply)) {
            Ok(changed) => changed,
            Err(why) => return Err(self.end(Outcome::NotSent, Some(why))),
        };
        if changed == Changed::All
            && let Err(why) = self.bounded_anew(&sending.body)
        {
            return Err(self.end(Outcome::NotSent, Some(why)));
        }
        self.asked = Some(match changed {
            Changed::Nothing => question,
            Changed::Head | Changed::All => {
                self.question("before", sending.described(worker.target(self.target)))
            }
        });
        Ok(())
    }

    /// Reckons anew what it can cost at most, with a body that is not the plan's.
    fn bounded_anew(&mut self, body: &[u8]) -> Result<(), String> {
        let Some(tab) = &mut self.tab else { return Ok(()) };
        let (bound, choices) = match matches!(self.reading, super::Reading::Anything)
            || matches!(self.codec, Codec::Embeddings)
        {
            // No model writes an answer to it.
            true => (Some(0), 1),
            false => bounds(body),
        };
        let worst = self.worker.common.ledger.worst_of(body, bound, choices);
        tab.worst = worst.ok_or(
            "the program of `exec` gave a `body` without a bound on its answer, such as `max_tokens`, so a limit on money \
             or tokens could not be kept",
        )?;
        Ok(())
    }

    /// Asks the program what it thinks of an answer that is otherwise ok.
    pub(super) async fn approved(&mut self, answered: &Answered) -> Result<(), String> {
        let common = self.worker.common.clone();
        let (Some(hooks), Some(mut question)) = (&common.hooks, self.asked.take()) else { return Ok(()) };
        if !hooks.hook.after {
            return Ok(());
        }
        question["event"] = "after".into();
        question["answer"] = described(answered);
        let asked = self.worker.clock.now();
        let reply = hooks.ask(&question).await;
        if let Some(record) = &mut self.record {
            let took = self.worker.clock.now().since(asked);
            record.hook = Some(record.hook.unwrap_or_default() + took);
        }
        let reply = reply?;
        match reply.get("ok").and_then(Value::as_bool) {
            Some(true) => Ok(()),
            Some(false) => {
                let message = reply.get("message").and_then(Value::as_str);
                Err(message.unwrap_or("the program of `exec` says that it is not ok").to_owned())
            }
            None => Err("the program of `exec` did not say whether the answer is ok: {\"ok\": true}".into()),
        }
    }

    fn question(&self, event: &str, request: Value) -> Value {
        let record = self.record.as_deref();
        json!({
            "event": event,
            "i": record.map(|record| record.i),
            "scenario": record.and_then(|record| record.scenario.as_deref()),
            "step": record.and_then(|record| record.step.as_deref()),
            "prompt": record.map(|record| record.prompt.as_str()),
            "request": request,
        })
    }
}

/// What a reply changes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Nothing,
    /// Its path or header fields.
    Head,
    /// Its body, and perhaps its head.
    All,
}

impl Sending {
    fn described(&self, target: &crate::target::Target) -> Value {
        let (method, path) = target.line(self.head.as_deref());
        let fields = self.head.iter().flat_map(|head| &head.fields);
        let headers: Map<String, Value> =
            fields.map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
        json!({"method": method, "path": path, "headers": headers, "body": body_of(&self.body)})
    }

    /// Takes over what a reply says.
    fn change(&mut self, reply: Value) -> Result<Changed, String> {
        let Value::Object(mut reply) = reply else {
            return Err("the program of `exec` answered no JSON object".into());
        };
        if let Some(error) = reply.get("error") {
            return Err(error.as_str().map_or_else(|| error.to_string(), str::to_owned));
        }
        let mut changed = Changed::Nothing;
        if let Some(path) = reply.get("path") {
            let path = path
                .as_str()
                .filter(|path| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
            let path = path.ok_or("the program of `exec` gave a `path` that cannot be sent")?;
            self.head.get_or_insert_default().path = Some(path.into());
            changed = Changed::Head;
        }
        if let Some(headers) = reply.get("headers") {
            let headers =
                headers.as_object().ok_or("the program of `exec` gave `headers` that are no object")?;
            for (name, value) in headers {
                if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                    return Err(format!(
                        "the program of `exec` gave a header `{name}`, which must be left to what is sent and how"
                    ));
                }
                let is_token = !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
                let value = value
                    .as_str()
                    .filter(|value| value.bytes().all(|b| b == b'\t' || (0x20..0x7f).contains(&b)));
                let value = value.filter(|_| is_token).ok_or_else(|| {
                    format!("the program of `exec` gave a header `{name}` that cannot be sent")
                })?;
                let fields = &mut self.head.get_or_insert_default().fields;
                fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                fields.push((name.as_str().into(), value.into()));
                changed = Changed::Head;
            }
        }
        if let Some(body) = reply.remove("body") {
            self.body = match body {
                Value::String(text) => text.into_bytes(),
                json => json.to_string().into_bytes(),
            };
            changed = Changed::All;
        }
        Ok(changed)
    }
}

/// A body as JSON if it is that, else as text.
fn body_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// The bound on the output tokens of each answer that a body carries, and how many answers it asks for: the most that is
/// found at its top or one level below, since nobody knows which of several the API goes by.
fn bounds(body: &[u8]) -> (Option<u32>, u32) {
    let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body) else { return (None, 1) };
    let most = |names: &[&str]| {
        let levels = || std::iter::once(&body).chain(body.values().filter_map(Value::as_object));
        let found = levels().flat_map(|level| names.iter().filter_map(|name| level.get(*name)?.as_u64()));
        found.max().map(|most| u32::try_from(most).unwrap_or(u32::MAX))
    };
    (most(&BOUNDS), most(&CHOICES).unwrap_or(1).max(1))
}

fn described(answered: &Answered) -> Value {
    let ms = |span: Option<floodline_core::Span>| span.map(|span| span.0 as f64 / 1e6);
    let tools: Vec<Value> = answered
        .tools
        .iter()
        .map(|tool| json!({"id": tool.id, "name": tool.name, "arguments": tool.arguments}))
        .collect();
    let headers: Map<String, Value> =
        answered.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({
        "status": answered.status,
        "headers": headers,
        "body": if answered.body.is_empty() { Value::Null } else { body_of(&answered.body) },
        "text": answered.text,
        "reasoning": answered.reasoning,
        "tool_calls": tools,
        "finish": answered.finish.map(|finish| finish.name()),
        "input_tokens": answered.input_tokens,
        "output_tokens": answered.output_tokens,
        "ttft_ms": ms(answered.ttft),
        "latency_ms": ms(answered.latency),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_bounds_the_largest_counts() {
        let of = |body: Value| bounds(body.to_string().as_bytes());
        assert_eq!(of(json!({"messages": []})), (None, 1));
        assert_eq!(of(json!({"max_tokens": 5, "max_completion_tokens": 9, "n": 3})), (Some(9), 3));
        let gemini =
            json!({"max_tokens": 1, "generationConfig": {"maxOutputTokens": 7, "candidateCount": 2}});
        assert_eq!(of(gemini), (Some(7), 2));
        assert_eq!(of(json!({"options": {"num_predict": -1}, "n": 0})), (None, 1));
        assert_eq!(of(json!({"max_tokens": u64::MAX})), (Some(u32::MAX), 1));
        assert_eq!(bounds(b"no json"), (None, 1));
    }

    #[test]
    fn a_reply_cannot_change_how_a_request_is_framed() {
        for name in
            ["Host", "content-length", "Transfer-Encoding", "connection", "accept-encoding", "a b", ""]
        {
            let mut sending =
                Sending { scenario: 0, index: 0, id: "t-0".into(), head: None, body: Vec::new() };
            let why = sending.change(json!({"headers": {name: "1"}})).err().unwrap();
            assert!(why.contains(&format!("gave a header `{name}`")), "{why}");
        }
    }
}
