//! A flood: probes as fast as they are answered, until something refuses.

mod sizes;

use floodline_core::retry::Dimension;

use super::ask::Size;
use super::bench::{Bench, Stop};
use super::explain;
use super::log::Probe;
use sizes::Sizes;

/// The most requests of one flood.
const MOST: u32 = 1_200;
/// How large probes become by themselves: larger ones find larger limits, and cost as much.
const LARGEST: Size = Size { prompt: 1_024, max: 256 };
/// What share of a known limit a flood may use that looks for another.
pub(super) const SPARED: f64 = 0.8;
/// How long an answer may take, in seconds: what a limit holds is to be used up before it is there again.
const PATIENCE: f64 = 0.4;

/// How the probes of a flood look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They grow, alternately in their prompts and in what they ask for.
    Growing,
    /// As small as can be: what refuses them counts requests.
    Small,
    /// Long prompts.
    Prompts,
    /// Much output asked for.
    Outputs,
}

/// What a flood came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flood {
    /// The size that was refused.
    pub(super) refused: Size,
    /// Which limit the refusal names, if it names one.
    pub(super) named: Option<Dimension>,
    /// The numbers of its first probe, and of the one that was refused.
    from: usize,
    upto: usize,
    /// How many were sent side by side.
    pub(super) parallel: usize,
    /// Tokens of prompts that were admitted, and of outputs that were asked for.
    pub(super) prompt: f64,
    pub(super) output: f64,
    pub(super) admitted: usize,
}

/// Sends, for at most `longest` seconds, until one is refused that no known limit explains, side by side if it takes long. Nothing if none is, or if
/// `spare` says no. It begins as large and as fast as another was after `after` probes.
pub(super) async fn flood(
    bench: &Bench,
    kind: Kind,
    most_parallel: usize,
    longest: f64,
    after: u32,
    spare: impl Fn(Size) -> bool,
) -> Result<Option<Flood>, Stop> {
    let sizes = Sizes::of(bench, kind);
    let from = bench.log().lines.len();
    let begun = bench.clock();
    let mut parallel = 1;
    for index in after..after.saturating_add(MOST) {
        let size = sizes.at(index, longest_answer(bench));
        parallel = side_by_side(bench, from, index).clamp(1, most_parallel.max(1));
        if bench.clock() - begun > longest {
            break;
        }
        bench.at_most_open(parallel - 1).await;
        if refused(bench, from) || !spare(size) {
            break;
        }
        let id = bench.send(0, size.prompt, size.max)?;
        if parallel == 1 {
            bench.answer(id).await;
        }
    }
    // A refusal is looked at while it stands: what is still being answered is not waited for.
    if !refused(bench, from) {
        bench.at_most_open(0).await;
    }
    explain::mark(bench);
    let log = bench.log();
    let first = log.lines.iter().skip(from).find(|line| line.surprised());
    Ok(first.map(|line| {
        let Probe { id, prompt_tokens, max_tokens, .. } = line.probe;
        Flood {
            refused: Size { prompt: prompt_tokens, max: max_tokens },
            named: line.named(),
            from,
            upto: id,
            parallel,
            prompt: 0.0,
            output: 0.0,
            admitted: 0,
        }
    }))
}

fn refused(bench: &Bench, from: usize) -> bool {
    bench.log().lines.iter().skip(from).any(|line| line.refused())
}

/// How much output may be asked for so that an answer does not take longer than [`PATIENCE`].
pub(super) fn longest_answer(bench: &Bench) -> u32 {
    let log = bench.log();
    let slowest = log.lines.iter().rev().take(100).filter_map(|line| {
        let (sent, ended) = line.open()?;
        let output = line.tokens()?.output;
        (output >= 8).then(|| (ended - sent) / output as f64)
    });
    let per_token = slowest.fold(0.0, f64::max);
    if per_token > 0.0 { ((PATIENCE / per_token) as u32).max(16) } else { LARGEST.max }
}

impl Flood {
    /// How many were being answered when the refusal came; known once all of them are.
    pub(super) fn beside(&self, bench: &Bench) -> usize {
        let log = bench.log();
        let Some((_, at)) = log.lines.get(self.upto).and_then(|line| line.open()) else { return 0 };
        let admitted = log.lines.iter().filter(|line| line.admitted()).filter_map(|line| line.open());
        admitted.filter(|(from, to)| *from <= at && at <= *to).count()
    }

    /// This one or another, whichever had more admitted.
    pub(super) fn or_larger(self, other: Flood, bench: &Bench) -> Flood {
        let admitted = |flood: Flood| flood.counted(bench).admitted;
        if admitted(other) > admitted(self) { other } else { self }
    }

    /// Counts what was admitted, once all of it is answered.
    pub(super) fn counted(self, bench: &Bench) -> Flood {
        let log = bench.log();
        let mut flood = self;
        let lines = log.lines.iter().skip(self.from).take_while(|line| line.probe.id <= self.upto);
        for line in lines.filter(|line| line.admitted()) {
            let prompt =
                line.tokens().map_or(f64::from(line.probe.prompt_tokens), |tokens| tokens.prompt as f64);
            flood.prompt += prompt;
            flood.output += f64::from(line.probe.max_tokens);
            flood.admitted += 1;
        }
        flood
    }
}

/// How many to send side by side, so that as many come in a second as a flood should have: twenty at first, and twice as
/// many with every forty that are not refused.
fn side_by_side(bench: &Bench, from: usize, index: u32) -> usize {
    const PER_SECOND: f64 = 20.0;
    let log = bench.log();
    let took = log.lines.iter().skip(from).rev().filter_map(|line| line.open()).take(12);
    let (sum, n) = took.fold((0.0, 0.0), |(sum, n), (sent, ended)| (sum + ended - sent, n + 1.0));
    if n < 4.0 {
        return 1;
    }
    (PER_SECOND * f64::from(1 << (index / 40).min(5)) * sum / n).ceil() as usize
}
