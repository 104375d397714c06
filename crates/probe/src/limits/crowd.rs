//! Many at once: whether the number of requests that are being answered at the same time is limited.

use super::ask::{Size, one};
use super::bench::{Bench, Crowd, Stop};
use super::flood::longest_answer;

/// How often a crowd has to come out the same.
const TIMES: usize = 3;

/// What became of a crowd.
struct Outcome {
    admitted: usize,
    refused: usize,
    /// Whether another key was admitted while the first had been refused.
    other_key: Option<bool>,
}

/// Looks for a limit on requests at the same time, with crowds of up to `most`; where so many seem to be the most (`guess`),
/// with one that is a little larger. It is one if crowds of different sizes are all cut to the same number, each a moment
/// after the last, which no limit on a rate would do.
pub(super) async fn look(bench: &Bench, guess: Option<usize>, most: usize) -> Result<Option<Crowd>, Stop> {
    let mut size = guess.map_or(4, |guess| guess + 4).min(most.max(4));
    let mut first = loop {
        let outcome = send(bench, size).await?;
        if outcome.refused > 0 || size >= most {
            break outcome;
        }
        size = (size * 2).min(most);
    };
    if first.refused == 0 || first.admitted == 0 {
        return Ok(None);
    }
    let value = first.admitted;
    for time in 1..TIMES {
        let more = [3, 1, 5].get(time % 3).copied().unwrap_or(2);
        let next = send(bench, value + more).await?;
        // An answer may end while the last ones are still being sent.
        if next.admitted != value && next.admitted != value + 1 || next.refused == 0 {
            return Ok(None);
        }
        first.other_key = first.other_key.or(next.other_key);
    }
    let whole = send(bench, value).await?;
    if whole.refused > 0 {
        return Ok(None);
    }
    if !holds(bench, value).await? {
        return Ok(None);
    }
    // As many again and more, one after another and without a pause: a limit on a rate refuses one of them.
    for _ in 0..2 * value + 4 {
        if !one(bench, 0, Size::small(bench)).await? {
            return Ok(None);
        }
    }
    Ok(Some(Crowd { value, seen: TIMES, other_key: first.other_key }))
}

/// Whether a full crowd stays full until one of it is answered: a limit on a rate admits another as time goes by.
async fn holds(bench: &Bench, value: usize) -> Result<bool, Stop> {
    const LOOKS: usize = 16;
    const PAUSE: f64 = 0.025;
    let (small, large) = (Size::small(bench), Size::large(bench));
    let long = longest_answer(bench).min(large.max);
    let from = bench.log().lines.len();
    for _ in 0..value {
        bench.send(0, small.prompt, long)?;
    }
    let mut more = Vec::new();
    while more.len() < LOOKS {
        bench.until(bench.clock() + PAUSE).await?;
        if bench.log().lines.iter().skip(from).take(value).any(|line| line.answer.is_some()) {
            break;
        }
        more.push(bench.send(0, small.prompt, small.max)?);
    }
    bench.at_most_open(0).await;
    let log = bench.log();
    let crowd = || log.lines.iter().skip(from).take(value);
    let first_end =
        crowd().filter_map(|line| line.open()).map(|(_, ended)| ended).fold(f64::INFINITY, f64::min);
    // What is on its way when one is answered may be admitted.
    let early = |sent: f64| sent + PAUSE < first_end;
    let admitted = more.iter().filter_map(|id| log.lines.get(*id)).filter(|line| line.admitted());
    let broken = admitted.filter_map(|line| line.open()).any(|(sent, _)| early(sent));
    Ok(!broken && !crowd().any(|line| line.refused()))
}

/// Sends so many at once, with answers that take a while, and waits for all of them.
async fn send(bench: &Bench, size: usize) -> Result<Outcome, Stop> {
    let (small, large) = (Size::small(bench), Size::large(bench));
    let long = Size { max: large.max.min(64), ..small };
    let from = bench.log().lines.len();
    for _ in 0..size {
        bench.send(0, long.prompt, long.max)?;
    }
    let refused = |bench: &Bench| bench.log().lines.iter().skip(from).filter(|line| line.refused()).count();
    // The other key asks while the first is full, which is when a refusal has come and no answer has ended.
    let mut other = None;
    if bench.settings().keys > 1 {
        bench.at_most_open(size - 1).await;
        let ended = bench.log().lines.iter().skip(from).any(|line| line.admitted());
        if refused(bench) > 0 && !ended {
            other = Some(bench.send(1, long.prompt, small.max)?);
        }
    }
    bench.at_most_open(0).await;
    let log = bench.log();
    let own = || log.lines.iter().skip(from).filter(|line| line.probe.key == 0);
    let other_key = other.and_then(|id| {
        let line = log.lines.get(id)?;
        (line.admitted() || line.refused()).then(|| line.admitted())
    });
    Ok(Outcome {
        admitted: own().filter(|line| line.admitted()).count(),
        refused: own().filter(|line| line.refused()).count(),
        other_key,
    })
}
