//! The judge judged: this crate's server and null client over the C programs of the yardstick.

use anyhow::Result;

use super::{Bench, FLOOD, FLOOD_STREAMS, LIMIT, PACED, failed};
use crate::null::Load;
use crate::quantile::Sorted;
use crate::rig::Make;
use crate::table::{Bar, Row, Unit};

impl Bench {
    /// The benchmark's own server and client over the yardstick's, measured in turn: the median ratio.
    pub(super) fn check_ends(&self) -> [Row; 3] {
        const STREAMS: u32 = 256;
        const ROUNDS: u64 = 3;
        let paced = |server: Make, client: Make| {
            let requests = u64::from(STREAMS) * ROUNDS;
            let (ran, truth) = self.against(server, PACED, |server| {
                let load = Load { port: server.port, streams: STREAMS, requests, tokens: PACED.tokens };
                self.rig.run_null(client, load, LIMIT)
            })?;
            anyhow::Ok((ran.usage.cpu_seconds, truth.usage.cpu_seconds))
        };
        let flood = |client: Make| {
            let requests = self.scale.flood_requests;
            let measured = self.against(Make::Own, FLOOD, |server| {
                let load = Load { port: server.port, streams: FLOOD_STREAMS, requests, tokens: FLOOD.tokens };
                self.rig.run_null(client, load, LIMIT)
            });
            anyhow::Ok(requests as f64 / measured?.0.usage.wall_seconds)
        };
        let median = |ratio: &dyn Fn() -> Result<f64>| {
            (0..self.scale.check_repeats).map(|_| ratio()).collect::<Result<Sorted>>()
        };
        let row = |what: &str, subject: &str, ratio: Result<Sorted>, bar: Bar| match ratio {
            Err(e) => failed(what, subject, Unit::Ratio, &e).bar(bar),
            Ok(ratios) => Row::maybe(what, subject, Unit::Ratio, ratios.percentile(50.0)).bar(bar),
        };
        let cost = format!("CPU per token, {STREAMS} streams");
        let cheap = Bar::AtMost { limit: 1.2, heading: None };
        let fast = Bar::AtLeast { limit: 1.0 / 1.2, heading: None };
        let servers = median(&|| Ok(paced(Make::Own, Make::Own)?.1 / paced(Make::Yardstick, Make::Own)?.1));
        let clients = median(&|| Ok(paced(Make::Own, Make::Own)?.0 / paced(Make::Own, Make::Yardstick)?.0));
        let speeds = median(&|| Ok(flood(Make::Own)? / flood(Make::Yardstick)?));
        [
            row(&cost, "truth over truthd (C)", servers, cheap),
            row(&cost, "null over nullclient (C)", clients, cheap),
            row("flood tokens/s", "null over nullclient (C)", speeds, fast),
        ]
    }
}
