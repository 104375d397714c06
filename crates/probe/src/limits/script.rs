//! The questions that are put to a limiter, in their order.
//!
//! 1. A flood of probes that grow, alternately in their prompts and in what they ask for, until one is refused.
//! 2. If that is over as soon as the flood is: crowds, to see whether the number of requests at the same time is limited.
//! 3. While it is refused: which smaller ones are still admitted, and whether another key is.
//! 4. Pauses that grow, until one is admitted again; and how many then are.
//! 5. Rounds of spending and waiting, laid out so that the hypotheses that still stand foretell different things.
//! 6. With that limit known: floods that stay below it, of the kinds that another limit would refuse.

use floodline_core::retry::Dimension;

use super::ask::{Size, one, other_key};
use super::bench::{Bench, Stop};
use super::flood::{Flood, Kind, SPARED, flood};
use super::{crowd, explain, rounds};

pub(super) async fn run(bench: Bench) -> Result<(), Stop> {
    bench.says("saying hello");
    hello(&bench).await?;
    let most = bench.settings().parallel;
    bench.says("flooding until something is refused");
    let met = flood(&bench, Kind::Growing, most, patience(&bench), 0, |_| true).await?;
    let flooded = u32::try_from(bench.log().lines.len()).unwrap_or(u32::MAX);
    let met = match met {
        Some(met) if looks_crowded(&bench, &met).await? => {
            bench.says("sending crowds");
            let found = crowd::look(&bench, Some(met.beside(&bench)), most).await?;
            bench.note(|notes| notes.crowd = found);
            explain::mark(&bench);
            let most = found.map_or(most, |crowd| crowd.value);
            bench.says("flooding until something is refused");
            let again = flood(&bench, Kind::Growing, most, patience(&bench), 0, |_| true).await?;
            // What is half full already refuses soon, which says little of how much it holds.
            match found {
                None => Some(again.map_or(met, |again| again.or_larger(met, &bench))),
                Some(_) => again,
            }
        }
        Some(met) => Some(met),
        None => {
            bench.says("sending crowds");
            let found = crowd::look(&bench, None, most).await?;
            bench.note(|notes| notes.crowd = found);
            explain::mark(&bench);
            // What refuses crowds and is no limit on them is one that the flood was too slow for.
            let slow = found.is_none() && bench.log().lines.iter().any(|line| line.surprised());
            match slow {
                true => flood(&bench, Kind::Growing, most, patience(&bench), flooded, |_| true).await?,
                false => None,
            }
        }
    };
    let Some(met) = met else { return Ok(()) };
    look_closer(&bench, met).await?;
    others(&bench).await
}

/// One small request with each key: whether there is any use in asking.
async fn hello(bench: &Bench) -> Result<(), Stop> {
    let keys = bench.settings().keys.max(1);
    for key in (0..keys).rev() {
        greet(bench, key).await.map_err(|said| match said {
            Stop::Target(said) if keys > 1 => Stop::Key(key, said),
            other => other,
        })?;
    }
    Ok(())
}

async fn greet(bench: &Bench, key: usize) -> Result<(), Stop> {
    const TRIES: usize = 3;
    for _ in 0..TRIES {
        let from = bench.log().lines.len();
        if one(bench, key, Size::small(bench)).await?
            || bench.log().lines.iter().skip(from).any(|line| line.why().is_some())
        {
            return Ok(());
        }
    }
    Err(Stop::Target(bench.failure()))
}

/// Whether a refusal may come of how many were open: some were, and as soon as none is, nothing is refused.
async fn looks_crowded(bench: &Bench, flood: &Flood) -> Result<bool, Stop> {
    // A refusal that names a rate comes of no crowd.
    if flood.parallel <= 1 || flood.named.is_some_and(|named| named != Dimension::Concurrency) {
        return Ok(false);
    }
    bench.at_most_open(0).await;
    for _ in 0..3 {
        if !one(bench, 0, Size::small(bench)).await? {
            return Ok(false);
        }
    }
    Ok(flood.beside(bench) > 0)
}

/// All about the limit that a flood has met.
async fn look_closer(bench: &Bench, flood: Flood) -> Result<(), Stop> {
    by_the_day(bench, &flood)?;
    bench.says("looking at what is refused, and who");
    battery(bench, &flood).await?;
    bench.at_most_open(0).await;
    rounds::identify(bench, &flood.counted(bench)).await
}

/// What counts by the day and says how long it refuses is not waited for.
fn by_the_day(bench: &Bench, flood: &Flood) -> Result<(), Stop> {
    if !matches!(flood.named, Some(Dimension::Rpd | Dimension::Tpd)) {
        return Ok(());
    }
    let stated = bench.log().lines.iter().rev().find_map(|line| line.stated_wait());
    let left = bench.settings().max_time.as_secs_f64() - bench.clock();
    stated.filter(|wait| wait.as_secs_f64() > left).map_or(Ok(()), |wait| Err(Stop::Day(wait)))
}

/// While it is refused: the same again, another key, and ever smaller ones until not even the smallest is admitted.
async fn battery(bench: &Bench, flood: &Flood) -> Result<(), Stop> {
    /// Where so many in a row are admitted, it is there again already.
    const IN_A_ROW: u32 = 3;
    let small = Size::small(bench);
    let mut size = flood.refused;
    let mut admitted = 0;
    for _ in 0..40 {
        if one(bench, 0, size).await? {
            admitted += 1;
            if admitted >= IN_A_ROW {
                break;
            }
            continue;
        }
        admitted = 0;
        other_key(bench, size).await?;
        if size == small {
            break;
        }
        size = size.half(bench);
    }
    Ok(())
}

/// Floods that stay below what is known, and show whether anything else refuses.
async fn others(bench: &Bench) -> Result<(), Stop> {
    let crowd = bench.notes().crowd.map_or(bench.settings().parallel, |crowd| crowd.value);
    for kind in [Kind::Small, Kind::Prompts, Kind::Outputs] {
        bench.says(match kind {
            Kind::Small => "looking for a limit on requests",
            Kind::Prompts => "looking for a limit on prompts",
            Kind::Growing | Kind::Outputs => "looking for a limit on outputs",
        });
        rest(bench).await?;
        let met = flood(bench, kind, crowd, 1.2 * whole(bench), 0, |size| spare(bench, size)).await?;
        if let Some(met) = met {
            look_closer(bench, met).await?;
        }
    }
    Ok(())
}

/// Waits until all of the known limits is there again.
async fn rest(bench: &Bench) -> Result<(), Stop> {
    let until = bench.clock() + 1.05 * whole(bench);
    bench.until(until).await
}

/// How long it takes until all of the known limits is there again, in seconds.
fn whole(bench: &Bench) -> f64 {
    let notes = bench.notes();
    notes.rates().map(|it| it.shape.whole(it.capacity)).fold(0.0, f64::max)
}

/// How long a first flood may go on, in seconds: the rest is for what it finds.
fn patience(bench: &Bench) -> f64 {
    bench.settings().max_time.as_secs_f64() / 4.0
}

/// Whether a request of this size leaves all known limits well below what they admit.
fn spare(bench: &Bench, size: Size) -> bool {
    let (log, now) = (bench.log(), bench.clock());
    let prompt = log.prompt_counted()(size.prompt);
    bench.notes().rates().all(|it| {
        let asked = it.charge.asked(prompt, f64::from(size.max));
        it.state(&log).need(now, asked) <= SPARED * it.capacity
    })
}
