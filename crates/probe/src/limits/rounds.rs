//! Rounds of spending and waiting that tell one limiter from another, and measure it.

use floodline_core::limits::Dimension;
use floodline_core::retry::Dimension as Named;

use super::ask::{Size, drain, one, other_key, recover};
use super::bench::{Bench, Known, Stop};
use super::chance;
use super::fit::{Fit, Hypothesis};
use super::flood::{Flood, longest_answer};

/// The most rounds for one limit: time is up before, where they do not decide.
const MOST: usize = 40;
/// What share of the time that is left a hunt may look ahead.
const AHEAD: f64 = 0.3;
/// How many windows a round takes that lets one go by.
const ROUND: f64 = 2.2;
/// So few requests say little about what is counted.
const FEW: usize = 5;
/// How often a hunt looks between the first and the last moment that is foretold.
const MOST_LOOKS: usize = 9;

/// Identifies the limit that a flood has met.
pub(super) async fn identify(bench: &Bench, flood: &Flood) -> Result<(), Stop> {
    let place = bench.notes().known.len();
    let named = flood.named;
    bench.focus(named);
    let mut fit = Fit::of(named);
    let result = questions(bench, flood, &mut fit).await;
    if result.is_err() {
        // What came in since the last look counts as well.
        fit.update(&bench.log(), bench.settings().window.map(|window| window.as_secs_f64()));
        bench.believes(&fit.best);
    }
    let best = bench.best().to_vec();
    let ended = matches!(result, Ok(true));
    let other_key = bench.notes().other_key;
    if is_another(bench, &best, named) {
        bench.note(|notes| {
            notes.known.truncate(place);
            notes.known.push(Known { best, other_key, named, settled: ended });
            notes.other_key = None;
        });
    }
    bench.shares(false);
    bench.believes(&[]);
    bench.focus(None);
    result.map(|_| ())
}

/// Whether this is a limit beside those that are known: one that counts something else, and explains what it was found by.
/// A refusal that came a moment before a window's end is none, unless it names what no known limit counts.
pub(super) fn is_another(bench: &Bench, best: &[Hypothesis], named: Option<Named>) -> bool {
    let Some(first) = best.first() else { return false };
    let notes = bench.notes();
    let explains = first.loss < 1.0 || named.is_some_and(|named| first.charge.is_named(named));
    !notes.chance
        && (notes.known.is_empty()
            || explains && notes.rates().all(|it| it.charge.dimension != first.charge.dimension))
}

/// Says whether all questions were answered.
async fn questions(bench: &Bench, flood: &Flood, fit: &mut Fit) -> Result<bool, Stop> {
    let window = bench.settings().window.map(|window| window.as_secs_f64());
    bench.says("waiting until it is admitted again");
    let half = flood.refused.half(bench);
    let begun = bench.clock();
    if !recover(bench, half, 0.02).await? {
        return Ok(false);
    }
    let took = bench.clock() - begun;
    bench.says("counting what is admitted again");
    // Large in both: whichever of them is counted, it does not take many.
    let both = unit(bench, flood, 2);
    drain(bench, both, flood.parallel, flood.admitted.max(20) * 4).await?;
    if flood.admitted <= FEW {
        contrast(bench, flood, took).await?;
    }
    let mut asked = chance::Asked::default();
    for round in 0..MOST {
        fit.update(&bench.log(), window);
        bench.breathe().await;
        bench.believes(&fit.best);
        let Some(best) = fit.first().cloned() else { return Ok(false) };
        if decided(fit, round) {
            return Ok(true);
        }
        if best.is_chance(&bench.log()) && chance::is_it(bench, &mut asked).await? {
            // What was told before came of them as well.
            bench.note(|notes| (notes.chance, notes.known) = (true, Vec::new()));
            let (refused, sent) = bench.log().refused_of();
            return Err(Stop::Chance { refused, sent });
        }
        let small = Size::small(bench);
        let (unit, both) =
            if counts_requests(bench, fit) { (small, small) } else { (unit(bench, flood, round), both) };
        let spending = Spending { unit, both, parallel: flood.parallel };
        if round % 2 == 0 {
            larger_than_all(bench, fit).await?;
        }
        let windowed = shortest(fit, left(bench) / ROUND);
        match windowed {
            Some(it) => split(bench, fit, &it, spending, round).await?,
            None => refill(bench, fit, &best, spending).await?,
        }
    }
    fit.update(&bench.log(), window);
    bench.believes(&fit.best);
    Ok(decided(fit, MOST))
}

