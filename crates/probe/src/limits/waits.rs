//! Whether what refusals state of the wait is true.
//!
//! The wait by the limit as it was found is held against the one that was stated. Where no limit was found, what
//! happened to those who came back says it as well, if less often.

use floodline_core::finding::FoundWait;
use floodline_core::retry::Dimension;

use super::fit::Hypothesis;
use super::log::Log;

/// How much of the wait it may be off, and how many seconds.
const SHARE: f64 = 0.1;
const SECONDS: f64 = 0.03;

/// Of the refusals that this limit explains.
pub(super) fn honesty(log: &Log, hypothesis: &Hypothesis, named: Option<Dimension>) -> FoundWait {
    let (mut exact, mut short, mut long, mut stated_any) = (0, 0, 0, false);
    let counted = log.prompt_counted();
    // The newest are judged by the most; a few dozen are enough.
    let refused = log.lines.iter().filter(|line| line.refused() && line.probe.key == 0);
    let own = refused.filter(|line| named.zip(line.named()).is_none_or(|(one, other)| one == other));
    for line in own.rev().take(60) {
        let (Some(stated), Some((sent, ended))) = (line.stated_wait(), line.open()) else { continue };
        stated_any = true;
        let stated = stated.as_secs_f64();
        let at = (sent + ended) / 2.0;
        let asked =
            hypothesis.charge.asked(counted(line.probe.prompt_tokens), f64::from(line.probe.max_tokens));
        let mut state = hypothesis.state_before(log, at);
        let wait = state.wait(at, asked, hypothesis.capacity);
        if wait == 0.0 || !wait.is_finite() {
            continue;
        }
        if hypothesis.refusals {
            state.fill(at, hypothesis.charge.at_once_of(line, &counted), hypothesis.capacity);
        }
        let wait = state.wait(at, asked, hypothesis.capacity);
        let slack = (SHARE * wait).max(SECONDS + (ended - sent));
        // Whole seconds are rounded up, and that is honest.
        let rounding = if stated.fract() == 0.0 { 1.0 } else { 0.0 };
        match stated - wait {
            off if off < -slack => short += 1,
            off if off > slack + rounding => long += 1,
            _ => exact += 1,
        }
    }
    match (exact, short, long) {
        _ if !stated_any => FoundWait::Absent,
        (0, 0, 0) => FoundWait::Unknown,
        (exact, short, long) if short > exact && short >= long => FoundWait::Short,
        (exact, _, long) if long > exact => FoundWait::Long,
        _ => FoundWait::Exact,
    }
}
