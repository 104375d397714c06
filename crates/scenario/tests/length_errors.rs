//! What people read when lengths or prefixes are wrong.

mod support;

use insta::assert_snapshot;
use support::World;

/// The error of a prompt that is given as the inside of its braces.
fn error(prompt: &str) -> String {
    let world = World::new().file("l.csv", "a,b\n1,2\n3,x\n").file("n.csv", "120\nmany\n");
    world.error(&format!("target: {{stub: {{}}}}\nprompts:\n  - {{{prompt}}}\n"))
}

#[test]
fn a_misspelt_distribution() {
    assert_snapshot!(error("input_tokens: {logmormal: {median: 3000, p95: 9000}}"), @r#"
    error: unknown key `logmormal`
     --> load.yaml:3:21
      |
    3 |   - {input_tokens: {logmormal: …
      |                     ^^^^^^^^^
      = help: did you mean `lognormal`? expected one of lognormal, normal, gamma, uniform, histogram, values, file, column, min, max
    "#);
}

#[test]
fn a_misspelt_figure() {
    assert_snapshot!(error("input_tokens: {lognormal: {medain: 3000, p95: 9000}}"), @r#"
    error: unknown key `medain`
     --> load.yaml:3:33
      |
    3 |   - {input_tokens: {lognormal: {medain: …
      |                                 ^^^^^^
      = help: did you mean `median`? expected one of mean, median, p90, p95, p99, sd, stddev
    "#);
}

#[test]
fn a_misspelt_bin() {
    assert_snapshot!(error("input_tokens: {histogram: [{up_to: 100, weight: 3}]}"), @r#"
    error: unknown key `up_to`
     --> load.yaml:3:34
      |
    3 |   - {input_tokens: {histogram: [{up_to: …
      |                                  ^^^^^
      = help: did you mean `upto`? expected one of upto, weight
    "#);
}

#[test]
fn a_misspelt_prefix() {
    assert_snapshot!(error("input_tokens: 100, prefix: {sytem: 80}"), @r#"
    error: unknown key `sytem`
     --> load.yaml:3:34
      |
    3 |   - {input_tokens: 100, prefix: {sytem: …
      |                                  ^^^^^
      = help: did you mean `system`? expected one of system, groups, tokens, skew
    "#);
}

#[test]
fn a_list_in_place_of_a_distribution() {
    assert_snapshot!(error("input_tokens: [400, 900]"), @r#"
    error: `input_tokens` must be a number of tokens, or a distribution of them
     --> load.yaml:3:6
      |
    3 |   - {input_tokens: [400, 900]}
      |      ^^^^^^^^^^^^
      = help: such as 120, or {lognormal: {median: 3000, p95: 9000}}, or {uniform: [400, 900]}
    "#);
}

#[test]
fn a_list_in_place_of_figures() {
    assert_snapshot!(error("input_tokens: {lognormal: [3000, 9000]}"), @r#"
    error: `lognormal` must be a mapping of keys and values
     --> load.yaml:3:32
      |
    3 |   - {input_tokens: {lognormal: [3000, 9000]}}
      |                                ^
      = help: such as {median: 3000, p95: 9000}
    "#);
}

#[test]
fn figures_in_place_of_a_list() {
    assert_snapshot!(error("input_tokens: {uniform: {low: 400, high: 900}}"), @r#"
    error: `uniform` must be a list
     --> load.yaml:3:30
      |
    3 |   - {input_tokens: {uniform: {low: 400, high: 900}}}
      |                              ^
      = help: the shortest and the longest length, such as [400, 900]
    "#);
}

#[test]
fn no_value() {
    assert_snapshot!(error("input_tokens: , max_tokens: 3"), @r#"
    error: `input_tokens` has no value
     --> load.yaml:3:6
      |
    3 |   - {input_tokens: , max_tokens: 3}
      |      ^^^^^^^^^^^^
      = help: write a value behind the colon, or leave the key out
    "#);
}

#[test]
fn a_word_in_place_of_a_number() {
    assert_snapshot!(error("input_tokens: many, max_tokens: 1.5"), @r#"
    error: `many` is not a whole number
     --> load.yaml:3:20
      |
    3 |   - {input_tokens: many, max_tokens: 1.5}
      |                    ^^^^

    error: `1.5` is not a whole number
     --> load.yaml:3:38
      |
    3 |   - {input_tokens: many, max_tokens: 1.5}
      |                                      ^^^
    "#);
}

#[test]
fn an_empty_distribution() {
    assert_snapshot!(error("input_tokens: {min: 5}"), @r#"
    error: `input_tokens` does not say what the lengths are drawn from
     --> load.yaml:3:20
      |
    3 |   - {input_tokens: {min: 5}}
      |                    ^
      = help: write one of lognormal, normal, gamma, uniform, histogram, values and file, such as {lognormal: {median: 3000, p95: 9000}}
    "#);
}

#[test]
fn two_distributions() {
    assert_snapshot!(error("input_tokens: {uniform: [4, 9], normal: {mean: 5, sd: 1}}"), @r#"
    error: `uniform` and `normal` exclude each other
     --> load.yaml:3:46
      |
    3 |   - {input_tokens: {uniform: [4, 9], normal: {mean: 5, sd: 1}}}
      |                                              ^
      = help: a length is drawn from one distribution
    "#);
}

#[test]
fn figures_that_contradict_each_other() {
    assert_snapshot!(error("input_tokens: {lognormal: {median: 9000, p95: 3000}}"), @r#"
    error: p95 must be above the median of 9000
     --> load.yaml:3:52
      |
    3 |   - {input_tokens: {lognormal: {median: 9000, p95: 3000}}}
      |                                                    ^^^^
      = help: such as {median: 3000, p95: 9000}
    "#);
}

#[test]
fn figures_that_no_gamma_distribution_has() {
    assert_snapshot!(error("input_tokens: {gamma: {mean: 400, p95: 4000}}"), @r#"
    error: no gamma distribution about this middle is as wide: at most 2,330
     --> load.yaml:3:45
      |
    3 |   - {input_tokens: {gamma: {mean: 400, p95: 4000}}}
      |                                             ^^^^
      = help: quote the median in place of the mean, or lower this figure
    "#);
}

#[test]
fn a_distribution_without_a_width() {
    assert_snapshot!(error("output_tokens: {gamma: {mean: 400}}, input_tokens: 5"), @r#"
    error: this distribution has no width: it needs one of p90, p95, p99 and sd
     --> load.yaml:3:29
      |
    3 |   - {output_tokens: {gamma: {mean: 400}}, input_tokens: 5}
      |                             ^
      = help: such as {median: 3000, p95: 9000}
    "#);
}

#[test]
fn a_distribution_without_a_middle() {
    assert_snapshot!(error("input_tokens: {normal: {p95: 400}}"), @r#"
    error: this distribution has no middle: it needs `median` or `mean`
     --> load.yaml:3:29
      |
    3 |   - {input_tokens: {normal: {p95: 400}}}
      |                             ^
      = help: such as {median: 3000, p95: 9000}
    "#);
}

#[test]
fn ends_the_wrong_way_round() {
    assert_snapshot!(error("input_tokens: {uniform: [900, 400]}"), @r#"
    error: the shortest length comes first
     --> load.yaml:3:31
      |
    3 |   - {input_tokens: {uniform: [900, 400]}}
      |                               ^^^
      = help: did you mean [400, 900]?
    "#);
}

#[test]
fn bounds_the_wrong_way_round() {
    assert_snapshot!(error("input_tokens: {uniform: [1, 9], min: 8, max: 2}"), @r#"
    error: `max` is below `min`
     --> load.yaml:3:51
      |
    3 |   - {input_tokens: {uniform: [1, 9], min: 8, max: 2}}
      |                                                   ^
      = help: `min` is the shorter of the two
    "#);
}

#[test]
fn bins_out_of_order() {
    assert_snapshot!(error("input_tokens: {histogram: [{upto: 1000, weight: 1}, {upto: 100, weight: 3}]}"), @r#"
    error: this bin does not end above the one before it, which ends at 1000
     --> load.yaml:3:65
      |
    3 |   - {input_tokens: {histogram: [{upto: 1000, weight: 1}, {upto: 100, weight: 3}]}}
      |                                                                 ^^^
      = help: bins come in the order of their upper ends
    "#);
}

#[test]
fn weights_of_nothing() {
    assert_snapshot!(error("input_tokens: {values: [[120, 0]]}"), @r#"
    error: nothing here has a weight above zero
     --> load.yaml:3:29
      |
    3 |   - {input_tokens: {values: [[120, 0]]}}
      |                             ^
      = help: such as {values: [[120, 3], [400, 1]]}: lengths with their weights
    "#);
}

#[test]
fn a_value_of_three_numbers() {
    assert_snapshot!(error("input_tokens: {values: [[120, 3], [1, 2, 3]]}"), @r#"
    error: a value is a length and its weight
     --> load.yaml:3:40
      |
    3 |   - {input_tokens: {values: [[120, 3], [1, 2, 3]]}}
      |                                        ^
      = help: such as {values: [[120, 3], [400, 1]]}: lengths with their weights
    "#);
}

#[test]
fn a_length_of_zero() {
    assert_snapshot!(error("input_tokens: {values: [[0, 3]]}"), @r#"
    error: a length must be above zero
     --> load.yaml:3:31
      |
    3 |   - {input_tokens: {values: [[0, 3]]}}
      |                               ^
    "#);
}

#[test]
fn a_length_beyond_everything() {
    assert_snapshot!(error("input_tokens: {uniform: [1, 20_000_000]}"), @r#"
    error: a length is at most 10 million tokens
     --> load.yaml:3:34
      |
    3 |   - {input_tokens: {uniform: [1, 20_000_000]}}
      |                                  ^^^^^^^^^^
    "#);
}

#[test]
fn a_column_that_is_not_there() {
    assert_snapshot!(error("input_tokens: {file: l.csv, column: bb}"), @r#"
    error: this file has no column `bb`
     --> l.csv:1:1
      |
    1 | a,b
      | ^^^
      = help: it has a, b
    "#);
}

#[test]
fn a_value_of_a_file_that_is_no_number() {
    assert_snapshot!(error("input_tokens: {file: l.csv, column: b}"), @r#"
    error: `x` is not a length
     --> l.csv:3:3
      |
    3 | 3,x
      |   ^
      = help: expected a whole number of tokens, up to 10 million
    "#);
}

#[test]
fn a_line_of_a_file_that_is_no_number() {
    assert_snapshot!(error("input_tokens: {file: n.csv}"), @r#"
    error: `many` is not a length
     --> n.csv:2:1
      |
    2 | many
      | ^^^^
      = help: expected a whole number of tokens, up to 10 million
    "#);
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(error("input_tokens: {file: no.csv}"), @r#"
    error: cannot read `no.csv`: No such file or directory
     --> load.yaml:3:27
      |
    3 |   - {input_tokens: {file: no.csv}}
      |                           ^^^^^^
      = help: paths are relative to the scenario's folder
    "#);
}

#[test]
fn pairs_without_their_columns() {
    assert_snapshot!(error("lengths: {file: l.csv, input: a}"), @r#"
    error: this does not say which columns of the file hold the lengths
     --> load.yaml:3:22
      |
    3 |   - {lengths: {file: l.csv, input: a}}
      |                      ^^^^^
      = help: name both, such as {file: pairs.csv, input: ContextTokens, output: GeneratedTokens}
    "#);
}

#[test]
fn a_pair_of_one() {
    assert_snapshot!(error("lengths: {pairs: [[120, 80], 30]}"), @r#"
    error: a pair is the tokens of a prompt and of its answer
     --> load.yaml:3:35
      |
    3 |   - {lengths: {pairs: [[120, 80], 30]}}
      |                                   ^^
      = help: such as {pairs: [[120, 80], [3000, 200, 5]]}: input, output and optionally a weight
    "#);
}

#[test]
fn pairs_and_answers() {
    assert_snapshot!(error("lengths: {pairs: [[120, 80]]}, max_tokens: 5"), @r#"
    error: the pairs of `lengths` say how long answers may become
     --> load.yaml:3:49
      |
    3 |   - {lengths: {pairs: [[120, 80]]}, max_tokens: 5}
      |                                                 ^
      = help: keep one of the two
    "#);
}

#[test]
fn a_distribution_where_pairs_belong() {
    assert_snapshot!(error("lengths: {lognormal: {median: 3000, p95: 9000}}"), @r#"
    error: unknown key `lognormal`
     --> load.yaml:3:16
      |
    3 |   - {lengths: {lognormal: …
      |                ^^^^^^^^^
      = help: expected one of pairs, file, input, output
    "#);
}

#[test]
fn pairs_and_a_length() {
    assert_snapshot!(error("lengths: {pairs: [[120, 80]]}, input_tokens: 5"), @r#"
    error: this prompt has input_tokens and lengths: only one of them can be sent
     --> load.yaml:3:5
      |
    3 |   - {lengths: {pairs: [[120, 80]]}, input_tokens: 5}
      |     ^
      = help: make it a prompt each
    "#);
}

#[test]
fn a_prefix_that_is_too_long() {
    assert_snapshot!(error("input_tokens: 100, prefix: {system: 60, groups: 3, tokens: 40}"), @r#"
    error: the prefix needs 101 tokens and the prompt has 100
     --> load.yaml:3:20
      |
    3 |   - {input_tokens: 100, prefix: {system: 60, groups: 3, tokens: 40}}
      |                    ^^^
      = help: lengths include the prefixes: make `input_tokens` longer or the prefix shorter
    "#);
}

#[test]
fn a_prefix_of_a_text() {
    assert_snapshot!(error("text: hello, prefix: {system: 60}"), @r#"
    error: `prefix` goes with `input_tokens` or `lengths` only
     --> load.yaml:3:27
      |
    3 |   - {text: hello, prefix: {system: 60}}
      |                           ^
      = help: other prompts are sent as they are written
    "#);
}

#[test]
fn groups_without_tokens() {
    assert_snapshot!(error("input_tokens: 100, prefix: {groups: 3}"), @r#"
    error: `groups` needs `tokens`: how many a group shares
     --> load.yaml:3:33
      |
    3 |   - {input_tokens: 100, prefix: {groups: 3}}
      |                                 ^
      = help: such as {system: 800}, or {groups: 20, tokens: 1500}
    "#);
}

#[test]
fn tokens_without_groups() {
    assert_snapshot!(error("input_tokens: 100, prefix: {tokens: 3}"), @r#"
    error: `tokens` needs `groups`: how many there are
     --> load.yaml:3:33
      |
    3 |   - {input_tokens: 100, prefix: {tokens: 3}}
      |                                 ^
      = help: what all requests share is a system message: {system: 800}, or one group: {groups: 1, tokens: 800}
    "#);
}

#[test]
fn a_skew_without_groups() {
    assert_snapshot!(error("input_tokens: 100, prefix: {system: 3, skew: 1}"), @r#"
    error: `skew` goes with `groups` only
     --> load.yaml:3:51
      |
    3 |   - {input_tokens: 100, prefix: {system: 3, skew: 1}}
      |                                                   ^
      = help: it says how unevenly requests fall to groups
    "#);
}

#[test]
fn a_number_in_place_of_a_prefix() {
    assert_snapshot!(error("input_tokens: 100, prefix: 80"), @r#"
    error: `prefix` must be a mapping of keys and values
     --> load.yaml:3:33
      |
    3 |   - {input_tokens: 100, prefix: 80}
      |                                 ^^
      = help: such as {system: 800}, or {groups: 20, tokens: 1500}
    "#);
}
