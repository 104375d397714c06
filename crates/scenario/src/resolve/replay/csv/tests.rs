//! Mostly by way of Azure traces, whose columns are like those of any other.

use super::super::format::Said;
use super::super::reading::Recorded;
use super::*;

/// Reads an Azure trace.
fn read(file: &str, bytes: &[u8]) -> Result<Recorded, Box<Problem>> {
    Said { format: Some(Format::Azure), ..Said::default() }.read(file, bytes)
}

const HEADER: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

fn times(rows: &str) -> Vec<u64> {
    read("t.csv", format!("{HEADER}{rows}").as_bytes()).unwrap().rows.iter().map(|row| row.at.0).collect()
}

#[test]
fn times_are_exact_to_the_nanosecond() {
    assert_eq!(
        times("2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n"),
        [0, 4_314_579_000]
    );
    assert_eq!(times("2023-11-16 18:15:46.000000001,1,1\n2023-11-16 18:15:46.1,1,1\n"), [0, 99_999_999]);
    assert_eq!(times("2023-11-16 18:15:46,1,1\n2023-11-16T18:15:47Z,1,1\n"), [0, 1_000_000_000]);
}

#[test]
fn midnights_leap_days_and_zones_are_counted() {
    let day = 86_400_000_000_000;
    assert_eq!(times("2024-02-28 00:00:00,1,1\n2024-03-01 00:00:00,1,1\n"), [0, 2 * day]);
    assert_eq!(times("2023-12-31 23:59:59,1,1\n2024-01-01 00:00:00,1,1\n"), [0, 1_000_000_000]);
    assert_eq!(
        times("2024-05-10 00:00:00.5+00:00,1,1\n2024-05-10 02:00:01.5+02:00,1,1\n"),
        [0, 1_000_000_000]
    );
}

#[test]
fn line_ends_marks_and_further_columns_do_not_matter() {
    let plain = "2023-11-16 18:15:46.68,374,44\n2023-11-16 18:15:47.68,10,5\n";
    let expected = read("t", format!("{HEADER}{plain}").as_bytes()).unwrap().rows;
    let wide = "id, GeneratedTokens ,timestamp,ContextTokens\r\n1,44,2023-11-16 18:15:46.68,374\r\n2,5,2023-11-16 18:15:47.68,10";
    assert_eq!(read("t", wide.as_bytes()).unwrap().rows, expected);
    assert_eq!(read("t", format!("{HEADER}{}", plain.trim_end()).as_bytes()).unwrap().rows, expected);
}

#[test]
fn unsorted_rows_are_sorted_with_a_warning() {
    let rows = "2023-11-16 18:15:47,1,1\n2023-11-16 18:15:46,2,2\n2023-11-16 18:15:47,3,3\n";
    let recording = read("t.csv", format!("{HEADER}{rows}").as_bytes()).unwrap();
    let order: Vec<u32> = recording.rows.iter().map(|row| row.input_tokens).collect();
    assert_eq!(order, [2, 1, 3]);
    assert_eq!(recording.warnings.len(), 1);
}

#[test]
fn no_tokens_are_played_as_one() {
    let recording = read("t.csv", format!("{HEADER}2023-11-16 18:15:47,0,0\n").as_bytes()).unwrap();
    assert_eq!((recording.rows[0].input_tokens, recording.rows[0].output_tokens), (1, 1));
    assert_eq!(recording.warnings.len(), 1);
}

#[test]
fn bad_rows_name_their_line_and_column() {
    for (rows, position) in [
        ("2023-11-16 18:15:46,374,44\nyesterday,1,1\n", (3, 1)),
        ("2023-11-16 18:15:46,374\n", (2, 1)),
        ("2023-11-16 18:15:46,374,-1\n", (2, 25)),
        ("2023-11-16 18:15:46,99999999999,1\n", (2, 21)),
    ] {
        let problem = read("t.csv", format!("{HEADER}{rows}").as_bytes()).unwrap_err();
        assert_eq!(problem.position(), Some(("t.csv", position.0, position.1)), "{problem}");
    }
    for empty in ["", HEADER, "\n\n"] {
        assert!(read("t.csv", empty.as_bytes()).is_err());
    }
    assert!(read("t.csv", b"\xff\xfe").is_err());
}

#[test]
fn lines_are_counted_right_whatever_ends_them() {
    let header = HEADER.trim_end();
    for (text, line) in [
        (format!("{header}\r\n2023-11-16 18:15:46,1,1\r\nyesterday,1,1\r\n"), 3),
        (format!("\r\n{header}\r\n\r\n\r\nyesterday,1,1\r\n"), 5),
        (format!("{header}\n2023-11-16 18:15:46,1,1\n\nyesterday,1,1"), 4),
    ] {
        let problem = read("t.csv", text.as_bytes()).unwrap_err();
        assert_eq!(problem.position(), Some(("t.csv", line, 1)), "{problem}");
        assert!(problem.to_string().contains("| yesterday,1,1"), "{problem}");
    }
}

#[test]
fn what_stands_where_the_header_should_is_shown() {
    for (text, line) in [("\n\nwhen,in,out\n", 3), ("\r\n\r\nwhen,in,out\r\n", 3), ("# when\nin,out\n", 1)] {
        let problem = read("t.csv", text.as_bytes()).unwrap_err();
        assert_eq!(problem.position(), Some(("t.csv", line, 1)), "{problem}");
        assert!(problem.to_string().contains("when"), "{problem}");
    }
}

#[test]
fn a_value_is_found_behind_quoted_commas() {
    let line = r#""a, b",2,"x",many"#;
    assert_eq!(part_of(line, 3, "many").at, 13);
    assert_eq!(part_of(line, 0, "a, b").at, 1);
}
