//! A recorded trace: its file, the part of it that is played, how fast, how often, and what is made of it.
//!
//! In this order: jitter, the window, the scale, the speed, and then the passes and what cuts them. So a window and a
//! jitter are in the time of the recording, and `for` is in that of the run.

mod csv;
mod format;
mod jsonl;
mod reading;
mod time;

pub(crate) use time::date;

use floodline_core::plan::fnv1a;
use floodline_core::replay::scale::{self, Factor};
use floodline_core::replay::{Extent, Recording, Replay, Source, TraceRow, jitter};
use floodline_core::time::{Moment, Span};

use super::findings::Findings;
use crate::written::{At, Passes, Place, Ratio, Stage, Text};
use format::Said;

/// Rows that a scale may make: about 2.4 GB of them.
const MOST_ROWS: u64 = 100_000_000;

/// More requests than this at one instant are a burst that the recording made.
const FEW: usize = 5;

/// The trace of a stage with `replay`, as it is played.
pub(crate) fn resolve(stage: &Stage, seed: u64, findings: &mut Findings<'_>) -> Option<Replay> {
    let given = stage.replay.as_ref()?;
    if let Some(arrivals) = stage.arrivals.as_ref() {
        findings
            .problem(arrivals.place(), "`arrivals` does not go with `replay`")
            .with_help("the trace says when requests arrive");
    }
    let said = Said::of(stage, findings)?;
    let how = How::of(stage, findings)?;
    let Text(file) = findings.read_one(given)?;
    let (path, bytes) = findings.file(&At { value: file.clone(), place: given.place })?;
    let mut trace = match said.read(&path, &bytes) {
        Ok(trace) => trace,
        Err(problem) => {
            findings.push(*problem);
            return None;
        }
    };
    drop(bytes);
    std::mem::take(&mut trace.warnings).into_iter().for_each(|warning| findings.warn(warning));
    if let Some(width) = how.jitter {
        jitter::spread(&mut trace.rows, width, seed);
    }
    let last = trace.rows.last().map_or(Moment::START, |row| row.at);
    let mut rows = window(trace.rows, how.from, how.to);
    if rows.is_empty() {
        findings
            .problem(given.place, "no request of the trace falls into this part of it")
            .with_help(format!("the trace covers 0s to {}s", last.0 / 1_000_000_000));
        return None;
    }
    if how.jitter.is_none() {
        warn_of_crowds(&path, &rows, findings);
    }
    let period = period(&rows, &how);
    if period.is_none() && how.passes != Passes(std::num::NonZeroU64::new(1)) {
        let place = stage.passes.as_ref().map_or(given.place, |passes| passes.place);
        findings
            .problem(place, "nothing says how long this part of the trace lasts: all of it is at one instant")
            .with_help("say where it ends: to: 10s");
        return None;
    }
    let period = period.unwrap_or(Span(1));
    let factor = Factor { numerator: how.scale.digits, denominator: how.scale.scale };
    if how.scale != Ratio::ONE {
        let place = stage.scale.as_ref().map_or(given.place, |scale| scale.place);
        if factor.of(rows.len()) > MOST_ROWS {
            findings
                .problem(
                    place,
                    format!("this makes more than {MOST_ROWS} requests of the trace's {}", rows.len()),
                )
                .with_help("`loop` plays a trace again and again and needs no memory for it");
            return None;
        }
        let end = Moment(rows[0].at.0.saturating_add(period.0));
        let end = how.to.map_or(end, |to| Moment((to - how.from).0)).max(rows[rows.len() - 1].at);
        let before = rows.len();
        rows = scale::scaled(&rows, factor, end, seed);
        if rows.is_empty() {
            findings
                .problem(place, format!("this leaves none of the {before} requests of the trace"))
                .with_help("raise the scale");
            return None;
        }
    }
    rows.iter_mut().for_each(|row| row.at = Moment(played(row.at.0, how.speed)));
    let extent = Extent {
        passes: how.passes.0,
        period: Span(played(period.0, how.speed)),
        until: how.until,
        at_most: how.at_most,
    };
    let source = Source {
        file,
        format: trace.format.name().into(),
        speed: how.speed.as_f64(),
        window: (how.from, how.to),
        scale: how.scale.as_f64(),
        jitter: how.jitter,
    };
    let recording =
        Recording { rows: rows.into(), blocks: trace.blocks.into(), block_tokens: trace.block_tokens };
    let hash = fingerprint(&recording);
    let replay = Replay::new(source, extent, hash, recording);
    warn_of_ends(&replay, stage, findings);
    (replay.len() != Some(0)).then_some(replay).or_else(|| {
        findings
            .problem(given.place, "the replay ends before its first request")
            .with_help("play it for longer, or say where in the trace to start with `from`");
        None
    })
}

/// The first of the keys of a stage that go with `replay` only.
pub(crate) fn first_key(stage: &Stage) -> Option<Place> {
    let places = [
        stage.format.as_ref().map(|s| s.place),
        stage.columns.as_ref().map(|s| s.place),
        stage.unit.as_ref().map(|s| s.place),
        stage.keep_failed.as_ref().map(|s| s.place),
        stage.block_tokens.as_ref().map(|s| s.place),
        stage.jitter.as_ref().map(|s| s.place),
        stage.scale.as_ref().map(|s| s.place),
        stage.passes.as_ref().map(|s| s.place),
        stage.speed.as_ref().map(|s| s.place),
        stage.from.as_ref().map(|s| s.place),
        stage.to.as_ref().map(|s| s.place),
    ];
    places.into_iter().flatten().next()
}

