//! The simplest questions: one probe, as many as are admitted, and how soon one is admitted again.

use super::bench::{Bench, Stop};
use super::explain;

/// The size of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) prompt: u32,
    pub(super) max: u32,
}

impl Size {
    /// The smallest that may be sent.
    pub(super) fn small(bench: &Bench) -> Size {
        let settings = bench.settings();
        Size { prompt: *settings.prompt.start(), max: *settings.max_tokens.start() }
    }

    /// The largest that may be sent.
    pub(super) fn large(bench: &Bench) -> Size {
        let settings = bench.settings();
        Size { prompt: *settings.prompt.end(), max: *settings.max_tokens.end() }
    }

    /// Half of it, as far as it goes.
    pub(super) fn half(self, bench: &Bench) -> Size {
        let small = Size::small(bench);
        Size { prompt: (self.prompt / 2).max(small.prompt), max: (self.max / 2).max(small.max) }
    }
}

/// Sends one probe, and says whether it was admitted.
pub(super) async fn one(bench: &Bench, key: usize, size: Size) -> Result<bool, Stop> {
    let id = bench.send(key, size.prompt, size.max)?;
    bench.answer(id).await;
    explain::mark(bench);
    Ok(bench.log().lines.get(id).is_some_and(|line| line.admitted()))
}

/// While the first key is refused: whether another is, unless that is known. It says something only if the first is refused
/// before and after.
pub(super) async fn other_key(bench: &Bench, size: Size) -> Result<(), Stop> {
    if bench.notes().other_key.is_some() || bench.settings().keys < 2 {
        return Ok(());
    }
    let from = bench.log().lines.len();
    let admitted = one(bench, 1, size).await?;
    let said = bench.log().lines.get(from).is_some_and(|line| line.admitted() || line.refused());
    if said && !one(bench, 0, size).await? {
        bench.note(|notes| notes.other_key = Some(admitted));
        bench.shares(!admitted);
    }
    Ok(())
}

/// Sends until one is refused, or so many were sent, and says how many were admitted.
pub(super) async fn drain(bench: &Bench, size: Size, parallel: usize, most: usize) -> Result<usize, Stop> {
    let from = bench.log().lines.len();
    let mut sent = 0;
    while sent < most {
        bench.at_most_open(parallel.saturating_sub(1)).await;
        // What is too large for ever is refused as well.
        if bench.log().lines.iter().skip(from).any(|line| line.why().is_some()) {
            break;
        }
        let id = bench.send(0, size.prompt, size.max)?;
        sent += 1;
        if parallel <= 1 {
            bench.answer(id).await;
        }
    }
    bench.at_most_open(0).await;
    explain::mark(bench);
    let admitted = bench.log().lines.iter().skip(from).filter(|line| line.admitted()).count();
    Ok(admitted)
}

/// Comes back after pauses that grow, from one in seconds, until it is admitted, and says whether it was.
pub(super) async fn recover(bench: &Bench, size: Size, first: f64) -> Result<bool, Stop> {
    let mut pause = first;
    for _ in 0..60 {
        bench.until(bench.clock() + pause).await?;
        if one(bench, 0, size).await? {
            return Ok(true);
        }
        pause *= 1.3;
    }
    Ok(false)
}
