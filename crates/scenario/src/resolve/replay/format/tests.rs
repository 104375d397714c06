use super::*;

fn read(text: &str) -> Result<Recorded, Box<Problem>> {
    Said::default().read("t", text.as_bytes())
}

/// Time in milliseconds, prompt and answer of each row.
fn rows(recorded: &Recorded) -> Vec<(u64, u32, u32)> {
    recorded.rows.iter().map(|row| (row.at.0 / 1_000_000, row.input_tokens, row.output_tokens)).collect()
}

fn named(unit: Option<Unit>) -> Said {
    let columns = Some(Named { columns: ["ts", "in", "out"].map(str::to_owned), blocks: Some("ids".into()) });
    Said { columns, unit, ..Said::default() }
}

const BURSTGPT: &str = "\
Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
19440110.0,1722ac82-0a46,43,GPT-4,906,446,1352,Conversation log
19440109.5,,2,ChatGPT,200,0,200,API log
19440112.25,,7,ChatGPT,472.0,18,490,API log
";

const MOONCAKE: &str = r#"{"timestamp": 0, "input_length": 1100, "output_length": 52, "hash_ids": [0, 1, 2]}
{"timestamp": 3052, "input_length": 600, "output_length": 1, "hash_ids": [0, 7]}

{"timestamp": 3052, "input_length": 30, "output_length": 9, "hash_ids": []}
"#;

#[test]
fn azure_is_known_by_its_header() {
    let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n";
    let recorded = read(text).unwrap();
    assert_eq!((recorded.format, rows(&recorded)), (Format::Azure, vec![(0, 374, 44)]));
}

#[test]
fn burstgpt_starts_at_its_earliest_row_and_leaves_out_what_failed() {
    let recorded = read(BURSTGPT).unwrap();
    assert_eq!(recorded.format, Format::BurstGpt);
    assert_eq!(rows(&recorded), [(500, 906, 446), (2_750, 472, 18)]);
    assert_eq!(recorded.warnings.len(), 1, "{:?}", recorded.warnings);
    assert!(recorded.warnings[0].contains("1 of 3 requests failed"), "{:?}", recorded.warnings);
    let kept = Said { keep_failed: true, ..Said::default() }.read("t", BURSTGPT.as_bytes()).unwrap();
    assert_eq!(rows(&kept), [(0, 200, 1), (500, 906, 446), (2_750, 472, 18)]);
}

#[test]
fn burstgpt_comes_with_fewer_columns_too() {
    let text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,API log\n\
        6,ChatGPT,1087,230,1317,API log\n";
    assert_eq!(rows(&read(text).unwrap()), [(0, 472, 18), (1_000, 1_087, 230)]);
}

#[test]
fn a_trace_of_nothing_but_failures_says_so() {
    let text = "Timestamp,Model,Request tokens,Response tokens\n5,m,472,0\n";
    assert!(read(text).unwrap_err().to_string().contains("every request of this trace failed"));
}

#[test]
fn mooncake_names_the_blocks_of_its_prompts() {
    let recorded = read(MOONCAKE).unwrap();
    assert_eq!((recorded.format, recorded.block_tokens), (Format::Mooncake, 512));
    assert_eq!(rows(&recorded), [(0, 1_100, 52), (3_052, 600, 1), (3_052, 30, 9)]);
    assert_eq!(recorded.blocks, [3, 0, 1, 2, 2, 0, 7]);
    assert_eq!(recorded.rows[2].blocks, None);
}

#[test]
fn columns_have_any_name_in_csv_and_in_json_lines() {
    let csv = "id,OUT,ts,in\n1,5,10,100\n2,6,11.5,200\n";
    let recorded = named(Some(Unit::Seconds)).read("t", csv.as_bytes()).unwrap();
    assert_eq!((recorded.format, rows(&recorded)), (Format::Csv, vec![(0, 100, 5), (1_500, 200, 6)]));
    let jsonl = r#"{"in": 100, "ts": "2024-05-10T00:00:00Z", "x": {"ts": 1}, "out": 5, "ids": [-1]}
{"in": 200, "ts": "2024-05-10T00:00:01.5Z", "out": 6, "ids": null}"#;
    let recorded = named(None).read("t", jsonl.as_bytes()).unwrap();
    assert_eq!((recorded.format, rows(&recorded)), (Format::Jsonl, vec![(0, 100, 5), (1_500, 200, 6)]));
    assert_eq!(recorded.blocks, [1, u64::MAX]);
}

#[test]
fn a_unit_that_cannot_be_told_is_asked_for() {
    for text in ["ts,in,out\n10,1,1\n", "{\"ts\": 10, \"in\": 1, \"out\": 1}"] {
        let problem = named(None).read("t", text.as_bytes()).unwrap_err();
        assert!(problem.to_string().contains("unit: s (or ms"), "{problem}");
        assert!(problem.position().is_some());
        assert!(named(Some(Unit::Milliseconds)).read("t", text.as_bytes()).is_ok());
    }
    assert!(named(None).read("t", b"ts,in,out\n1689112234.5,1,1\n").is_ok());
}

#[test]
fn what_is_no_trace_is_refused_where_it_begins() {
    for (text, line) in [("time,tokens\n1,2\n", 1), ("\n\n{\"a\": 1}\n", 3), ("[{\"timestamp\": 1}]", 1)] {
        let problem = read(text).unwrap_err();
        assert_eq!(problem.position(), Some(("t", line, 1)), "{problem}");
    }
    for text in ["", "\n \n"] {
        assert!(read(text).unwrap_err().to_string().contains("this trace is empty"));
    }
    assert!(Said::default().read("t", b"\xff\xfe").is_err());
}

#[test]
fn mistakes_name_their_line_and_column() {
    let ahead = "Timestamp,Request tokens,Response tokens\n";
    for (row, column) in [
        ("1.0,many,5\n", 5),
        ("1.0,5,4.5\n", 7),
        ("\"a,b\",5,4\n", 2),
        ("1.0,5,99999999\n", 7),
        ("1.0,,4\n", 5),
        ("1.0,5\n", 1),
    ] {
        let problem = read(&format!("{ahead}{row}")).unwrap_err();
        assert_eq!(problem.position(), Some(("t", 2, column)), "{problem}");
    }
}
