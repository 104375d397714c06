//! The messages of a prompt as JSON: making them, checking them, and finding the texts in them, without a tree.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Appends the JSON array of one message of the user.
pub(crate) fn write_user_message(out: &mut Vec<u8>, text: &str) {
    out.push(b'[');
    write_message(out, "user", text);
    out.push(b']');
}

/// The same of a text that is JSON already.
pub(crate) fn write_written_message(out: &mut Vec<u8>, string: &str) {
    out.extend_from_slice(br#"[{"role":"user","content":"#);
    out.extend_from_slice(string.as_bytes());
    out.extend_from_slice(b"}]");
}

/// Appends one message.
pub(crate) fn write_message(out: &mut Vec<u8>, role: &str, text: &str) {
    out.extend_from_slice(br#"{"role":"#);
    write_string(out, role);
    out.extend_from_slice(br#","content":"#);
    write_string(out, text);
    out.push(b'}');
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing text into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Checks a JSON array of messages.
pub(crate) fn check(messages: &str) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(messages);
    List { text: &mut |_| {} }.deserialize(&mut json)?;
    json.end()
}

/// Hands each text of the contents of messages, a JSON array, to `text`, in order: strings, and the texts in lists of
/// parts. Ends where the messages are none.
pub fn for_each_text(messages: &[u8], text: &mut dyn FnMut(&str)) {
    let mut json = serde_json::Deserializer::from_slice(messages);
    // Messages in a corpus were checked when they were read.
    let _ = List { text }.deserialize(&mut json);
}

/// A list of messages.
struct List<'f> {
    text: &'f mut dyn FnMut(&str),
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 1;
        while list.next_element_seed(Message { number, text: self.text })?.is_some() {
            number += 1;
        }
        match number {
            1 => Err(A::Error::custom("`messages` is an empty list")),
            _ => Ok(()),
        }
    }
}

struct Message<'f> {
    /// From 1.
    number: usize,
    text: &'f mut dyn FnMut(&str),
}

impl<'de> DeserializeSeed<'de> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message with a role and a content")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut message: A) -> Result<(), A::Error> {
        let mut has_role = false;
        while let Some(member) = message.next_key_seed(Member)? {
            match member {
                MemberName::Role => has_role |= message.next_value_seed(IsText)?,
                MemberName::Content => message.next_value_seed(Content { text: self.text })?,
                MemberName::Text | MemberName::Other => {
                    message.next_value::<IgnoredAny>()?;
                }
            }
        }
        match has_role {
            true => Ok(()),
            false => Err(A::Error::custom(format_args!("message {} has no `role`", self.number))),
        }
    }
}

/// What a message says: a text, a list of parts, a part, or nothing.
struct Content<'f> {
    text: &'f mut dyn FnMut(&str),
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.text)(text);
        Ok(())
    }

    /// The answer of an assistant that called tools has no content.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        while parts.next_element_seed(Content { text: self.text })?.is_some() {}
        Ok(())
    }

    /// A part has its text, or, as the result of a tool, a content of its own; images and the like have neither.
    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<(), A::Error> {
        while let Some(member) = part.next_key_seed(Member)? {
            match member {
                MemberName::Text | MemberName::Content => {
                    part.next_value_seed(Content { text: self.text })?;
                }
                MemberName::Role | MemberName::Other => {
                    part.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum MemberName {
    Role,
    Content,
    Text,
    Other,
}

struct Member;

impl<'de> DeserializeSeed<'de> for Member {
    type Value = MemberName;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<MemberName, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Member {
    type Value = MemberName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<MemberName, E> {
        Ok(match name {
            "role" => MemberName::Role,
            "content" => MemberName::Content,
            "text" => MemberName::Text,
            _ => MemberName::Other,
        })
    }
}

/// Whether a value is a text; whatever else it is is passed over.
struct IsText;

impl<'de> DeserializeSeed<'de> for IsText {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for IsText {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(messages: &str) -> Vec<String> {
        check(messages).unwrap();
        let mut found = Vec::new();
        for_each_text(messages.as_bytes(), &mut |text| found.push(text.to_owned()));
        found
    }

    #[test]
    fn texts_are_found_in_strings_and_in_parts_and_nowhere_else() {
        let messages = r#"[
            {"role": "system", "content": "be \"brief\"\n"},
            {"role": "user", "name": "me", "content": [
                {"type": "text", "text": "what is"},
                {"type": "image_url", "image_url": {"url": "data:text"}},
                {"text": "this?", "type": "input_text"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"arguments": "{}"}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "a cat"}]}]}
        ]"#;
        assert_eq!(texts(messages), ["be \"brief\"\n", "what is", "this?", "a cat"]);
        assert_eq!(texts(r#"[{"role": "user"}]"#), [] as [&str; 0]);
    }

    #[test]
    fn what_is_no_list_of_messages_says_why() {
        let why = |messages: &str| check(messages).unwrap_err().to_string();
        for (messages, said) in [
            ("[]", "`messages` is an empty list"),
            (r#"[{"role": "user"}, {"content": "x"}]"#, "message 2 has no `role`"),
            (r#"[{"role": null, "content": "x"}]"#, "message 1 has no `role`"),
            (r#"[{"role": 1}]"#, "expected a text"),
            (r#"["hello"]"#, "expected a message with a role"),
            (r#"[{"role": "user", "content": 3}]"#, "expected a text or a list of parts"),
            (r#"[{"role": "user", "content": "\ud800"}]"#, "unexpected end of hex escape"),
            (r#"[{"role": "user"}"#, "EOF"),
            (r#"[{"role": "user"}] x"#, "trailing characters"),
        ] {
            assert!(why(messages).contains(said), "{messages}: {}", why(messages));
        }
        let deep = format!(r#"[{{"role": "user", "content": {}1{}}}]"#, "[".repeat(500), "]".repeat(500));
        assert!(why(&deep).contains("recursion limit"), "{}", why(&deep));
    }

    #[test]
    fn a_message_that_is_made_says_what_it_was_given() {
        let mut out = Vec::new();
        write_user_message(&mut out, "a \"b\"\n\u{1}é");
        assert_eq!(texts(std::str::from_utf8(&out).unwrap()), ["a \"b\"\n\u{1}é"]);
    }
}
