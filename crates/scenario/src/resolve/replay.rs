//! A recorded trace: its file, the part of it that is played, and how fast.

mod azure;

use std::sync::Arc;

use floodline_core::plan::{Replay, TraceRow, fnv1a};
use floodline_core::time::{Moment, Span};

use super::findings::Findings;
use crate::written::{At, Format, Ratio, Stage, Text};
use azure::Recorded;

/// The trace of a stage with `replay`, its window moved to the start and played at its speed.
pub(crate) fn resolve(stage: &Stage, findings: &mut Findings<'_>) -> Option<Replay> {
    let given = stage.replay.as_ref()?;
    let length =
        stage.length.as_ref().map(|s| (s.place, "`for`", "`to` ends the part that is played: to: 10m"));
    let requests = stage
        .requests
        .as_ref()
        .map(|s| (s.place, "`requests`", "`to` ends the part that is played: to: 10m"));
    let arrivals =
        stage.arrivals.as_ref().map(|s| (s.place(), "`arrivals`", "the trace says when requests arrive"));
    for (place, key, help) in [length, requests, arrivals].into_iter().flatten() {
        findings.problem(place, format!("{key} does not go with `replay`")).with_help(help);
    }
    if stage.format.is_some() {
        let Format::Azure = findings.read(&stage.format)?;
    }
    let speed = match stage.speed.is_some() {
        true => findings.read(&stage.speed)?,
        false => Ratio::ONE,
    };
    let from = match stage.from.is_some() {
        true => findings.read(&stage.from)?,
        false => Span::ZERO,
    };
    let to = match stage.to.as_ref() {
        Some(written) => {
            let to = findings.read(&stage.to)?;
            if to <= from {
                findings
                    .problem(written.place, "the part of the trace ends before it starts")
                    .with_help("`to` must be after `from`");
                return None;
            }
            Some(to)
        }
        None => None,
    };
    let Text(file) = findings.read_one(given)?;
    let (path, bytes) = findings.file(&At { value: file.clone(), place: given.place })?;
    let trace = match azure::read(&path, &bytes) {
        Ok(trace) => trace,
        Err(problem) => {
            findings.push(*problem);
            return None;
        }
    };
    trace.warnings.into_iter().for_each(|warning| findings.warn(warning));
    let rows = window(&trace.rows, from, to, speed);
    if rows.is_empty() {
        let last = trace.rows.last().map_or(Span::ZERO, |row| row.at);
        findings
            .problem(given.place, "no request of the trace falls into this part of it")
            .with_help(format!("the trace covers 0s to {}s", last.0 / 1_000_000_000));
        return None;
    }
    Some(Replay::new(file, speed.as_f64(), (from, to), fingerprint(&rows), rows))
}

/// The rows in [from, to), from the window's start on, `speed` times as fast, rounded down to the nanosecond.
fn window(rows: &[Recorded], from: Span, to: Option<Span>, speed: Ratio) -> Arc<[TraceRow]> {
    let inside = |row: &&Recorded| row.at >= from && to.is_none_or(|to| row.at < to);
    let played = |row: &Recorded| {
        let ns = u128::from((row.at - from).0) * u128::from(speed.scale) / u128::from(speed.digits);
        TraceRow {
            at: Moment(u64::try_from(ns).unwrap_or(u64::MAX)),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
        }
    };
    rows.iter().filter(inside).map(played).collect()
}

fn fingerprint(rows: &[TraceRow]) -> String {
    let bytes: Vec<u8> = rows
        .iter()
        .flat_map(|row| {
            let tokens = u64::from(row.input_tokens) << 32 | u64::from(row.output_tokens);
            row.at.0.to_le_bytes().into_iter().chain(tokens.to_le_bytes())
        })
        .collect();
    format!("{:016x}", fnv1a(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_shifted_and_sped_up_exactly() {
        let row = |at| Recorded { at: Span(at), input_tokens: 1, output_tokens: 1 };
        let rows = [row(0), row(10), row(20), row(29), row(30)];
        let at = |from, to, speed| {
            let rows = window(&rows, Span(from), to, speed);
            rows.iter().map(|row| row.at.0).collect::<Vec<_>>()
        };
        assert_eq!(at(0, None, Ratio::ONE), [0, 10, 20, 29, 30]);
        assert_eq!(at(10, Some(Span(30)), Ratio { digits: 3, scale: 1 }), [0, 3, 6]);
        assert_eq!(at(10, None, Ratio { digits: 5, scale: 10 }), [0, 20, 38, 40]);
        assert_eq!(at(40, None, Ratio::ONE), [] as [u64; 0]);
    }
}
