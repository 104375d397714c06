//! One message of a conversation, as a corpus holds it.

use serde::Serialize;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The application, to the model.
    System,
    /// The same, of newer OpenAI models.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// A tool that the model has called.
    Tool,
}

impl Role {
    /// The role of this word, also of those of other vendors. What is unknown counts as the user's.
    pub(super) fn of_word(word: &str) -> Role {
        match word.to_ascii_lowercase().as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" | "ai" | "model" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            _ => Role::User,
        }
    }
}

/// A message in the shape of OpenAI's chat API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; parts of several kinds in one text.
    pub content: String,
    /// The name of the participant or the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tools that the model calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of text alone.
    pub(super) fn of_text(role: Role, content: impl Into<String>) -> Message {
        Message { role, content: content.into(), name: None, tool_calls: Vec::new(), tool_call_id: None }
    }

    /// Whether it says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.content.trim().is_empty() && self.tool_calls.is_empty()
    }
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ToolCall {
    /// What ties the answer to it.
    pub id: String,
    #[serde(rename = "type")]
    kind: Function,
    /// What is called, and with what.
    pub function: Call,
}

impl ToolCall {
    pub(super) fn new(id: &str, name: &str, arguments: String) -> ToolCall {
        ToolCall { id: id.into(), kind: Function::Function, function: Call { name: name.into(), arguments } }
    }
}

/// The only kind of tool there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
enum Function {
    Function,
}

/// A function and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// JSON, as a text.
    pub arguments: String,
}

/// What of requests was left out of their prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Pictures, sound and files; a note such as `[image]` stands in their place.
    pub attachments: u64,
    /// Reasoning of earlier answers.
    pub reasoning: u64,
    /// Lists of the tools that the model may call.
    pub tool_lists: u64,
}

impl LeftOut {
    /// Adds another's counts.
    pub(crate) fn merge(&mut self, other: LeftOut) {
        self.attachments += other.attachments;
        self.reasoning += other.reasoning;
        self.tool_lists += other.tool_lists;
    }
}
