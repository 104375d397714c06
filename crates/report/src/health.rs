//! The generator's own health in words: one line when all is well, more when not.

use floodline_core::connection::Http;
use floodline_core::summary::{Generator, RunSummary};
use floodline_core::verdict::Stamps;

use crate::format::{GLUE, count, counted, fraction, maybe_time, share, three_digits, time};
use crate::metrics::is_upper_bound;

/// From this share of its core on, a worker is worth a word.
const BUSY: f64 = 0.8;

/// How the generator fared.
pub(crate) struct Health {
    /// Whether the figures can be believed.
    pub(crate) valid: bool,
    /// The plain facts.
    pub(crate) facts: Vec<String>,
    /// What limits the figures or came close to it, as sentences.
    pub(crate) remarks: Vec<String>,
    /// The built-in provider, where one ran.
    pub(crate) provider: Option<String>,
}

/// The generator's health.
pub(crate) fn health(summary: &RunSummary) -> Health {
    let g = &summary.generator;
    Health { valid: g.valid, facts: facts(g), remarks: remarks(summary), provider: provider(g) }
}

fn facts(g: &Generator) -> Vec<String> {
    let mut facts = vec![
        format!("late p99 {}", against(g.late_p99_ms, g.late_allowed_ms, g.valid)),
        format!("lag p99 {}", against(g.lag_p99_ms, g.lag_allowed_ms, g.valid)),
        match g.stamps {
            Stamps::Kernel => "kernel stamps".into(),
            Stamps::Read => "no kernel stamps".into(),
        },
    ];
    if let Some(cpu) = g.cpu_seconds {
        facts.push(format!("CPU{GLUE}{}", time(cpu * 1e3)));
    }
    let workers = counted(g.workers.into(), "worker");
    facts.push(match g.busiest_worker {
        Some(busy) => format!("{workers}, busiest {}", fraction(busy)),
        None => workers,
    });
    if g.events > 0 {
        facts.push(format!("{} coalesced", share(g.coalesced, g.events)));
    }
    facts
}

/// A figure, and what it may be where that is the question.
fn against(ms: Option<f64>, allowed_ms: f64, valid: bool) -> String {
    match valid {
        true => maybe_time(ms),
        false => format!("{} (allowed {})", maybe_time(ms), time(allowed_ms)),
    }
}

fn remarks(summary: &RunSummary) -> Vec<String> {
    let g = &summary.generator;
    let mut remarks = Vec::new();
    if g.stamps == Stamps::Read {
        remarks.push(
            "This system gives no arrival stamps: arrivals are the times at which the program read them."
                .into(),
        );
    }
    if g.http == Http::Two {
        remarks.push(
            "HTTP/2: an arrival bears the stamp of its connection's latest read, which may have been for another stream: \
             times to tokens are upper bounds."
                .into(),
        );
    }
    if let Some(share) = g.coalesced_first.filter(|_| is_upper_bound(summary)) {
        remarks.push(format!(
            "TTFT is an upper bound: {} of first tokens shared a read with later ones.",
            fraction(share)
        ));
    }
    if let Some(busy) = g.busiest_worker.filter(|&busy| busy > BUSY) {
        remarks.push(format!(
            "The busiest worker used {} of its core; more load needs more --workers.",
            fraction(busy)
        ));
    }
    if let Some((open, most)) =
        g.descriptors.filter(|&(open, most)| open.saturating_mul(10) > most.saturating_mul(9))
    {
        remarks.push(format!("{} of {} descriptors were open at once.", count(open), count(most)));
    }
    if let Some((used, most)) =
        g.ports.filter(|&(used, most)| used.saturating_mul(10) > most.saturating_mul(9))
    {
        remarks.push(format!(
            "{} sockets of this machine held a port or had just given one up; one target address has {} ports.",
            count(used),
            count(most)
        ));
    }
    if g.starved > 0 {
        remarks.push(format!(
            "{} could not be sent for lack of descriptors, ports or memory.",
            counted(g.starved, "request")
        ));
    }
    if g.clock_step_ms > 1.0 {
        remarks.push(format!("The system clock was stepped by {}.", time(g.clock_step_ms)));
    }
    remarks
}

fn provider(g: &Generator) -> Option<String> {
    let cpu = g.provider_cpu_seconds?;
    let late =
        g.provider_late_p99_ms.map_or_else(String::new, |ms| format!(", tokens late p99 {}", time(ms)));
    let ratio = g.cpu_seconds.filter(|&own| own > 0.0).map(|own| cpu / own);
    let ratio = ratio.map_or_else(String::new, |r| format!(" ({}× the generator's)", three_digits(r)));
    Some(format!("CPU {}{ratio}{late}", time(cpu * 1e3)))
}
