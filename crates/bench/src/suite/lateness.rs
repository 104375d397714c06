//! How late requests leave in an open loop: Floodline's own figure, and what a server saw of it.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, FLOODLINE, LIMIT, failed, micros, notes, own_account, require_all};
use crate::accuracy::lateness;
use crate::floodline::{Floodline, OpenLoad, Run};
use crate::quantile::Sorted;
use crate::rig::{Make, Truth};
use crate::table::{Bar, Row, Unit};
use crate::truth::Pace;

const RATE: u32 = 1000;
/// Of an answer of the built-in provider.
const STUB_TOKENS: u32 = 100;
/// Short answers, each at once: it is the sending that is looked at.
const SHORT: Pace = Pace { ttft: Duration::ZERO, gap: Duration::ZERO, tokens: 10, keep_gaps: false };
const BAR: Bar = Bar::AtMost { limit: 1.0, heading: None };

impl Bench {
    /// Against the built-in provider by Floodline's own account; against the ground-truth server by that and,
    /// beside it, by the server's log held against the plan.
    pub(super) fn lateness(&self, floodline: &Floodline) -> [Row; 3] {
        let own = format!("lateness p99, {RATE} requests/s");
        let of_stub = format!("{own}, stub:instant");
        let seen = format!("{own}, received − scheduled − connect");

        let stub = self.open_load("stub:instant".into(), STUB_TOKENS);
        let first = match floodline.drive_open(&self.rig, &stub, LIMIT) {
            Err(e) => late_error(&of_stub, FLOODLINE, &e),
            Ok(run) => own_row(&of_stub, &run),
        };
        match self.lateness_seen(floodline) {
            Err(e) => [first, late_error(&own, FLOODLINE, &e), late_error(&seen, Make::Own.server(), &e)],
            Ok((run, truth, late)) => {
                let spread = format!(
                    "least {}, p50 {}, max {}",
                    micros(late.percentile(0.0)),
                    micros(late.percentile(50.0)),
                    micros(late.percentile(100.0))
                );
                let log = Row::maybe(seen, Make::Own.server(), Unit::Millis, late.percentile(99.0));
                [first, own_row(&own, &run), log.bar(BAR).note(notes([spread, own_account(&truth)]))]
            }
        }
    }

    /// A run against the ground-truth server, and how late each of its requests got there.
    fn lateness_seen(&self, floodline: &Floodline) -> Result<(Run, Truth, Sorted)> {
        let (run, truth) = self.against(Make::Own, SHORT, |server| {
            let load = self.open_load(format!("http://127.0.0.1:{}/v1", server.port), SHORT.tokens);
            floodline.drive_open(&self.rig, &load, LIMIT)
        })?;
        let late = lateness(&truth.log, &run.records()?, run.started()?);
        let requests = u64::from(RATE) * u64::from(self.scale.lateness_seconds);
        require_all(requests, late.len(), truth.log.len())?;
        Ok((run, truth, late))
    }

    fn open_load(&self, url: String, tokens: u32) -> OpenLoad {
        OpenLoad { url, rate: RATE, seconds: self.scale.lateness_seconds, tokens }
    }
}

/// The figure that Floodline gives.
fn own_row(measure: &str, run: &Run) -> Row {
    let sent = run.summary.count("/requests/sent").unwrap_or(0);
    Row::maybe(measure, FLOODLINE, Unit::Millis, run.summary.metric("late", "p99"))
        .bar(BAR)
        .note(format!("{sent} sent, {}", run.summary.verdict()))
}

fn late_error(measure: &str, subject: &str, error: &anyhow::Error) -> Row {
    failed(measure, subject, Unit::Millis, error).bar(BAR)
}
