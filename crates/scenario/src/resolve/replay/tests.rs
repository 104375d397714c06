use super::*;

fn how(from: u64, to: Option<u64>) -> How {
    How {
        from: Span(from),
        to: to.map(Span),
        jitter: None,
        scale: Ratio::ONE,
        speed: Ratio::ONE,
        passes: Passes(None),
        until: None,
        at_most: None,
    }
}

fn rows(times: &[u64]) -> Vec<TraceRow> {
    times.iter().map(|at| TraceRow::new(Moment(*at), 1, 1)).collect()
}

#[test]
fn a_window_is_shifted_and_sped_up_exactly() {
    let at = |from, to, speed| {
        let rows = window(rows(&[0, 10, 20, 29, 30]), Span(from), to);
        rows.iter().map(|row| played(row.at.0, speed)).collect::<Vec<_>>()
    };
    assert_eq!(at(0, None, Ratio::ONE), [0, 10, 20, 29, 30]);
    assert_eq!(at(10, Some(Span(30)), Ratio { digits: 3, scale: 1 }), [0, 3, 6]);
    assert_eq!(at(10, None, Ratio { digits: 5, scale: 10 }), [0, 20, 38, 40]);
    assert_eq!(at(40, None, Ratio::ONE), [] as [u64; 0]);
}

#[test]
fn a_pass_lasts_to_the_end_of_the_window_or_to_the_next_request() {
    assert_eq!(period(&rows(&[2, 10]), &how(5, Some(30))), Some(Span(25)));
    assert_eq!(period(&rows(&[2, 4, 10]), &how(0, None)), Some(Span(8 + 4)));
    assert_eq!(period(&rows(&[2]), &how(0, None)), None);
    assert_eq!(period(&rows(&[2, 2]), &how(0, None)), None);
}

#[test]
fn a_fingerprint_sees_every_part_of_a_row() {
    let recording = |change: &dyn Fn(&mut TraceRow)| {
        let mut row = TraceRow::new(Moment(1), 2, 3);
        change(&mut row);
        fingerprint(&Recording { rows: [row].into(), blocks: [1, 7, 1, 8].into(), block_tokens: 16 })
    };
    let block = |n| floodline_core::replay::BlocksAt::new(n);
    let all = [
        recording(&|_| {}),
        recording(&|row| row.at = Moment(2)),
        recording(&|row| row.input_tokens = 9),
        recording(&|row| row.output_tokens = 9),
        recording(&|row| row.blocks = block(0)),
        recording(&|row| row.blocks = block(2)),
        recording(&|row| row.copy = 1),
    ];
    let different: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}
