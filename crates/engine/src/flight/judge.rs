//! What an answer is for those who judge it.

use floodline_core::journey::{Answered, AskedTool};
use floodline_core::{Moment, Outcome, Record};
use floodline_wire::answer::{Said, ToolCall};

use crate::answer::Heard;

/// An answer as its judge sees it.
pub(super) fn answered(
    outcome: Outcome,
    record: &Record,
    sent: Option<Moment>,
    said: Option<&Said>,
    heard: Option<Box<Heard>>,
) -> Answered {
    let Heard { headers, body } = heard.map(|heard| *heard).unwrap_or_default();
    let since = |moment: Option<Moment>| Some(moment?.since(sent?));
    let tool = |tool: &ToolCall| AskedTool {
        id: tool.id.clone(),
        name: tool.name.clone(),
        arguments: tool.arguments.clone(),
    };
    Answered {
        outcome,
        status: record.status,
        headers,
        body,
        text: said.map_or_else(String::new, |said| said.text.clone()),
        reasoning: said.map_or_else(String::new, |said| said.reasoning.clone()),
        tools: said.map_or_else(Vec::new, |said| said.tools.iter().map(tool).collect()),
        finish: record.finish,
        input_tokens: record.input_tokens,
        output_tokens: record.output_tokens,
        ttft: since(record.first_token),
        latency: since(record.last),
    }
}
