//! What a user sees of mistakes in how prompts of a file are asked for.

mod support;

use insta::assert_snapshot;
use support::World;

fn error(prompts: &str) -> String {
    let conversation = r#"[{"conversations": [{"from": "human", "value": "one"}]}]"#;
    World::new()
        .file("p.txt", "a\na b c\n")
        .file("p.csv", "id,question\n1,why\n")
        .file("s.json", conversation)
        .error(&format!("target: {{stub: {{}}}}\nprompts: {prompts}\n"))
}

#[test]
fn names_are_suggested() {
    assert_snapshot!(error("{file: p.txt, format: sharegtp, sampling: shufled, turns: frist, category: mdium}"), @r"
    error: `sharegtp` is not a format of prompts: expected jsonl, csv, lines, paragraphs, sharegpt or openai-batch
     --> load.yaml:2:32
      |
    2 | prompts: {file: p.txt, format: sharegtp, sampling: shufled, turns: frist, category: mdium}
      |                                ^^^^^^^^
      = help: did you mean `sharegpt`?

    error: `shufled` is not a way to choose prompts: expected sequential, random, shuffled or unique
     --> load.yaml:2:52
      |
    2 | prompts: {file: p.txt, format: sharegtp, sampling: shufled, turns: frist, category: mdium}
      |                                                    ^^^^^^^
      = help: did you mean `shuffled`?

    error: `frist` is not a part of a conversation: expected first or all
     --> load.yaml:2:68
      |
    2 | prompts: {file: p.txt, format: sharegtp, sampling: shufled, turns: frist, category: mdium}
      |                                                                    ^^^^^
      = help: did you mean `first`?

    error: `mdium` is not a category of lengths: expected short, medium or long
     --> load.yaml:2:85
      |
    2 | prompts: {file: p.txt, format: sharegtp, sampling: shufled, turns: frist, category: mdium}
      |                                                                                     ^^^^^
      = help: did you mean `medium`?
    ");
    assert_snapshot!(error("{file: p.txt, sampeling: random}"), @r"
    error: unknown key `sampeling`
     --> load.yaml:2:24
      |
    2 | prompts: {file: p.txt, sampeling: …
      |                        ^^^^^^^^^
      = help: did you mean `sampling`? expected one of name, weight, text, messages, file, format, column, turns, sampling, category, short_below, long_from, min_input_tokens, max_input_tokens, input_tokens, output_tokens, max_tokens, lengths, prefix, unique
    ");
}

#[test]
fn keys_of_files_on_other_prompts() {
    assert_snapshot!(error("{text: hello, sampling: random, min_input_tokens: 3}"), @r"
    error: `sampling` goes with `file` only
     --> load.yaml:2:34
      |
    2 | prompts: {text: hello, sampling: random, min_input_tokens: 3}
      |                                  ^^^^^^
      = help: it is about the prompts of a file: name one, such as file: prompts.jsonl

    error: `min_input_tokens` goes with `file` only
     --> load.yaml:2:60
      |
    2 | prompts: {text: hello, sampling: random, min_input_tokens: 3}
      |                                                            ^
      = help: it is about the prompts of a file: name one, such as file: prompts.jsonl
    ");
}

#[test]
fn keys_that_a_format_has_no_use_for() {
    assert_snapshot!(error("{file: p.txt, format: lines, column: text, turns: all}"), @r"
    error: `lines` has no columns
     --> load.yaml:2:47
      |
    2 | prompts: {file: p.txt, format: lines, column: text, turns: all}
      |                                               ^^^^
      = help: leave out `column`, or say format: csv or format: jsonl

    error: `lines` has no recorded conversations
     --> load.yaml:2:60
      |
    2 | prompts: {file: p.txt, format: lines, column: text, turns: all}
      |                                                            ^^^
      = help: leave out `turns`, or say format: sharegpt
    ");
}

#[test]
fn lengths_that_keep_nothing() {
    assert_snapshot!(error("{file: p.txt, category: long}"), @r"
    error: none of the 2 prompts of `p.txt` is kept: they have 1 to 3 tokens
     --> load.yaml:2:34
      |
    2 | prompts: {file: p.txt, category: long}
      |                                  ^^^^
      = help: this keeps prompts that are long (2,048 tokens or more)
    ");
    assert_snapshot!(error("{file: p.txt, min_input_tokens: 9}"), @r"
    error: none of the 2 prompts of `p.txt` is kept: they have 1 to 3 tokens
     --> load.yaml:2:42
      |
    2 | prompts: {file: p.txt, min_input_tokens: 9}
      |                                          ^
      = help: this keeps prompts that are at least 9 tokens long
    ");
    assert_snapshot!(error("{file: p.txt, min_input_tokens: 9, max_input_tokens: 8}"), @r"
    error: `max_input_tokens` is below `min_input_tokens`
     --> load.yaml:2:63
      |
    2 | prompts: {file: p.txt, min_input_tokens: 9, max_input_tokens: 8}
      |                                                               ^
      = help: no prompt has so many tokens and so few
    ");
}

#[test]
fn bounds_of_categories() {
    assert_snapshot!(error("{file: p.txt, category: medium, short_below: 3000}"), @r"
    error: no prompt would be medium: they are short below 3,000 tokens, and long from 2,048 on
     --> load.yaml:2:55
      |
    2 | prompts: {file: p.txt, category: medium, short_below: 3000}
      |                                                       ^^^^
      = help: write both, the smaller first: short_below: 256, long_from: 2048
    ");
    assert_snapshot!(error("{file: p.txt, short_below: 0, long_from: 100}"), @r"
    error: `short_below` must be above zero
     --> load.yaml:2:37
      |
    2 | prompts: {file: p.txt, short_below: 0, long_from: 100}
      |                                     ^

    error: no prompt would be medium: they are short below 256 tokens, and long from 100 on
     --> load.yaml:2:51
      |
    2 | prompts: {file: p.txt, short_below: 0, long_from: 100}
      |                                                   ^^^
      = help: write both, the smaller first: short_below: 256, long_from: 2048
    ");
    assert_snapshot!(error("{file: p.txt, long_from: 300}"), @r"
    error: `short_below` and `long_from` go with `category` only
     --> load.yaml:2:35
      |
    2 | prompts: {file: p.txt, long_from: 300}
      |                                   ^^^
      = help: they say which prompts are short, medium and long: add category: medium, or leave them out
    ");
}

#[test]
fn a_column_that_is_not_there() {
    assert_snapshot!(error("{file: p.csv, column: qestion}"), @r"
    error: this file has no column `qestion`
     --> p.csv:1:1
      |
    1 | id,question
      | ^
      = help: its columns are `id`, `question`
    ");
    assert_snapshot!(error("{file: p.csv}"), @r"
    error: no column of this file is called `prompt`, `messages`, `text` or `input`
     --> p.csv:1:1
      |
    1 | id,question
      | ^
      = help: say which column is sent: it has `id`, `question`
    ");
}

#[test]
fn a_file_of_another_kind() {
    assert_snapshot!(error("{file: s.json, format: openai-batch}"), @r#"
    error: this has no `body`
     --> s.json:1:2
      |
    1 | [{"conversations": [{"from": "human", "value": "one"}]}]
      |  ^
      = help: a line is {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...]}}
    "#);
    let world = World::new().file("p.jsonl", b"\xff\xfe{\0");
    assert_snapshot!(world.error("target: {stub: {}}\nprompts: {file: p.jsonl}\n"), @r"
    error: this file is text in UTF-16
     --> p.jsonl
      = help: save the file as UTF-8
    ");
}

/// A mistake in a file that several prompts draw on is shown once.
#[test]
fn one_mistake_is_shown_once() {
    let world = World::new().file("p.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": 3}\n{\"promt\": \"a\"}\n");
    let text =
        "target: {stub: {}}\nprompts: [{name: a, file: p.jsonl}, {name: b, file: p.jsonl, category: long}]\n";
    assert_snapshot!(world.error(text), @r#"
    error: `prompt` must be a text or a list of messages
     --> p.jsonl:2:12
      |
    2 | {"prompt": 3}
      |            ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}

    error: this has neither `prompt` nor `messages`
     --> p.jsonl:3:1
      |
    3 | {"promt": "a"}
      | ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}
    "#);
}

#[test]
fn a_limit_on_tokens_over_answers_without_a_bound() {
    let text = "target: {stub: {}}\nprompts: [{name: short, text: hi, max_tokens: 5}, {name: long, text: hello}]\n\
        limits: {tokens: 1000}\n";
    assert_snapshot!(World::new().error(text), @r"
    error: the limit on tokens cannot be kept: answers to `long` have no bound, so the worst case of a request has none
     --> load.yaml:3:18
      |
    3 | limits: {tokens: 1000}
      |                  ^^^^
      = help: give the prompt `max_tokens`, the most tokens of its answer
    ");
}