/// Whether it is no question any more that requests are counted: whatever is spent beside them may run into a limit that is
/// known already.
fn counts_requests(bench: &Bench, fit: &Fit) -> bool {
    !bench.notes().known.is_empty() && fit.best.iter().all(|it| it.charge.dimension == Dimension::Requests)
}

/// Where few requests were admitted, and small ones: one that is larger than all of them together, which nothing that counts
/// tokens admits.
async fn contrast(bench: &Bench, flood: &Flood, pause: f64) -> Result<(), Stop> {
    const TIMES: u32 = 6;
    let (small, large) = (Size::small(bench), Size::large(bench));
    let size = Size { prompt: ((4.0 * flood.prompt) as u32).clamp(small.prompt, large.prompt), ..small };
    for _ in 0..TIMES {
        bench.until(bench.clock() + 0.7 * pause).await?;
        if one(bench, 0, size).await? {
            break;
        }
    }
    Ok(())
}

/// The size for a round, long in its prompt, in what it asks for, or in both in turn.
///
/// Of requests as many fit as in the flood; of tokens it should clearly be another number, larger if there is room below.
fn unit(bench: &Bench, flood: &Flood, round: usize) -> Size {
    const SIXTEEN: f64 = 16.0;
    let small = Size::small(bench);
    let admitted = flood.admitted.max(1) as f64;
    let of = |filled: f64, least: u32, refused: u32| {
        let parts = if admitted < SIXTEEN { 2.2 * admitted.max(4.0) } else { 9.0 };
        let size = filled / parts;
        let size = if size < f64::from(least) { filled / (admitted / 2.5).max(1.2) } else { size };
        (size as u32).clamp(least, refused.max(256))
    };
    let prompt = of(flood.prompt, small.prompt, flood.refused.prompt);
    let max = of(flood.output, small.max, flood.refused.max).min(longest_answer(bench));
    match round % 3 {
        0 => Size { prompt, ..small },
        1 => Size { max, ..small },
        _ => Size { prompt: (prompt / 2).max(small.prompt), max: (max / 2).max(small.max) },
    }
}

/// What a round is spent in.
#[derive(Clone, Copy)]
struct Spending {
    /// The size that the round asks about.
    unit: Size,
    /// One of which no hypothesis admits very many.
    both: Size,
    parallel: usize,
}

/// Spends a share of what there is, or all of it if that is 1.
///
/// Where the hypotheses differ widely in how many they admit, as many are sent as the strictest admits, and the rest is
/// spent otherwise: the sum tells them apart as well. The end is approached in small steps, because what is left when a
/// request is refused is not known any better than that.
async fn spend(bench: &Bench, fit: &Fit, with: Spending, share: f64) -> Result<(), Stop> {
    const MANY: f64 = 40.0;
    const QUICK: f64 = 0.5;
    let counts = |size: Size| fit.best.iter().map(move |it| capacity_in(bench, it, size));
    let most = |size: Size| counts(size).fold(1.0, f64::max);
    let fewest = |size: Size| counts(size).fold(f64::INFINITY, f64::min).min(MANY);
    let tokens = fit.best.iter().any(|it| it.charge.dimension.is_tokens());
    let whole_again = fit.first().map_or(f64::INFINITY, |it| it.shape.whole(it.capacity));
    let Spending { unit, both, parallel } = with;
    let near = if tokens { 0.75 } else { 1.0 };
    let whole = share >= 1.0;
    let mixed = tokens && most(unit) > MANY;
    let first = match (whole, mixed) {
        (true, false) if !tokens => usize::MAX,
        (true, false) => (near * fewest(unit)).ceil() as usize,
        (true, true) => (0.5 * fewest(unit)).ceil() as usize,
        (false, _) => {
            return drain(bench, unit, parallel, (share * fewest(unit)).ceil() as usize).await.map(|_| ());
        }
    };
    let from = bench.log().lines.len();
    let refused = |bench: &Bench| bench.log().lines.iter().skip(from).any(|line| line.refused());
    drain(bench, unit, parallel, first.min(4 * most(unit) as usize + 16)).await?;
    if refused(bench) {
        return other_key(bench, unit).await;
    }
    // Few enough, and spent before much of it is there again.
    let took = bench.log().took() / parallel.max(1) as f64;
    let enough = |size: Size| most(size) <= 2.0 * MANY && most(size) * took <= QUICK * whole_again;
    let mut step = if mixed { both } else { unit };
    if tokens {
        step = larger_until(bench, step, enough, |size| fewest(size) >= 2.0);
        for _ in 0..2 {
            let half = step.half(bench);
            step = if enough(half) { half } else { step };
        }
    }
    drain(bench, step, parallel, 4 * most(step) as usize + 16).await?;
    match refused(bench) {
        true => other_key(bench, step).await,
        false => Ok(()),
    }
}

