//! What is measured, in which order, and the bars it is held against (design, section 7).

mod ends;
mod lateness;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::accuracy::{Errors, compare};
use crate::floodline::{Floodline, Run};
use crate::null::Load;
use crate::quantile::Sorted;
use crate::rig::{Account, Make, Rig, Server, Truth};
use crate::table::{Bar, Row, Unit};
use crate::truth::Pace;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Numbers of paced streams.
    paced: &'static [u32],
    /// Requests of each of them, of about a second.
    paced_rounds: u64,
    flood_requests: u64,
    flood_repeats: usize,
    /// How often the benchmark's ends are held against the yardstick's, in turn.
    check_repeats: usize,
    /// Streams open at once, and the slow answers that keep them open.
    open_streams: u32,
    open_pace: Pace,
    lateness_seconds: u32,
}

impl Scale {
    /// What the bars are stated for: some minutes.
    pub(crate) const FULL: Scale = Scale {
        paced: &[64, 256, 1000],
        paced_rounds: 10,
        flood_requests: 6400,
        flood_repeats: 5,
        check_repeats: 5,
        open_streams: 10_000,
        open_pace: Pace {
            ttft: Duration::from_secs(2),
            gap: Duration::from_millis(200),
            tokens: 20,
            keep_gaps: false,
        },
        lateness_seconds: 10,
    };

    /// A look, in about twenty seconds; the figures are rougher.
    pub(crate) const QUICK: Scale = Scale {
        paced: &[64, 256],
        paced_rounds: 2,
        flood_requests: 1280,
        flood_repeats: 1,
        check_repeats: 1,
        open_streams: 2000,
        open_pace: Pace {
            ttft: Duration::from_millis(500),
            gap: Duration::from_millis(100),
            tokens: 10,
            keep_gaps: false,
        },
        lateness_seconds: 3,
    };
}

const PACED: Pace =
    Pace { ttft: Duration::from_millis(50), gap: Duration::from_millis(10), tokens: 100, keep_gaps: true };
const FLOOD: Pace = Pace { ttft: Duration::ZERO, gap: Duration::ZERO, tokens: 1000, keep_gaps: false };
const FLOOD_STREAMS: u32 = 64;
/// What the memory of many streams is compared with.
const FEW_STREAMS: u32 = 64;
/// No client takes as long.
const LIMIT: Duration = Duration::from_secs(120);

/// The programs at hand.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) rig: Rig,
    /// Absent if only the benchmark's own ends are looked at.
    pub(crate) floodline: Option<Floodline>,
    pub(crate) scale: Scale,
}

impl Bench {
    /// Measures everything, telling `progress` what comes next.
    pub(crate) fn run(&self, mut progress: impl FnMut(&str)) -> Vec<Row> {
        let mut rows = Vec::new();
        for &make in self.rig.makes() {
            for &streams in self.scale.paced {
                progress(&format!("{streams} paced streams against {}", make.server()));
                rows.extend(self.paced(make, streams));
            }
            progress(&format!("flood from {}", make.server()));
            rows.extend(self.flood(make));
            progress(&format!("{} open streams against {}", self.scale.open_streams, make.server()));
            rows.extend(self.memory(make));
        }
        if let Some(floodline) = &self.floodline {
            progress("open loop against the built-in provider and truth");
            rows.extend(self.lateness(floodline));
        }
        if self.rig.makes().contains(&Make::Yardstick) {
            progress("the benchmark's own ends against the yardstick's");
            rows.extend(self.check_ends());
        }
        rows
    }

    /// CPU per token of both ends, and the truth of what Floodline reports.
    fn paced(&self, make: Make, streams: u32) -> Vec<Row> {
        let what = format!("CPU per token, {streams} streams{}", against(make));
        let requests = u64::from(streams) * self.scale.paced_rounds;
        let tokens = (requests * u64::from(PACED.tokens)) as f64;
        let load = |server: &Server| Load { port: server.port, streams, requests, tokens: PACED.tokens };
        let per_token = |cpu_seconds: f64| cpu_seconds / tokens * 1e6;

        let mut rows = Vec::new();
        let mut base = None;
        for &client in self.rig.makes() {
            let measured = self.against(make, PACED, |server| self.rig.run_null(client, load(server), LIMIT));
            let row = match measured {
                Err(e) => failed(&what, client.client(), Unit::MicrosPerToken, &e),
                Ok((ran, truth)) => {
                    let cost = per_token(ran.usage.cpu_seconds);
                    base = base.or(Some(cost));
                    if client == make {
                        let server = per_token(truth.usage.cpu_seconds);
                        rows.push(
                            Row::new(&what, make.server(), Unit::MicrosPerToken, server)
                                .note(own_account(&truth)),
                        );
                    }
                    Row::new(&what, client.client(), Unit::MicrosPerToken, cost).over(base)
                }
            };
            rows.push(row);
        }
        let Some(floodline) = &self.floodline else { return rows };
        let bar = barred(streams).then(|| Bar::AtMost {
            limit: base.map_or(15.0, |null| f64::max(15.0, 2.0 * null)),
            heading: Some(10.0),
        });
        match self.against(make, PACED, |server| floodline.drive(&self.rig, load(server), LIMIT)) {
            Err(e) => rows.push(failed(&what, FLOODLINE, Unit::MicrosPerToken, &e).bar(bar)),
            Ok((run, truth)) => {
                let cost = per_token(run.usage.cpu_seconds);
                let row = Row::new(&what, FLOODLINE, Unit::MicrosPerToken, cost).over(base).bar(bar);
                rows.push(row.note(notes([run.summary.verdict(), own_account(&truth)])));
                rows.extend(truthfulness(make, streams, requests, &run, &truth));
            }
        }
        rows
    }

