use proptest::prelude::*;

use super::super::format::Said;
use super::*;
use crate::written::Format;

fn read(text: &str) -> Result<Recorded, Box<Problem>> {
    Said { format: Some(Format::Mooncake), ..Said::default() }.read("t.jsonl", text.as_bytes())
}

const GOOD: &str = r#"{"timestamp": 0, "input_length": 9, "output_length": 5, "hash_ids": [1]}"#;

#[test]
fn mistakes_name_their_line_and_column_and_what_was_expected() {
    for (line, column, said) in [
        (r#"{"timestamp": "x", "input_length": 9, "output_length": 5}"#, 15, "milliseconds"),
        (r#"{"timestamp": 0, "input_length": -9, "output_length": 5}"#, 34, "whole number of tokens"),
        (r#"{"timestamp": 0, "input_length": 9}"#, 1, "has no `output_length`"),
        (r#"{"timestamp": null, "input_length": 9, "output_length": 5}"#, 1, "has no `timestamp`"),
        (r#"{"é": 1, "timestamp": 0, "input_length": 9, "output_length": {}}"#, 62, "is not a output_length"),
        (
            r#"{"timestamp": 0, "input_length": 9, "output_length": 5, "hash_ids": [1, "b"]}"#,
            73,
            "whole number",
        ),
        (
            r#"{"timestamp": 0, "input_length": 9, "output_length": 5, "hash_ids": {}}"#,
            69,
            "list of whole numbers",
        ),
        (
            r#"{"timestamp": 0, "input_length": 9, "output_length": 5, "hash_ids": [1, 2]}"#,
            69,
            "block_tokens: 16",
        ),
        (r#"{"timestamp": 0"#, 15, "not valid JSON"),
        (r#"{"timestamp": 0} 5"#, 18, "not valid JSON"),
        ("[1, 2]", 1, "not a request"),
    ] {
        let problem = read(&format!("{GOOD}\n\n{line}\n")).unwrap_err();
        assert_eq!(problem.position(), Some(("t.jsonl", 3, column)), "{problem}");
        assert!(problem.to_string().contains(said), "{problem}");
    }
}

#[test]
fn blocks_may_be_of_another_length_and_the_last_may_be_unnamed() {
    let line = r#"{"timestamp": 0, "input_length": 40, "output_length": 5, "hash_ids": [1, 2]}"#;
    let said = Said { format: Some(Format::Mooncake), block_tokens: Some(16), ..Said::default() };
    assert_eq!(said.read("t", line.as_bytes()).unwrap().blocks, [2, 1, 2]);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\{\"timestamp\": ?[0-9.eE+-]{0,5},?|[\\[\\]{}\",:0-9a-zé\\\\\n]){0,40}") {
        for format in [Format::Azure, Format::BurstGpt, Format::Mooncake] {
            let _ = Said { format: Some(format), ..Said::default() }.read("t", text.as_bytes());
        }
        let _ = Said::default().read("t", text.as_bytes());
    }
}