/// The same, or as much larger as it takes and as still fits.
fn larger_until(
    bench: &Bench,
    size: Size,
    enough: impl Fn(Size) -> bool,
    fits: impl Fn(Size) -> bool,
) -> Size {
    let large = Size::large(bench);
    let longest = longest_answer(bench).min(large.max);
    let mut size = size;
    while !enough(size) && (size.prompt < large.prompt || size.max < longest) {
        let larger = Size {
            prompt: size.prompt.saturating_mul(2).min(large.prompt),
            max: size.max.saturating_mul(2).min(longest).max(size.max),
        };
        if !fits(larger) {
            break;
        }
        size = larger;
    }
    size
}

/// Whether one hypothesis is left, as far as it matters, and its figures are known well enough.
fn decided(fit: &Fit, round: usize) -> bool {
    const WELL: f64 = 1.02;
    const NEAR: f64 = 0.03;
    const ASKED: usize = 2;
    const NARROW: f64 = 1.06;
    let Some(first) = fit.first() else { return false };
    let tokens = first.charge.dimension.is_tokens();
    // Of requests one number is left, of tokens a narrow range; a bucket is told by its rate.
    let (low, high) = first.range;
    let sharp =
        first.shape.is_level() || if tokens { high < low * NARROW } else { high <= low.floor() + 1.5 };
    let same = |other: &Hypothesis| {
        other.family() == first.family()
            && (other.charge != first.charge || (other.shape.scale() / first.shape.scale()).ln().abs() < NEAR)
            && other.charge.dimension == first.charge.dimension
            && (!tokens || other.charge.precharge == first.charge.precharge || round >= 4)
    };
    round >= ASKED
        && sharp
        && fit.best.iter().all(same)
        && first.scales.1 / first.scales.0 < WELL
        && first.loss < 2.0
}

/// Spends half of a window, then after a pause the other half, and looks when it comes back: all at once at a
/// boundary, all at once a window after the first, or as it was spent.
async fn split(bench: &Bench, fit: &Fit, it: &Hypothesis, with: Spending, round: usize) -> Result<(), Stop> {
    let window = it.shape.scale();
    bench.says(format!("letting a window of about {window:.2} s go by"));
    let idle = if round == 0 { 1.37 } else { 0.2 };
    bench.until(bench.clock() + idle * window).await?;
    spend(bench, fit, with, 0.5).await?;
    bench.until(bench.clock() + 0.3 * window).await?;
    spend(bench, fit, with, 1.0).await?;
    bench.says("looking when it comes back");
    hunt(bench, fit, with.unit).await?;
    spend(bench, fit, with, 1.0).await
}

/// Lets a bucket refill in part, drains it, and looks when the next one fits.
async fn refill(bench: &Bench, fit: &Fit, it: &Hypothesis, with: Spending) -> Result<(), Stop> {
    let whole = it.shape.whole(it.capacity);
    bench.says("letting the bucket refill in part");
    bench.until(bench.clock() + (0.5 * whole).min(0.25 * left(bench))).await?;
    spend(bench, fit, with, 1.0).await?;
    bench.says("looking when the next one fits");
    hunt(bench, fit, with.unit).await
}

/// How many of a size fit into a capacity, one after another.
fn capacity_in(bench: &Bench, it: &Hypothesis, size: Size) -> f64 {
    let log = bench.log();
    let (prompt, max) = (log.prompt_counted()(size.prompt), f64::from(size.max));
    let asked = it.charge.asked(prompt, max);
    (it.capacity / asked.max(it.charge.in_all(prompt, max, log.share_of_max()))).max(1.0)
}

