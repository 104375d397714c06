//! Whether refusals come by chance, as faults do: a limiter that has just refused refuses again.
//!
//! A bucket that is refilled nearly as fast as one asks admits the next request as well, but then the hypotheses explain it.
//! So both are looked at: what they explain, and who is admitted at once.

use super::ask::{Size, one};
use super::bench::{Bench, Stop};
use super::fit::Hypothesis;
use super::log::Log;

/// How often this has been asked, and whether it looked like chance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    times: usize,
    seems: bool,
}

impl Hypothesis {
    /// Whether it may be that refusals come by chance: of many it explains no more than any limiter does of some that happen to
    /// be preceded by a little more than others.
    pub(super) fn is_chance(&self, log: &Log) -> bool {
        const MANY: usize = 6;
        const SHARE: f64 = 0.4;
        let (refused, sent) = log.refused_of();
        let rarer = refused.min(sent - refused);
        rarer >= MANY && self.loss >= SHARE * rarer as f64
    }
}

/// Whether it is chance, where no hypothesis explains much; asked again a few times, because chance may look like a limit.
pub(super) async fn is_it(bench: &Bench, asked: &mut Asked) -> Result<bool, Stop> {
    const TIMES: usize = 3;
    if !asked.seems && asked.times < TIMES {
        asked.times += 1;
        asked.seems = again_at_once(bench).await?;
    }
    Ok(asked.seems)
}

/// Whether of those who ask again at once after a refusal many are admitted. It collects refusals, too.
async fn again_at_once(bench: &Bench) -> Result<bool, Stop> {
    const MOST: usize = 60;
    const ENOUGH: usize = 8;
    const FEWEST: usize = 2;
    bench.says("asking whether refusals come by chance");
    let small = Size::small(bench);
    let (mut again, mut admitted, mut after_refusal) = (0, 0, false);
    for _ in 0..MOST {
        let came_through = one(bench, 0, small).await?;
        if after_refusal {
            again += 1;
            admitted += usize::from(came_through);
        }
        after_refusal = !came_through;
        if again >= ENOUGH {
            break;
        }
    }
    Ok(again >= FEWEST && 4 * admitted > again)
}
