//! What people read when prompts, or files of them, are wrong.

mod support;

use insta::assert_snapshot;
use support::World;

#[test]
fn a_prompt_of_two_kinds() {
    let text = "\
target: {stub: {}}
prompts:
  - {text: hello, input_tokens: 20}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this prompt has text and input_tokens: only one of them can be sent
     --> load.yaml:3:5
      |
    3 |   - {text: hello, input_tokens: 20}
      |     ^
      = help: make it a prompt each
    "#);
}

#[test]
fn a_missing_file() {
    let text = "\
target: {stub: {}}
prompts: {file: prompts.jsonl}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: cannot read `prompts.jsonl`: No such file or directory
     --> load.yaml:2:17
      |
    2 | prompts: {file: prompts.jsonl}
      |                 ^^^^^^^^^^^^^
      = help: paths are relative to the scenario's folder
    "#);
}

#[test]
fn a_bad_prompts_file() {
    let text = "\
target: {stub: {}}
prompts: {file: p.jsonl}
";
    assert_snapshot!(World::new()
        .file("p.jsonl", r#"{"prompt": "fine"}
{"promt": "x"}
{"prompt": "x"
{"messages": []}
"#).error(text), @r#"
    error: this has neither `prompt` nor `messages`
     --> p.jsonl:2:1
      |
    2 | {"promt": "x"}
      | ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}

    error: this is not valid JSON: EOF while parsing an object
     --> p.jsonl:3:14
      |
    3 | {"prompt": "x"
      |              ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}

    error: `messages` is an empty list
     --> p.jsonl:4:15
      |
    4 | {"messages": []}
      |               ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}
    "#);
}

#[test]
fn an_empty_prompts_file() {
    let world = World::new().file("empty.jsonl", "\n\n");
    let text = "target: {stub: {}}\nprompts: {file: empty.jsonl}\n";
    assert_snapshot!(world.error(text), @r#"
    error: this file has no prompts
     --> empty.jsonl
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}
    "#);
}

#[test]
fn a_text_where_a_prompt_belongs() {
    let text = "target: {stub: {}}\nprompts: hello\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: `prompts` must be a list of mappings, or one mapping
     --> load.yaml:2:10
      |
    2 | prompts: hello
      |          ^^^^^
      = help: such as `prompts: {text: Hello}`, or a list of such mappings
    "#);
}