/// How a trace is played.
struct How {
    from: Span,
    to: Option<Span>,
    jitter: Option<Span>,
    scale: Ratio,
    speed: Ratio,
    passes: Passes,
    until: Option<Span>,
    at_most: Option<u64>,
}

impl How {
    /// Reads the keys of a stage; none if one of them is wrong.
    fn of(stage: &Stage, findings: &mut Findings<'_>) -> Option<How> {
        let from = findings.read(&stage.from);
        let to = findings.read(&stage.to);
        let jitter = findings.read(&stage.jitter);
        let scale = findings.read(&stage.scale);
        let speed = findings.read(&stage.speed);
        let passes = findings.read(&stage.passes);
        let until = findings.above_zero(&stage.length, "`for`");
        let at_most = findings.above_zero(&stage.requests, "`requests`");
        let right = stage.from.is_some() == from.is_some()
            && stage.to.is_some() == to.is_some()
            && stage.jitter.is_some() == jitter.is_some()
            && stage.scale.is_some() == scale.is_some()
            && stage.speed.is_some() == speed.is_some()
            && stage.passes.is_some() == passes.is_some()
            && stage.length.is_some() == until.is_some()
            && stage.requests.is_some() == at_most.is_some();
        let from = from.unwrap_or(Span::ZERO);
        if let (Some(to), Some(written)) = (to, stage.to.as_ref())
            && to <= from
        {
            findings
                .problem(written.place, "the part of the trace ends before it starts")
                .with_help("`to` must be after `from`");
            return None;
        }
        right.then_some(How {
            from,
            to,
            jitter: jitter.filter(|width| *width > Span::ZERO),
            scale: scale.unwrap_or(Ratio::ONE),
            speed: speed.unwrap_or(Ratio::ONE),
            passes: passes.unwrap_or(Passes(std::num::NonZeroU64::new(1))),
            until,
            at_most,
        })
    }
}

/// The rows in [from, to), from the window's start on.
fn window(mut rows: Vec<TraceRow>, from: Span, to: Option<Span>) -> Vec<TraceRow> {
    let (from, to) = (Moment::START + from, to.map(|to| Moment::START + to));
    rows.retain(|row| row.at >= from && to.is_none_or(|to| row.at < to));
    rows.iter_mut().for_each(|row| row.at = Moment(row.at.since(from).0));
    rows
}

/// A time of the recording as it is played, rounded down to the nanosecond.
fn played(ns: u64, speed: Ratio) -> u64 {
    let ns = u128::from(ns) * u128::from(speed.scale) / u128::from(speed.digits);
    u64::try_from(ns).unwrap_or(u64::MAX)
}

/// How long the part that is played lasts: to its end, or to where the request after the last one would be. None if
/// all of it is at one instant.
fn period(rows: &[TraceRow], how: &How) -> Option<Span> {
    if let Some(to) = how.to {
        return Some(to - how.from);
    }
    let covered = rows.last()?.at.since(rows.first()?.at);
    let mean = covered.0.checked_div(rows.len() as u64 - 1)?;
    (covered > Span::ZERO).then_some(covered + Span(mean.max(1)))
}

/// Many requests at one instant come from a clock that was coarse.
fn warn_of_crowds(file: &str, rows: &[TraceRow], findings: &mut Findings<'_>) {
    let most = rows.chunk_by(|a, b| a.at == b.at).map(<[TraceRow]>::len).max().unwrap_or(0);
    if most <= FEW {
        return;
    }
    let mut instants: Vec<Moment> = rows.iter().map(|row| row.at).collect();
    instants.dedup();
    let mut gaps: Vec<u64> = instants.windows(2).map(|pair| pair[1].since(pair[0]).0).collect();
    // What the clock could tell apart: about the smallest gap, but not one of a stray row.
    let low = gaps.len() / 10;
    let usual = if gaps.is_empty() { 0 } else { *gaps.select_nth_unstable(low).1 };
    let milliseconds = usual / 1_000_000;
    let help = match milliseconds {
        0 => "spread them with `jitter`".to_owned(),
        ms if ms.is_multiple_of(1_000) => format!("jitter: {}s spreads them", ms / 1_000),
        ms => format!("jitter: {ms}ms spreads them"),
    };
    findings.warn(format!(
        "{file}: up to {most} requests are at one instant and will be sent as one burst; {help}"
    ));
}

/// Ends that will not come, and ends that come before what was asked for.
fn warn_of_ends(replay: &Replay, stage: &Stage, findings: &mut Findings<'_>) {
    match replay.len() {
        None => findings.warn(
            "the trace is played again and again without an end of its own: give `for` or `requests`, or a limit",
        ),
        Some(n) => {
            if replay.extent.at_most.is_some_and(|wanted| n < wanted) && stage.length.is_none() {
                findings.warn(format!(
                    "the trace has only {n} requests to play; loop: forever plays it again until `requests` is reached"
                ));
            }
        }
    }
}

/// FNV-1a over the rows and blocks, in pieces, so that it needs little memory.
fn fingerprint(recording: &Recording) -> String {
    const PIECE: usize = 4096;
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    for rows in recording.rows.chunks(PIECE) {
        bytes.clear();
        for row in rows {
            bytes.extend_from_slice(&row.at.0.to_le_bytes());
            bytes.extend_from_slice(&row.input_tokens.to_le_bytes());
            bytes.extend_from_slice(&row.output_tokens.to_le_bytes());
            for block in recording.blocks_of(row) {
                bytes.extend_from_slice(&block.to_le_bytes());
            }
            bytes.extend_from_slice(&row.copy.to_le_bytes());
        }
        pieces.extend_from_slice(&fnv1a(&bytes).to_le_bytes());
    }
    format!("{:016x}", fnv1a(&pieces))
}

#[cfg(test)]
mod tests;
