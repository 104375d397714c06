//! One JSON value that holds a prompt.
//!
//! Members that mean nothing here are passed over, so that data sets can be used as they are. Values are taken
//! apart where they lie: nothing is copied but what is kept.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json::Kind;
use super::{Reading, conversation};
use crate::corpus::Corpus;
use crate::messages::{check, write_message, write_user_message, write_written_message};

/// Members that hold a prompt, by themselves.
pub(super) const PROMPTS: [&str; 4] = ["prompt", "messages", "text", "input"];

/// Members and columns that bound the answer.
pub(super) const LIMITS: [&str; 4] =
    ["max_tokens", "output_tokens", "max_completion_tokens", "max_output_tokens"];

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Where, in bytes from the start of the value.
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
    /// Whether the value has no end.
    pub(super) is_cut: bool,
}

/// Reads a value into the corpus.
pub(super) fn read(value: &str, kind: Kind, how: Reading<'_>, corpus: &mut Corpus) -> Result<(), Wrong> {
    let members =
        Members::of(value, how.column).map_err(|why| bad_json(value, value, &why, kind.example()))?;
    let one = One { value, help: kind.example() };
    // A value that has a prompt of its own may have a conversation besides; not when conversations are asked for.
    let is_free = kind != Kind::Any || !members.has_prompt();
    match (kind, members.conversations, members.body) {
        (Kind::Any | Kind::Conversation, Some(turns), _) if is_free => {
            let max_tokens = one.limit(&members)?;
            conversation::read(turns, how.turns, max_tokens, corpus)
                .map_err(|why| bad_json(value, turns.get(), &why, Kind::Conversation.example()))
        }
        (Kind::Conversation, ..) => Err(one.wrong("this has no `conversations`")),
        (Kind::Any | Kind::Batch, _, Some(body)) if is_free => batch(value, &members, body, how, corpus),
        (Kind::Batch, ..) => Err(one.wrong("this has no `body`")),
        (Kind::Any, ..) => one.prompt(&members, None, how.column, corpus),
    }
}

/// Whether a line is a value that holds a prompt.
pub(crate) fn is_prompt(line: &str, column: Option<&str>) -> bool {
    line.trim_start().starts_with('{')
        && Members::of(line, column).is_ok_and(|members| {
            members.has_prompt() || members.conversations.is_some() || members.body.is_some()
        })
}

/// The request of a batch.
fn batch(
    value: &str,
    members: &Members<'_>,
    body: &RawValue,
    how: Reading<'_>,
    corpus: &mut Corpus,
) -> Result<(), Wrong> {
    let one = One { value, help: Kind::Batch.example() };
    if let Some(url) = members.url.as_deref()
        && !["chat/completions", "responses", "completions"].iter().any(|end| url.ends_with(end))
    {
        return Err(one.wrong(format!("a request to `{url}` asks for no text")));
    }
    let inner = Members::of(body.get(), how.column)
        .map_err(|why| bad_json(value, body.get(), &why, Kind::Batch.example()))?;
    one.prompt(&inner, inner.instructions, how.column, corpus)
}

/// A value that is read, with what its problems need.
struct One<'a> {
    value: &'a str,
    help: &'static str,
}

impl One<'_> {
    /// Takes the one prompt that is among the members, behind the system's message if there is one.
    fn prompt(
        &self,
        members: &Members<'_>,
        system: Option<&RawValue>,
        column: Option<&str>,
        corpus: &mut Corpus,
    ) -> Result<(), Wrong> {
        let max_tokens = self.limit(members)?;
        let (name, prompt) = self.the_one(members, column)?;
        let system = system.map(|text| self.text(text)).transpose()?;
        match prompt.get().as_bytes().first() {
            Some(b'"') if name != "messages" => {
                let text = self.text(prompt)?;
                if text.is_empty() {
                    return Err(self.at(prompt, "this prompt is empty"));
                }
                corpus.push(max_tokens, |out| match (system, text) {
                    (Some(system), text) => {
                        out.push(b'[');
                        write_message(out, "system", &system);
                        out.push(b',');
                        write_message(out, "user", &text);
                        out.push(b']');
                    }
                    // Without escapes, the text is in the file as it will be sent.
                    (None, Cow::Borrowed(_)) => write_written_message(out, prompt.get()),
                    (None, Cow::Owned(text)) => write_user_message(out, &text),
                });
                Ok(())
            }
            Some(b'[') => {
                let messages = prompt.get();
                check(messages).map_err(|why| bad_json(self.value, messages, &why, self.help))?;
                corpus.push(max_tokens, |out| match system {
                    Some(system) => {
                        out.push(b'[');
                        write_message(out, "system", &system);
                        out.push(b',');
                        out.extend_from_slice(messages.strip_prefix('[').unwrap_or(messages).as_bytes());
                    }
                    None => out.extend_from_slice(messages.as_bytes()),
                });
                Ok(())
            }
            Some(_) | None if name == "messages" => Err(self.at(prompt, "`messages` must be a list")),
            Some(_) | None => Err(self.at(prompt, format!("`{name}` must be a text or a list of messages"))),
        }
    }

    /// The only member that holds a prompt.
    fn the_one<'v>(
        &self,
        members: &Members<'v>,
        column: Option<&str>,
    ) -> Result<(&'v str, &'v RawValue), Wrong> {
        match (members.prompts().as_slice(), column) {
            (&[one], _) => Ok(one),
            ([], Some(column)) => Err(self.wrong(format!("this has no `{column}`"))),
            ([], None) => Err(self.wrong("this has neither `prompt` nor `messages`")),
            (several, _) => {
                let names: Vec<String> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
                let message = format!("this has both {}", names.join(" and "));
                let help = "keep one of them, or say which column is sent";
                Err(Wrong { help: help.into(), ..self.wrong(message) })
            }
        }
    }

    fn text<'v>(&self, raw: &'v RawValue) -> Result<Cow<'v, str>, Wrong> {
        let text: Result<Text<'v>, _> = serde_json::from_str(raw.get());
        text.map(|Text(text)| text).map_err(|why| bad_json(self.value, raw.get(), &why, self.help))
    }

    /// The bound of the answer.
    fn limit(&self, members: &Members<'_>) -> Result<Option<NonZeroU32>, Wrong> {
        match members.limit {
            None => Ok(None),
            Some((name, limit)) => match NonZeroU32::new(limit) {
                Some(limit) => Ok(Some(limit)),
                None => Err(self.wrong(format!("an answer of zero tokens: `{name}` must be above zero"))),
            },
        }
    }

    fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong { offset: 0, message: message.into(), help: self.help.into(), is_cut: false }
    }

    fn at(&self, part: &RawValue, message: impl Into<String>) -> Wrong {
        Wrong { offset: offset_within(self.value, part.get()), ..self.wrong(message) }
    }
}

