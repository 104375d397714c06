use proptest::prelude::*;

use super::*;
use crate::Prompt;

fn with(format: Format) -> Reading<'static> {
    Reading { format: Some(format), ..Reading::default() }
}

fn column(column: &str) -> Reading<'_> {
    Reading { column: Some(column), ..Reading::default() }
}

/// Messages and bounds of a file that is fine.
fn prompts_of(file: &str, text: &str, how: Reading<'_>) -> Vec<(String, Option<u32>)> {
    let corpus = read(file, text.as_bytes(), how).unwrap_or_else(|problems| panic!("{problems:?}"));
    let shown = |prompt: Prompt<'_>| {
        let messages = String::from_utf8(prompt.messages.to_vec()).unwrap();
        let _: serde_json::Value = serde_json::from_str(&messages).unwrap();
        (messages, prompt.max_tokens)
    };
    corpus.prompts().map(shown).collect()
}

/// The texts of a file that is fine, joined.
fn texts_of(file: &str, text: &str, how: Reading<'_>) -> Vec<String> {
    let corpus = read(file, text.as_bytes(), how).unwrap_or_else(|problems| panic!("{problems:?}"));
    let joined = |prompt: Prompt<'_>| {
        let mut texts = Vec::new();
        crate::messages::for_each_text(prompt.messages, &mut |text| texts.push(text.to_owned()));
        texts.join("|")
    };
    corpus.prompts().map(joined).collect()
}

/// What is wrong with a file, a problem a line: line, column and message.
fn wrong(file: &str, bytes: impl AsRef<[u8]>, how: Reading<'_>) -> Vec<String> {
    let problems = read(file, bytes.as_ref(), how).unwrap_err();
    assert!(problems.iter().all(|p| p.file == file && !p.help.is_empty() && !p.message.is_empty()));
    let shown = |problem: &Problem| match problem.place {
        Some(Place { line, column }) => format!("{line}:{column} {}", problem.message),
        None => problem.message.clone(),
    };
    problems.iter().map(shown).collect()
}

fn help(file: &str, bytes: impl AsRef<[u8]>) -> String {
    read(file, bytes.as_ref(), Reading::default()).unwrap_err().remove(0).help
}