    /// Tokens per second end to end, from the start of the process to its end.
    fn flood(&self, make: Make) -> Vec<Row> {
        let what = format!("flood, {FLOOD_STREAMS} streams of {} tokens{}", FLOOD.tokens, against(make));
        let requests = self.scale.flood_requests;
        let tokens = (requests * u64::from(FLOOD.tokens)) as f64;
        let load = |server: &Server| Load {
            port: server.port,
            streams: FLOOD_STREAMS,
            requests,
            tokens: FLOOD.tokens,
        };
        let repeat = |client: &dyn Fn(&Server) -> Result<f64>| {
            let measured = self.against(make, FLOOD, |server| {
                (0..self.scale.flood_repeats).map(|_| client(server)).collect::<Result<Sorted>>()
            });
            measured.map(|(rates, truth)| (rates, own_account(&truth)))
        };

        let mut rows = Vec::new();
        let mut base = None;
        for &client in self.rig.makes() {
            let rates = repeat(&|server| {
                Ok(tokens / self.rig.run_null(client, load(server), LIMIT)?.usage.wall_seconds)
            });
            base = base.or_else(|| rates.as_ref().ok()?.0.percentile(50.0));
            rows.extend(rates_rows(&what, client.client(), &rates, base, None));
        }
        if let Some(floodline) = &self.floodline {
            let rates = repeat(&|server| {
                Ok(tokens / floodline.drive(&self.rig, load(server), LIMIT)?.usage.wall_seconds)
            });
            let bar = Bar::AtLeast { limit: 1.5e6, heading: Some(4e6) };
            rows.extend(rates_rows(&what, FLOODLINE, &rates, base, Some(bar)));
        }
        rows
    }

    /// Memory of many streams open at once: in all, and what each adds.
    fn memory(&self, make: Make) -> Vec<Row> {
        let many = self.scale.open_streams;
        let pace = self.scale.open_pace;
        let load = |server: &Server, streams: u32| Load {
            port: server.port,
            streams,
            requests: streams.into(),
            tokens: pace.tokens,
        };
        let mut rows = Vec::new();
        for &client in self.rig.makes() {
            rows.extend(self.memory_of(make, client.client(), |server, streams| {
                Ok(self.rig.run_null(client, load(server, streams), LIMIT)?.usage.peak_memory_kib)
            }));
        }
        if let Some(floodline) = &self.floodline {
            let mut own = self.memory_of(make, FLOODLINE, |server, streams| {
                Ok(floodline.drive(&self.rig, load(server, streams), LIMIT)?.usage.peak_memory_kib)
            });
            let [total, each] = &mut own;
            total.bar = Some(Bar::AtMost { limit: 400.0 * f64::from(many) / 10_000.0, heading: None });
            each.bar = Some(Bar::AtMost { limit: 40.0, heading: Some(12.0) });
            rows.extend(own);
        }
        rows
    }

    fn memory_of(
        &self,
        make: Make,
        subject: &str,
        peak_kib: impl Fn(&Server, u32) -> Result<u64>,
    ) -> [Row; 2] {
        let many = self.scale.open_streams;
        let total = format!("memory, {many} open streams{}", against(make));
        let each = format!("memory per stream, {FEW_STREAMS} to {many}{}", against(make));
        let pace = self.scale.open_pace;
        let measured =
            self.against(make, pace, |server| peak_kib(server, FEW_STREAMS)).and_then(|(few, _)| {
                let (lots, truth) = self.against(make, pace, |server| peak_kib(server, many))?;
                if let Some(Account { peak_open, .. }) =
                    truth.account.filter(|account| account.peak_open < many)
                {
                    bail!("only {peak_open} streams were open at once");
                }
                Ok((few as f64 * 1.024, lots as f64 * 1.024, truth))
            });
        match measured {
            Err(e) => {
                [failed(&total, subject, Unit::Megabytes, &e), failed(&each, subject, Unit::Kilobytes, &e)]
            }
            Ok((few, lots, truth)) => {
                let added = (lots - few) / f64::from(many - FEW_STREAMS);
                let open = truth.account.map_or(String::new(), |a| format!("{} open at once", a.peak_open));
                let mut each = Row::new(&each, subject, Unit::Kilobytes, added);
                if added < 0.1 {
                    // See `Usage::peak_memory_kib`: the first few megabytes are not the program's own.
                    each.value = Err("less than can be told".into());
                }
                [
                    Row::new(&total, subject, Unit::Megabytes, lots / 1e3)
                        .note(notes([open, own_account(&truth)])),
                    each,
                ]
            }
        }
    }

