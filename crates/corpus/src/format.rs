//! The formats of files of prompts, and how a file's is recognised.

use crate::read::{item, table};

/// How a file writes its prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON, a value a line, or one list of them: `{"prompt": "..."}`, `{"messages": [...]}`, and whatever the
    /// other two kinds of JSON hold.
    Jsonl,
    /// A table with a header: commas, semicolons or tabs between its columns.
    Csv,
    /// Plain text, a prompt a line.
    Lines,
    /// Plain text, blank lines between the prompts.
    Paragraphs,
    /// Recorded conversations, `{"conversations": [{"from": "human", "value": "..."}]}`, as a list or a line each.
    ShareGpt,
    /// OpenAI's batch files: `{"custom_id": "...", "url": "...", "body": {...}}`, a line each.
    OpenAiBatch,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] = [
        Format::Jsonl,
        Format::Csv,
        Format::Lines,
        Format::Paragraphs,
        Format::ShareGpt,
        Format::OpenAiBatch,
    ];

    /// The name that a scenario calls it by.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Lines => "lines",
            Format::Paragraphs => "paragraphs",
            Format::ShareGpt => "sharegpt",
            Format::OpenAiBatch => "openai-batch",
        }
    }

    /// The format of a name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format of a file that does not say, by the end of its name and by how its text begins. `column` is the
    /// member or the column that has the prompt, if that was said.
    pub(crate) fn recognise(file: &str, text: &str, column: Option<&str>) -> Format {
        let ending = file.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        match ending.as_str() {
            "jsonl" | "ndjson" | "json" => Format::Jsonl,
            "csv" | "tsv" => Format::Csv,
            // JSON under the name of plain text was hardly meant to be asked as it stands.
            "txt" | "text" | "md" if item::is_prompt(first, column) => Format::Jsonl,
            "txt" | "text" | "md" => Format::Lines,
            _ if first.trim_start().starts_with(['{', '[']) => Format::Jsonl,
            _ if table::is_header(first, column) => Format::Csv,
            _ => Format::Lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_formats_are_one_to_one() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
        assert_eq!(Format::from_name("JSONL"), None);
    }

    #[test]
    fn a_file_is_recognised_by_its_ending_and_its_beginning() {
        for (file, text, format) in [
            ("p.jsonl", "anything", Format::Jsonl),
            ("p.JSON", "[1]", Format::Jsonl),
            ("p.csv", "anything", Format::Csv),
            ("p.tsv", "", Format::Csv),
            ("p.txt", "What is a prompt, really?", Format::Lines),
            ("p.txt", "\n{\"prompt\": \"a\"}\n", Format::Jsonl),
            ("p.txt", "{braces} are allowed", Format::Lines),
            ("p.txt", "{\"other\": 1}", Format::Lines),
            ("prompts", "\n [{\"conversations\"", Format::Jsonl),
            ("prompts", "id,Prompt\n", Format::Csv),
            ("prompts", "id;text;n\n", Format::Csv),
            ("prompts", "text\n", Format::Lines),
            ("some.dir/prompts", "Tell me, text or prompt?", Format::Lines),
            ("prompts", "", Format::Lines),
        ] {
            assert_eq!(Format::recognise(file, text, None), format, "{file}: {text}");
        }
        assert_eq!(Format::recognise("p", "question\nWhy?", Some("question")), Format::Csv);
        assert_eq!(Format::recognise("p.txt", "{\"question\": \"Why?\"}", Some("question")), Format::Jsonl);
    }
}