fn user(text: &str) -> String {
    format!(r#"[{{"role":"user","content":"{text}"}}]"#)
}

const ANY: Reading<'static> = Reading { format: None, column: None, turns: Turns::First };

#[test]
fn lines_of_json_hold_a_prompt_by_any_name() {
    let text = r#"{"prompt": "a \"b\" \u00e9", "max_tokens": 7, "id": {"x": [1]}}
{"text": "c", "output_tokens": 8}

   {"input": "d", "max_completion_tokens": 9, "prompt": null}  
{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "e"}], "max_tokens": null}
{"prompt": [{"role": "user", "content": "f"}]}"#;
    assert_eq!(
        prompts_of("p.jsonl", text, ANY),
        [
            (user(r#"a \"b\" é"#), Some(7)),
            (user("c"), Some(8)),
            (user("d"), Some(9)),
            (r#"[{"role": "system", "content": "s"}, {"role": "user", "content": "e"}]"#.into(), None),
            (r#"[{"role": "user", "content": "f"}]"#.into(), None),
        ]
    );
}

#[test]
fn a_named_member_is_the_prompt_whatever_else_there_is() {
    let text = r#"{"prompt": "no", "question": "yes", "messages": 3}"#;
    assert_eq!(texts_of("p.jsonl", text, column("question")), ["yes"]);
    assert_eq!(texts_of("p.jsonl", text, column("prompt")), ["no"]);
    assert_eq!(wrong("p.jsonl", text, column("answer")), ["1:1 this has no `answer`"]);
}

/// Only the body of a request has instructions to the model.
#[test]
fn other_members_are_passed_over() {
    let text = r#"{"input": "a", "instructions": "for annotators", "url": "https://h/", "role": 3}"#;
    assert_eq!(texts_of("p.jsonl", text, ANY), ["a"]);
}

#[test]
fn every_bad_line_of_json_is_named() {
    let text = r#"{"prompt": "fine"}
{"promt": "a"}
{"prompt": 3}
{"prompt": "a", "messages": []}
{"prompt": ""}
{"prompt": "é", x}
{"prompt": "not reached"
"#;
    assert_eq!(
        wrong("p.jsonl", text, ANY),
        [
            "2:1 this has neither `prompt` nor `messages`",
            "3:12 `prompt` must be a text or a list of messages",
            "4:1 this has both `prompt` and `messages`",
            "5:12 this prompt is empty",
            "6:17 this is not valid JSON: key must be a string",
        ]
    );
    for (line, said) in [
        (
            r#"{"prompt": "a", "max_tokens": 0}"#,
            "1:1 an answer of zero tokens: `max_tokens` must be above zero",
        ),
        (
            r#"{"prompt": "a", "max_tokens": -1}"#,
            "1:32 this is not a prompt: invalid value: integer `-1`, expected u32",
        ),
        (r#"{"messages": "a"}"#, "1:14 `messages` must be a list"),
        (r#"{"messages": {}}"#, "1:14 `messages` must be a list"),
        (r#"{"messages": []}"#, "1:15 `messages` is an empty list"),
        (r#"{"messages": [{"content": "a"}]}"#, "1:30 message 1 has no `role`"),
        (r#"{"prompt": "\ud800"}"#, "1:19 this is not valid JSON: unexpected end of hex escape"),
        (r#"["prompt"]"#, "1:9 this is not a prompt: invalid type: string \"prompt\", expected an object"),
        (r#""prompt""#, "1:8 this is not a prompt: invalid type: string \"prompt\", expected an object"),
        ("hello", "1:1 this is not valid JSON: expected value"),
    ] {
        assert_eq!(wrong("p.jsonl", line, ANY), [said], "{line}");
    }
}

#[test]
fn a_file_that_was_cut_says_so() {
    let cut = "{\"prompt\": \"a\"}\n{\"prompt\": \"b";
    assert_eq!(wrong("p.jsonl", cut, ANY), ["2:13 this is not valid JSON: EOF while parsing a string"]);
    assert!(help("p.jsonl", cut).contains("cut short"));
    // With a line behind it, the line is at fault and not the file's end.
    assert!(!help("p.jsonl", format!("{cut}\n{{\"prompt\": \"c\"}}")).contains("cut short"));
    let list = r#"[{"prompt": "a"}, {"prompt": "#;
    assert_eq!(wrong("p.json", list, ANY), ["1:29 the file ends in the middle of its list"]);
    let table = "prompt,n\nfine,1\n\"not closed,2\nrest";
    assert_eq!(wrong("p.csv", table, ANY), ["3:1 these quotes are never closed"]);
    assert_eq!(wrong("p.csv", "n,prompt\n1,\"a \"\"b", ANY), ["2:3 these quotes are never closed"]);
    assert_eq!(wrong("p.txt", b"fine\nna\xc3", ANY), ["2:3 the file ends within a character, on line 2"]);
}

#[test]
fn a_list_is_as_good_as_lines() {
    let text = "[\n  {\"prompt\": \"a\"},\n  {\"text\": \"b\",\n   \"max_tokens\": 3}\n]\n";
    assert_eq!(prompts_of("p.json", text, ANY), [(user("a"), None), (user("b"), Some(3))]);
    let bad = "[\n  {\"prompt\": \"a\"},\n  {\"text\": \"b\",\n   \"max_tokens\": -3}\n]\n";
    let said = "4:19 this is not a prompt: invalid value: integer `-3`, expected u32";
    assert_eq!(wrong("p.json", bad, ANY), [said]);
    assert_eq!(
        wrong("p.json", "[{\"prompt\": \"a\"},\n x]", ANY),
        ["2:2 this is not valid JSON: expected value"]
    );
    assert_eq!(
        wrong("p.json", "[3]", ANY),
        ["1:2 this is not a prompt: invalid type: integer `3`, expected an object"]
    );
    assert_eq!(wrong("p.json", "[]", ANY), ["this file has no prompts"]);
}

#[test]
fn tables_have_their_prompts_in_a_column() {
    let text = "id,Prompt,max_tokens\r\n1,\"a, \"\"b\"\"\nc\",7\r\n,,\r\n2,d,\r\n3,e\r\n";
    let expected = [(user(r#"a, \"b\"\nc"#), Some(7)), (user("d"), None), (user("e"), None)];
    assert_eq!(prompts_of("p.csv", text, ANY), expected);
    assert_eq!(texts_of("p.csv", "text;output_tokens\nwell, yes;3\n", ANY), ["well, yes"]);
    assert_eq!(texts_of("p.tsv", "n\ttext\n1\twell, yes\n", ANY), ["well, yes"]);
    assert_eq!(texts_of("p.csv", "question,text\nwhy?,no\n", column("Question")), ["why?"]);
    let messages = "messages\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\"}]\"\n";
    assert_eq!(texts_of("p.csv", messages, ANY), ["a"]);
    assert_eq!(texts_of("p.csv", "prompt\na\n\nb", ANY), ["a", "b"]);
}

#[test]
fn every_bad_row_of_a_table_is_named() {
    let text = "prompt,max_tokens\nfine,1\n\n\"two\nlines\",x\n,5\nb,0\n";
    assert_eq!(
        wrong("p.csv", text, ANY),
        [
            "5:8 `x` is not a number of tokens",
            "6:1 this prompt is empty",
            "7:3 `0` is not a number of tokens",
        ]
    );
    assert_eq!(wrong("p.csv", "n,prompt\n7\n", ANY), ["2:1 this row has no prompt"]);
    assert_eq!(
        wrong("p.csv", "a,b\n1,2\n", ANY),
        ["1:1 no column of this file is called `prompt`, `messages`, `text` or `input`"]
    );
    assert!(help("p.csv", "a,b\n1,2\n").contains("it has `a`, `b`"));
    assert_eq!(wrong("p.csv", "a,b\n1,2\n", column("c")), ["1:1 this file has no column `c`"]);
    assert_eq!(
        wrong("p.csv", "text,prompt\n1,2\n", ANY),
        ["1:1 this file has the columns `prompt` and `text`"]
    );
    assert_eq!(wrong("p.csv", "messages\n[]\n", ANY), ["2:2 `messages` is an empty list"]);
    assert_eq!(wrong("p.csv", "prompt\n", ANY), ["this file has no prompts"]);
}

/// Regression: quotes within a field without quotes are letters, at the end of a file too.
#[test]
fn a_quote_within_a_plain_field_is_no_open_quote() {
    assert_eq!(texts_of("p.csv", "prompt,n\na 5\" pipe,1", ANY), ["a 5\" pipe"]);
    assert_eq!(texts_of("p.csv", "n,prompt\n1,\"closed\"", ANY), ["closed"]);
    assert_eq!(texts_of("p.csv", "n,prompt\n1,\"closed\"\"\"\n\n", ANY), ["closed\""]);
}

#[test]
fn plain_text_is_a_prompt_a_line_or_a_paragraph() {
    let text = "a \"b\"\r\n\r\n  c\nd\n \n\n\ne";
    assert_eq!(texts_of("p.txt", text, ANY), ["a \"b\"", "  c", "d", "e"]);
    assert_eq!(texts_of("p.txt", text, with(Format::Paragraphs)), ["a \"b\"", "  c\nd", "e"]);
    assert_eq!(texts_of("p", "why?", ANY), ["why?"]);
    assert_eq!(texts_of("p.jsonl", "{\"prompt\": 1}", with(Format::Lines)), ["{\"prompt\": 1}"]);
}

const CONVERSATIONS: &str = r#"[
  {"id": "1", "conversations": [
    {"from": "system", "value": "be kind"},
    {"from": "human", "value": "first"},
    {"from": "gpt", "value": "one \"two\""},
    {"from": "tool", "value": "ignored"},
    {"from": "human", "value": "second"},
    {"from": "gpt", "value": "three four five"}]},
  {"id": "2", "conversations": []},
  {"id": "3", "conversations": [{"from": "gpt", "value": "well"}]},
  {"id": "4", "conversations": [{"from": "gpt", "value": "well"}, {"from": "human", "value": " "}]},
  {"id": "5", "conversations": [{"role": "user", "content": "alone"}], "max_tokens": 9},
  {"id": "6", "conversations": [{"from": "human", "value": null}]}
]"#;

#[test]
fn conversations_ask_what_the_person_asked() {
    let words = |text: &str| text.split_whitespace().count() as u32;
    for how in [ANY, with(Format::ShareGpt)] {
        let mut corpus = read("s.json", CONVERSATIONS.as_bytes(), how).unwrap();
        assert_eq!(corpus.left_out(), 4);
        corpus.count(&words);
        let seen: Vec<_> = corpus.prompts().map(|p| (p.messages.to_vec(), p.tokens, p.max_tokens)).collect();
        let expected =
            [(user("first").into_bytes(), Some(1), Some(2)), (user("alone").into_bytes(), Some(1), Some(9))];
        assert_eq!(seen, expected);
    }
    let all = Reading { turns: Turns::All, ..ANY };
    assert_eq!(texts_of("s.json", CONVERSATIONS, all), ["be kind|first|one \"two\"|second", "alone"]);
    let mut corpus = read("s.json", CONVERSATIONS.as_bytes(), all).unwrap();
    corpus.count(&words);
    assert_eq!(corpus.get(0).unwrap().max_tokens, Some(3));
}

#[test]
fn conversations_may_be_a_line_each() {
    let text = "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]}\n";
    assert_eq!(texts_of("s.jsonl", &text.repeat(2), ANY), ["a", "a"]);
}

#[test]
fn bad_conversations_are_named() {
    let how = with(Format::ShareGpt);
    assert_eq!(wrong("s.json", "[{\"prompt\": \"a\"}]", how), ["1:2 this has no `conversations`"]);
    let turn = r#"[{"conversations": [{"from": "human"}]}]"#;
    assert_eq!(wrong("s.json", turn, how), ["1:37 missing field `value`"]);
    let text = r#"[{"conversations": "a"}]"#;
    let said = "1:22 this is not a prompt: invalid type: string \"a\", expected a sequence";
    assert_eq!(wrong("s.json", text, how), [said]);
    let nobody = r#"[{"conversations": [{"from": "gpt", "value": "a"}]}]"#;
    assert_eq!(wrong("s.json", nobody, how), ["no conversation of this file has a turn of a person"]);
}

#[test]
fn the_requests_of_a_batch_are_prompts() {
    let text = r#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 5}}
{"custom_id": "2", "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": "b", "instructions": "brief", "max_output_tokens": 6}}
{"custom_id": "3", "url": "/v1/responses", "body": {"instructions": "brief", "input": [{"role": "user", "content": "c"}]}}
{"custom_id": "4", "url": "/v1/completions", "body": {"prompt": "d"}}
"#;
    for how in [ANY, with(Format::OpenAiBatch)] {
        assert_eq!(texts_of("b.jsonl", text, how), ["a", "brief|b", "brief|c", "d"]);
        let bounds: Vec<_> = prompts_of("b.jsonl", text, how).into_iter().map(|(_, bound)| bound).collect();
        assert_eq!(bounds, [Some(5), Some(6), None, None]);
    }
    let how = with(Format::OpenAiBatch);
    for (line, said) in [
        (r#"{"prompt": "a"}"#, "1:1 this has no `body`"),
        (
            r#"{"url": "/v1/embeddings", "body": {"input": "a"}}"#,
            "1:1 a request to `/v1/embeddings` asks for no text",
        ),
        (
            r#"{"url": "/v1/chat/completions", "body": {"model": "m"}}"#,
            "1:1 this has neither `prompt` nor `messages`",
        ),
        (r#"{"body": {"messages": [{"content": "a"}]}}"#, "1:39 message 1 has no `role`"),
        (r#"{"body": 3}"#, "1:10 this is not a prompt: invalid type: integer `3`, expected an object"),
    ] {
        assert_eq!(wrong("b.jsonl", line, how), [said], "{line}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    for (file, text, said) in [
        ("p.jsonl", "{\"prompt\": \"a\"}", "a"),
        ("p.csv", "prompt\na", "a"),
        ("p.txt", "a", "a"),
        ("p.json", "[{\"prompt\": \"a\"}]", "a"),
    ] {
        assert_eq!(texts_of(file, &format!("\u{feff}{text}"), ANY), [said]);
    }
}

#[test]
fn what_is_no_text_says_which_line() {
    for file in ["p.jsonl", "p.csv", "p.txt"] {
        assert_eq!(wrong(file, b"fine\nna\xefve\n", ANY), ["2:3 line 2 is not text in UTF-8"]);
    }
    assert_eq!(wrong("p.txt", b"\xff\xfea\0", ANY), ["this file is text in UTF-16"]);
    assert_eq!(wrong("p.jsonl", b"\x1f\x8b\x08\0", ANY), ["this file is compressed"]);
    assert_eq!(wrong("p.jsonl", b"\x28\xb5\x2f\xfd", ANY), ["this file is compressed"]);
}

#[test]
fn empty_files_have_no_prompts() {
    for file in ["p.jsonl", "p.json", "p.csv", "p.txt", "p"] {
        for text in ["", "\n \r\n", "\u{feff}"] {
            assert_eq!(wrong(file, text, ANY), ["this file has no prompts"], "{file}: {text:?}");
        }
    }
}

#[test]
fn a_huge_line_is_one_prompt() {
    let text = "word ".repeat(1 << 18);
    assert_eq!(texts_of("p.jsonl", &format!("{{\"prompt\": \"{text}\"}}"), ANY), [text.as_str()]);
    assert_eq!(texts_of("p.csv", &format!("prompt\n{text}"), ANY), [text.as_str()]);
    assert_eq!(texts_of("p.txt", &text, ANY), [text.as_str()]);
    let cut = format!("{{\"prompt\": \"{text}");
    assert_eq!(
        wrong("p.jsonl", &cut, ANY),
        [format!("1:{} this is not valid JSON: EOF while parsing a string", cut.len())]
    );
}

#[test]
fn five_problems_are_enough() {
    assert_eq!(wrong("p.jsonl", "x\n".repeat(1000), ANY).len(), 5);
    assert_eq!(wrong("p.csv", format!("n,prompt\n{}", "1,\n".repeat(1000)), ANY).len(), 5);
    assert_eq!(wrong("p.json", format!("[{}1]", "1,".repeat(1000)), ANY).len(), 5);
}

proptest! {
    #[test]
    fn any_texts_come_back_from_any_format(texts in prop::collection::vec("[^\r\n\u{feff}]*[^\r\n\u{feff}\\s][^\r\n\u{feff}]*", 1..8)) {
        let json = |text: &String| serde_json::json!({ "prompt": text }).to_string();
        let lines: Vec<String> = texts.iter().map(json).collect();
        prop_assert_eq!(&texts_of("p.jsonl", &lines.join("\n"), ANY), &texts);
        prop_assert_eq!(&texts_of("p.json", &format!("[{}]", lines.join(",\n")), ANY), &texts);
        let rows: Vec<String> = texts.iter().map(|text| format!("1,\"{}\",", text.replace('"', "\"\""))).collect();
        prop_assert_eq!(&texts_of("p.csv", &format!("n,prompt,max_tokens\n{}", rows.join("\r\n")), ANY), &texts);
        prop_assert_eq!(&texts_of("p.dat", &texts.join("\n"), with(Format::Lines)), &texts);
        prop_assert_eq!(&texts_of("p.dat", &texts.join("\n\n"), with(Format::Paragraphs)), &texts);
    }

    /// Whatever the bytes, and wherever a good file is cut: prompts or problems, no panic.
    #[test]
    fn any_bytes_are_prompts_or_problems(bytes: Vec<u8>, cut in 0usize..1200, junk in "[{}\\[\\]\",:a\\\\\n]*") {
        let cut = CONVERSATIONS.as_bytes().get(..cut).unwrap_or_default();
        for bytes in [&bytes, cut, junk.as_bytes()] {
            for format in Format::ALL {
                match read("f", bytes, Reading { turns: Turns::All, ..with(format) }) {
                    Ok(corpus) => prop_assert!(!corpus.is_empty()),
                    Err(problems) => prop_assert!((1..=5).contains(&problems.len())),
                }
            }
        }
    }
}
