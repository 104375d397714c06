//! What the user's own program has to say about a request and its answer.

use floodline_core::Outcome;
use floodline_core::journey::Answered;
use floodline_core::workload::Rendered;
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
        let asked = self.worker.clock.now();
        self.held_since = Some(asked);
        let reply = hooks.ask(&question).await;
        let took = self.worker.clock.now().since(asked);
        self.held_since = None;
        if let Some(record) = &mut self.record {
            record.hook = Some(took);
            record.held = Some(record.held.unwrap_or_default() + took);
        }
        let changed = reply.and_then(|reply| sending.change(reply));
        match changed {
            Err(why) => Err(self.end(Outcome::NotSent, Some(why))),
            Ok(false) => {
                self.asked = Some(question);
                Ok(())
            }
            Ok(true) => {
                self.asked =
                    Some(self.question("before", sending.described(self.worker.target(self.target))));
                if let Some(tab) = &mut self.tab {
                    let max_tokens = bound(&sending.body).or(Some(tab.worst.output));
                    let rendered = Rendered {
                        target: 0,
                        prompt: 0,
                        input_tokens: None,
                        input_bound: None,
                        max_tokens,
                        head: None,
                    };
                    tab.worst = common.ledger.worst(&rendered, &sending.body);
                }
                Ok(())
            }
        }
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

impl Sending {
    fn described(&self, target: &crate::target::Target) -> Value {
        let (method, path) = target.line(self.head.as_deref());
        let fields = self.head.iter().flat_map(|head| &head.fields);
        let headers: Map<String, Value> =
            fields.map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
        json!({"method": method, "path": path, "headers": headers, "body": body_of(&self.body)})
    }

    /// Takes over what a reply says; whether that is anything.
    fn change(&mut self, reply: Value) -> Result<bool, String> {
        let Value::Object(mut reply) = reply else {
            return Err("the program of `exec` answered no JSON object".into());
        };
        if let Some(error) = reply.get("error") {
            return Err(error.as_str().map_or_else(|| error.to_string(), str::to_owned));
        }
        let mut changed = false;
        if let Some(path) = reply.get("path") {
            let path = path
                .as_str()
                .filter(|path| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
            let path = path.ok_or("the program of `exec` gave a `path` that cannot be sent")?;
            self.head.get_or_insert_default().path = Some(path.into());
            changed = true;
        }
        if let Some(headers) = reply.get("headers") {
            let headers =
                headers.as_object().ok_or("the program of `exec` gave `headers` that are no object")?;
            for (name, value) in headers {
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
            }
            changed |= !headers.is_empty();
        }
        if let Some(body) = reply.remove("body") {
            self.body = match body {
                Value::String(text) => text.into_bytes(),
                json => json.to_string().into_bytes(),
            };
            changed = true;
        }
        Ok(changed)
    }
}

/// A body as JSON if it is that, else as text.
fn body_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// The bound on output tokens that a body carries, at its top or one level below.
fn bound(body: &[u8]) -> Option<u32> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let of = |members: &Map<String, Value>| BOUNDS.iter().find_map(|name| members.get(*name)?.as_u64());
    let inner = || body.values().filter_map(Value::as_object).find_map(of);
    u32::try_from(of(&body).or_else(inner)?).ok()
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
