//! What people read when a replay is wrong: its keys, or its trace.

mod support;

use insta::assert_snapshot;
use support::World;

/// Every mistake in the keys of a replay, one after the other.
#[test]
fn the_keys_of_a_replay() {
    let world =
        World::new().file("t.csv", "ts,in,out\n5,1,1\n5,1,1\n").file("m.jsonl", "{\"timestamp\": 0}\n");
    let columns = "columns: {time: ts, input: in, output: out}";
    let said: Vec<String> = [
        "{replay: t.csv, format: azrue}".into(),
        "{replay: t.csv, format: csv}".into(),
        format!("{{replay: t.csv, format: azure, {columns}}}"),
        "{replay: t.csv, columns: {time: ts, input: in}}".into(),
        "{replay: t.csv, columns: {time: ts, input: in, output: answer}}".into(),
        format!("{{replay: t.csv, {columns}}}"),
        format!("{{replay: t.csv, {columns}, unit: sec}}"),
        format!("{{replay: t.csv, {columns}, unit: iso}}"),
        format!("{{replay: t.csv, {columns}, unit: s, loop: 0}}"),
        format!("{{replay: t.csv, {columns}, unit: s, loop: 2}}"),
        format!("{{replay: t.csv, {columns}, unit: s, scale: 0}}"),
        format!("{{replay: t.csv, {columns}, unit: s, scale: 0.1}}"),
        format!("{{replay: t.csv, {columns}, unit: s, scale: 99999999}}"),
        format!("{{replay: t.csv, {columns}, unit: s, arrivals: poisson}}"),
        "{replay: m.jsonl, format: mooncake}".into(),
        "{hold: 1/s, loop: 2}".into(),
    ]
    .iter()
    .map(|load: &String| world.error(&format!("target: {{stub: {{}}}}\nload: {load}\n")))
    .collect();
    assert_snapshot!(said.join("\n\n"), @r#"
    error: `azrue` is not a format of traces: expected azure, burstgpt, mooncake, csv or jsonl
     --> load.yaml:2:31
      |
    2 | load: {replay: t.csv, format: azrue}
      |                               ^^^^^
      = help: did you mean `azure`?

    error: which columns of this trace are its times and lengths?
     --> load.yaml:2:31
      |
    2 | load: {replay: t.csv, format: csv}
      |                               ^^^
      = help: name them: columns: {time: ts, input: prompt_tokens, output: completion_tokens}

    error: a trace of the format azure has columns of its own
     --> load.yaml:2:47
      |
    2 | load: {replay: t.csv, format: azure, columns: {time: ts, input: in, output: out}}
      |                                               ^
      = help: leave out `columns`, or say format: csv or format: jsonl

    error: `columns` does not say which one is `output`
     --> load.yaml:2:32
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in}}
      |                                ^
      = help: name all three: columns: {time: ts, input: prompt_tokens, output: completion_tokens}

    error: this trace has no column `answer`
     --> t.csv:1:1
      |
    1 | ts,in,out
      | ^^^^^^^^^
      = help: `columns` gives the names of the file's first line

    error: `5` does not say what the times of this trace count
     --> t.csv:2:1
      |
    2 | 5,1,1
      | ^
      = help: add the unit to the stage: unit: s (or ms, us, ns, iso)

    error: `sec` is not a unit of times: expected s, ms, us, ns or iso
     --> load.yaml:2:74
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: sec}
      |                                                                          ^^^

    error: `5` is not a ts of this trace
     --> t.csv:2:1
      |
    2 | 5,1,1
      | ^
      = help: write it as 2023-11-16 18:15:46.6805900

    error: `0` does not say how often the trace is played
     --> load.yaml:2:83
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, loop: 0}
      |                                                                                   ^
      = help: write a number of times such as 3, or forever

    error: nothing says how long this part of the trace lasts: all of it is at one instant
     --> load.yaml:2:83
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, loop: 2}
      |                                                                                   ^
      = help: say where it ends: to: 10s

    error: `0` is not a factor: write a number above zero, such as 3 or 0.5
     --> load.yaml:2:84
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, scale: 0}
      |                                                                                    ^

    error: this leaves none of the 2 requests of the trace
     --> load.yaml:2:84
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, scale: 0.1}
      |                                                                                    ^^^
      = help: raise the scale

    error: this makes more than 100000000 requests of the trace's 2
     --> load.yaml:2:84
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, scale: 99999999}
      |                                                                                    ^^^^^^^^
      = help: `loop` plays a trace again and again and needs no memory for it

    error: `arrivals` does not go with `replay`
     --> load.yaml:2:87
      |
    2 | load: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, arrivals: poisson}
      |                                                                                       ^^^^^^^
      = help: the trace says when requests arrive

    error: this line has no `input_length`
     --> m.jsonl:1:1
      |
    1 | {"timestamp": 0}
      | ^^^^^^^^^^^^^^^^
      = help: every request needs its time and both of its lengths

    error: this belongs to a stage with `replay`
     --> load.yaml:2:25
      |
    2 | load: {hold: 1/s, loop: 2}
      |                         ^
      = help: leave it out
    "#);
}

#[test]
fn a_bad_row_of_a_trace() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv}
";
    assert_snapshot!(World::new()
        .file("t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,many,109\n").error(text), @r#"
    error: `many` is not a ContextTokens of this trace
     --> t.csv:3:29
      |
    3 | 2023-11-16 18:15:50.9951690,many,109
      |                             ^^^^
      = help: expected a whole number of tokens, up to 10 million
    "#);
}

#[test]
fn a_file_that_is_no_trace() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv}
";
    assert_snapshot!(World::new()
        .file("t.csv", "time,tokens\n1,2\n").error(text), @r#"
    error: this is not a trace of a known format
     --> t.csv:1:1
      |
    1 | time,tokens
      | ^^^^^^^^^^^
      = help: an Azure trace has TIMESTAMP,ContextTokens,GeneratedTokens, a BurstGPT trace Timestamp, Request tokens and Response tokens; name those of another: columns: {time: ts, input: prompt_tokens, output: completion_tokens}
    "#);
}

#[test]
fn a_window_without_requests() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv, from: 1h}
";
    assert_snapshot!(World::new()
        .file("t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n").error(text), @r#"
    error: no request of the trace falls into this part of it
     --> load.yaml:2:16
      |
    2 | load: {replay: t.csv, from: 1h}
      |                ^^^^^
      = help: the trace covers 0s to 0s
    "#);
}