    /// Runs `client` against a server of its own, and returns what both know.
    fn against<T>(
        &self,
        make: Make,
        pace: Pace,
        client: impl FnOnce(&Server) -> Result<T>,
    ) -> Result<(T, Truth)> {
        let server = self.rig.serve(make, pace)?;
        let measured = client(&server);
        let truth = server.stop()?;
        Ok((measured?, truth))
    }
}

const FLOODLINE: &str = "floodline";

/// Whether the bars speak of so many streams.
fn barred(streams: u32) -> bool {
    streams <= 256
}

fn against(make: Make) -> &'static str {
    match make {
        Make::Own => "",
        Make::Yardstick => ", of truthd (C)",
    }
}

fn failed(measure: &str, subject: &str, unit: Unit, error: &anyhow::Error) -> Row {
    let mut row = Row::new(measure, subject, unit, 0.0);
    row.value = Err(format!("{error:#}"));
    row
}

/// What is doubtful about the server's own log.
fn own_account(truth: &Truth) -> String {
    match truth.account {
        Some(account) if account.blocked + account.abandoned > 0 => {
            format!("{} tokens held up, {} streams left", account.blocked, account.abandoned)
        }
        _ => String::new(),
    }
}

/// What there is to say, of what may be empty.
fn notes(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Errors unless the server logged every request, each of which Floodline's journal has too.
fn require_all(requests: u64, joined: usize, logged: usize) -> Result<()> {
    if (joined as u64, logged as u64) != (requests, requests) {
        bail!("of {requests} requests the server logged {logged}, and {joined} are in the journal too");
    }
    Ok(())
}

/// The errors of what Floodline reports: rows that only a run known in full on both sides can fill.
fn truthfulness(make: Make, streams: u32, requests: u64, run: &Run, truth: &Truth) -> Vec<Row> {
    let records = run.records();
    let errors = compare(&truth.log, &run.summary, records.as_deref().unwrap_or_default());
    let missing = records.and_then(|_| require_all(requests, errors.single.joined, truth.log.len())).err();
    let Errors { ttft_p50, ttft_p99, gap_p50, gap_p99, single } = errors;
    let row = |what: &str, value| {
        let what = format!("{what}, {streams} streams{}", against(make));
        match &missing {
            Some(e) => failed(&what, FLOODLINE, Unit::Millis, e),
            None => Row::maybe(what, FLOODLINE, Unit::Millis, value),
        }
    };
    // Tokens held up make the log's instants too early, and the errors too large.
    let doubt = own_account(truth);
    let bar = barred(streams).then_some(Bar::AtMost { limit: 1.0, heading: Some(0.2) });
    let joined = format!(
        "{} requests, p50 {}, max {}",
        single.joined,
        micros(single.ttft_p50),
        micros(single.ttft_max)
    );
    let mut rows = vec![
        row("TTFT p99 error", ttft_p99)
            .bar(bar)
            .note(notes([format!("p50 error {}", micros(ttft_p50)), doubt.clone()])),
        row("TTFT error of single requests, p99", single.ttft_p99).bar(bar).note(notes([joined, doubt])),
    ];
    // The yardstick keeps no gaps.
    if make == Make::Own {
        rows.push(row("gap p99 error", gap_p99).note(format!("p50 error {}", micros(gap_p50))));
        // Tokens that were read together are one arrival: a gap is missing, and the next one is longer.
        let coalesced = run
            .summary
            .count("/generator/coalesced")
            .map_or(String::new(), |n| format!("{n} tokens coalesced"));
        rows.push(row("longest-gap error of single requests, p99", single.max_gap_p99).note(coalesced));
    }
    rows
}

fn micros(millis: Option<f64>) -> String {
    millis.map_or_else(|| "–".to_owned(), |millis| format!("{:.0} µs", millis * 1e3))
}

fn rates_rows(
    what: &str,
    subject: &str,
    rates: &Result<(Sorted, String)>,
    base: Option<f64>,
    bar: Option<Bar>,
) -> Vec<Row> {
    match rates {
        Err(e) => vec![failed(what, subject, Unit::TokensPerSecond, e).bar(bar)],
        Ok((rates, doubt)) => {
            let best = rates.percentile(100.0).map(|best| format!("best {:.2} M/s", best / 1e6));
            let note = notes([format!("median of {}", rates.len()), best.unwrap_or_default(), doubt.clone()]);
            let row = Row::maybe(what, subject, Unit::TokensPerSecond, rates.percentile(50.0));
            vec![row.over(base).bar(bar).note(note)]
        }
    }
}