/// Of the windows that explain as much the one that goes by soonest, down to a part of the simplest and up to `most` seconds:
/// each of them strikes out others that are wrong, and a short one leaves time for more.
fn shortest(fit: &Fit, most: f64) -> Option<Hypothesis> {
    const AS_MUCH: f64 = 0.9;
    const PART: f64 = 0.25;
    let simplest = fit.best.iter().find(|it| !it.shape.is_level())?;
    let well = simplest.loss.max(fit.first()?.loss + AS_MUCH);
    let lengths = PART * simplest.shape.scale()..most;
    let good = fit.best.iter().filter(|it| !it.shape.is_level() && it.loss <= well);
    let good = good.filter(|it| lengths.contains(&it.shape.scale()));
    good.min_by(|one, other| one.shape.scale().total_cmp(&other.shape.scale())).cloned()
}

/// Seconds until it has to be over.
fn left(bench: &Bench) -> f64 {
    bench.settings().max_time.as_secs_f64() - bench.clock()
}

/// Where some that stand count requests and others tokens: one request that is larger than all tokens that those hold, at
/// a moment at which those that count requests admit one.
async fn larger_than_all(bench: &Bench, fit: &Fit) -> Result<(), Stop> {
    const CLEARLY: f64 = 2.0;
    let tokens = |it: &&Hypothesis| it.charge.dimension.is_tokens();
    let most = fit.best.iter().filter(tokens).map(|it| it.capacity).fold(0.0, f64::max);
    let (small, large) = (Size::small(bench), Size::large(bench));
    let prompt = CLEARLY * most;
    if fit.best.iter().all(|it| tokens(&it)) || most == 0.0 || prompt > f64::from(large.prompt) {
        return Ok(());
    }
    let size = Size {
        prompt: (prompt as u32).max(small.prompt),
        max: longest_answer(bench).min(large.max).min(prompt as u32).max(small.max),
    };
    let now = bench.clock();
    let waits = {
        let log = bench.log();
        let waits =
            fit.best.iter().filter(|it| !tokens(it)).map(|it| it.state(&log).wait(now, 1.0, it.capacity));
        waits.filter(|wait| wait.is_finite()).fold(0.0, f64::max)
    };
    bench.until(now + (1.05 * waits + 0.01).min(0.2 * left(bench))).await?;
    one(bench, 0, size).await.map(|_| ())
}

/// Sends probes at the moments about which the hypotheses that stand disagree, until one is admitted.
async fn hunt(bench: &Bench, fit: &Fit, size: Size) -> Result<(), Stop> {
    let now = bench.clock();
    let mut foretold = foretold(bench, fit, size, now);
    // What lies so far ahead is left for when the nearer is known.
    let horizon = now + AHEAD * left(bench);
    foretold.retain(|moment| *moment < horizon);
    let Some((&first, &last)) = foretold.first().zip(foretold.last()) else {
        return recover(bench, size, 0.02).await.map(|_| ());
    };
    let least = ((last - now) * 0.006).max(0.004);
    let mut moments: Vec<f64> = vec![first - least];
    for pair in foretold.windows(2) {
        if let [one, other] = pair {
            let middle = (one + other) / 2.0;
            if other - one > least && moments.last().is_none_or(|last| middle - last > least) {
                moments.push(middle);
            }
        }
    }
    if moments.len() > MOST_LOOKS {
        let step = moments.len() as f64 / MOST_LOOKS as f64;
        moments = (0..MOST_LOOKS).filter_map(|i| moments.get((i as f64 * step) as usize).copied()).collect();
    }
    moments.push(last + least);
    moments.push(last + 4.0 * least);
    for moment in moments {
        bench.until(moment).await?;
        if one(bench, 0, size).await? {
            return Ok(());
        }
    }
    recover(bench, size, 4.0 * least).await.map(|_| ())
}

/// When a probe of this size is admitted next, by each of the hypotheses and over the range of their figures.
fn foretold(bench: &Bench, fit: &Fit, size: Size, now: f64) -> Vec<f64> {
    const LOOKED_AT: usize = 12;
    let log = bench.log();
    let prompt = log.prompt_counted()(size.prompt);
    let mut moments = Vec::new();
    for it in fit.best.iter().take(LOOKED_AT) {
        let scale = it.shape.scale();
        let (low, high) = (it.scales.0.max(scale * 0.6), it.scales.1.min(scale * 1.6));
        let asked = it.charge.asked(prompt, f64::from(size.max));
        for part in 0..=6 {
            let it = it.scaled(low * (high / low).powf(f64::from(part) / 6.0));
            let wait = it.state(&log).wait(now, asked, it.capacity);
            if wait.is_finite() {
                moments.push(now + wait);
            }
        }
    }
    moments.sort_by(f64::total_cmp);
    moments
}
