//! The report for people: headings at the left, what belongs to them beside.

use std::fmt::Write;

use floodline_core::grouped;

use super::report::{Report, Tokens};
use crate::category::Category;
use crate::logs::Unusable;
use crate::privacy::{Kind, Kinds};

/// Columns of the headings.
const HEADING: usize = 11;

impl Report {
    /// The report for people. `written_to` is where the corpus went; `None` says that nothing was written.
    pub fn text(&self, written_to: Option<&str>) -> String {
        let mut sheet = String::new();
        let mut say = |heading: &str, text: String| {
            let _ = writeln!(sheet, "{heading:HEADING$} {text}");
        };
        say("read", counted(self.lines, "line"));
        let formats: Vec<String> =
            self.formats.iter().map(|(format, n)| format!("{} {}", grouped(*n), format.word())).collect();
        let of = if formats.is_empty() { String::new() } else { format!(": {}", formats.join(", ")) };
        say("prompts", format!("{}{of}", grouped(self.prompts)));
        if self.unusable_total() > 0 {
            say("unusable", format!("{} of the lines and records", grouped(self.unusable_total())));
            for reason in Unusable::ALL {
                if let Some(n) = self.unusable.get(&reason) {
                    say("", format!("{:>9}  {}", grouped(*n), reason.words()));
                }
            }
        }
        if self.repeated > 0 {
            say("repeated", format!("{} (kept: real traffic repeats itself)", grouped(self.repeated)));
        }
        if self.too_short + self.too_long > 0 {
            let (short, long) = (grouped(self.too_short), grouped(self.too_long));
            say("not taken", format!("{short} with too few tokens, {long} with too many"));
        }
        if let Some((size, seed)) = self.sample {
            say("sample", format!("{} asked for, seed {seed}", grouped(size as u64)));
        }
        let place =
            written_to.map_or("written if this were no dry run".into(), |place| format!("to {place}"));
        say("written", format!("{} {place}", counted(self.written, "prompt")));
        let lengths: Vec<String> = Category::ALL
            .iter()
            .map(|c| format!("{} {}", c.name(), grouped(self.categories.get(c).copied().unwrap_or(0))))
            .collect();
        say("lengths", format!("{} (under 256 tokens, under 2,048, more)", lengths.join(", ")));
        if let Some(spread) = spread(&self.tokens) {
            say("tokens", format!("{spread}, {} in all, by {}", grouped(self.tokens.sum()), self.vocabulary));
        }
        if let Some(model) = &self.unknown_model {
            say("", format!("the vocabulary of `{model}` is not known; this one is near it for most text"));
        }
        match spread(&self.output_tokens) {
            Some(spread) => say(
                "answers",
                format!("{spread}, known for {}", counted(self.output_tokens.count(), "prompt")),
            ),
            None => say("answers", "their lengths are not in the log".into()),
        }
        self.removals(&mut say);
        sheet
    }

    fn removals(&self, say: &mut impl FnMut(&str, String)) {
        if self.removed.total() == 0 {
            say("removed", "nothing was found".into());
        } else {
            let (places, prompts) = (counted(self.removed.total(), "place"), counted(self.touched, "prompt"));
            say("removed", format!("{places} in {prompts}"));
        }
        for kind in self.kinds.iter().filter(|&kind| self.removed.of(kind) > 0) {
            say("", format!("{:>9}  {}", grouped(self.removed.of(kind)), kind.word()));
        }
        let kept: Vec<&str> = Kinds::all().iter().filter(|&k| !self.kinds.has(k)).map(Kind::word).collect();
        if !kept.is_empty() {
            say("KEPT", format!("not looked for: {}", kept.join(", ")));
        }
        if self.kinds.has(Kind::Name) && !self.names_listed {
            say("note", "names in texts were not looked for: give a list of them with --names".into());
        }
        if self.dropped.total() > 0 {
            let prompts = counted(self.dropped.total(), "prompt");
            say("DROPPED", format!("{prompts} in which a second look still found something"));
        }
        let out = self.left_out;
        for (n, what) in [
            (out.attachments, "picture, sound or file (a note stands in its place)"),
            (out.reasoning, "block of reasoning"),
            (out.tool_lists, "list of tools"),
        ] {
            if n > 0 {
                say("left out", format!("{} x {what}", grouped(n)));
            }
        }
        for kind in self.kinds.iter() {
            for example in self.examples.iter().filter(|example| example.kind == kind) {
                say("example", format!("{:6} {}", kind.word(), example.text));
            }
        }
    }

    /// Why there is no corpus, if there is none.
    pub fn nothing(&self) -> Option<String> {
        if self.written > 0 {
            return None;
        }
        if self.lines == 0 {
            return Some("there is nothing in the log".into());
        }
        let mut why: Vec<String> = Unusable::ALL
            .iter()
            .filter_map(|reason| Some(format!("{} {}", grouped(*self.unusable.get(reason)?), reason.words())))
            .collect();
        for (n, what) in [
            (self.too_short, "prompts with too few tokens"),
            (self.too_long, "prompts with too many tokens"),
            (self.dropped.total(), "prompts in which a second look still found something"),
        ] {
            if n > 0 {
                why.push(format!("{} {what}", grouped(n)));
            }
        }
        let read = counted(self.lines, "line");
        let mut text = format!("no prompt can be used of {read}");
        if !why.is_empty() {
            let _ = write!(text, ": {}", why.join(", "));
        }
        if self.prompts == 0 && !self.shapes.is_empty() {
            let _ = write!(text, "\n  found: {}", self.shapes.join("; "));
            text.push_str(
                "\n  expected: requests to OpenAI or Anthropic, LiteLLM's logs, or OpenTelemetry spans with GenAI \
                 attributes, as JSON",
            );
        }
        Some(text)
    }
}

fn spread(tokens: &Tokens) -> Option<String> {
    let at = |percent| tokens.percentile(percent).map(|n| grouped(u64::from(n)));
    Some(format!("min {}, p50 {}, p90 {}, p99 {}, max {}", at(0)?, at(50)?, at(90)?, at(99)?, at(100)?))
}

fn counted(n: u64, singular: &str) -> String {
    format!("{} {singular}{}", grouped(n), if n == 1 { "" } else { "s" })
}