/// A text that is borrowed when it has no escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The members of a value that mean something here.
#[derive(Default)]
struct Members<'a> {
    /// In the order of [`PROMPTS`].
    prompts: [Option<&'a RawValue>; PROMPTS.len()],
    /// What the member of the asked name has.
    named: Option<(&'a str, &'a RawValue)>,
    limit: Option<(&'static str, u32)>,
    conversations: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
    instructions: Option<&'a RawValue>,
    url: Option<Cow<'a, str>>,
}

impl<'a> Members<'a> {
    fn of(value: &'a str, column: Option<&'a str>) -> serde_json::Result<Members<'a>> {
        let mut json = serde_json::Deserializer::from_str(value);
        let members = json.deserialize_map(Reader { column })?;
        json.end()?;
        Ok(members)
    }

    fn has_prompt(&self) -> bool {
        self.named.is_some() || self.prompts.iter().any(Option::is_some)
    }

    /// Names and values of the members that hold a prompt: only the one of the asked name, if one was asked for.
    fn prompts(&self) -> Vec<(&'a str, &'a RawValue)> {
        match self.named {
            Some(named) => vec![named],
            None => {
                let known = PROMPTS.iter().zip(self.prompts);
                known.filter_map(|(name, value)| value.map(|value| (*name, value))).collect()
            }
        }
    }
}

struct Reader<'n> {
    column: Option<&'n str>,
}

impl<'de: 'n, 'n> Visitor<'de> for Reader<'n> {
    type Value = Members<'n>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'n>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Name { column: self.column })? {
            match name {
                Known::Asked => {
                    let value = present(map.next_value()?);
                    members.named = self.column.zip(value);
                }
                Known::Prompt(which) => {
                    let value = present(map.next_value()?);
                    // With a column asked for, the others are just members.
                    if self.column.is_none() {
                        members.prompts[which] = value;
                    }
                }
                Known::Limit(which) => {
                    let limit: Option<u32> = map.next_value()?;
                    members.limit = members.limit.or(limit.map(|limit| (LIMITS[which], limit)));
                }
                Known::Conversations => members.conversations = present(map.next_value()?),
                Known::Body => members.body = present(map.next_value()?),
                Known::Instructions => members.instructions = present(map.next_value()?),
                Known::Url => members.url = map.next_value::<Option<Text<'de>>>()?.map(|Text(url)| url),
                Known::Nothing => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

/// `null` is as good as a missing member.
fn present(value: &RawValue) -> Option<&RawValue> {
    Some(value).filter(|value| value.get() != "null")
}

enum Known {
    /// The member that was asked for.
    Asked,
    Prompt(usize),
    Limit(usize),
    Conversations,
    Body,
    Instructions,
    Url,
    Nothing,
}

struct Name<'n> {
    column: Option<&'n str>,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Known, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Known, E> {
        let place = |names: &[&str]| names.iter().position(|known| *known == name);
        Ok(match name {
            asked if self.column == Some(asked) => Known::Asked,
            "conversations" | "conversation" => Known::Conversations,
            "body" => Known::Body,
            "instructions" => Known::Instructions,
            "url" => Known::Url,
            _ => match (place(&PROMPTS), place(&LIMITS)) {
                (Some(which), _) => Known::Prompt(which),
                (None, Some(which)) => Known::Limit(which),
                (None, None) => Known::Nothing,
            },
        })
    }
}

/// What the JSON library says of `part`, which lies in `value`.
fn bad_json(value: &str, part: &str, why: &serde_json::Error, help: &str) -> Wrong {
    let said = said(why);
    let message = match why.is_data() {
        true if said.starts_with("invalid") => format!("this is not a prompt: {said}"),
        true => said,
        false => format!("this is not valid JSON: {said}"),
    };
    let offset = offset_within(value, part) + offset_of(part, why);
    Wrong { offset, message, help: help.into(), is_cut: why.is_eof() }
}

/// What the JSON library says, without its position: the place in the file is given beside it.
pub(super) fn said(why: &serde_json::Error) -> String {
    let said = why.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    match said.contains("recursion limit") {
        true => "this is nested too deeply".into(),
        false => said.into(),
    }
}

/// The byte of a JSON text at which it went wrong.
pub(super) fn offset_of(json: &str, why: &serde_json::Error) -> usize {
    let before: usize = json.split_inclusive('\n').take(why.line().saturating_sub(1)).map(str::len).sum();
    (before + why.column().saturating_sub(1)).min(json.len())
}

/// Where a part starts within the text that it was taken from.
fn offset_within(value: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(value.as_ptr() as usize).min(value.len())
}
