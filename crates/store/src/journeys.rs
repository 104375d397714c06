//! A line of `journeys.jsonl.zst`: a journey that ended.
//!
//! `after` is the number of requests recorded before it, its own among them, which gives the order of recording back.

use floodline_core::journey::Journey;
use serde::{Deserialize, Serialize};

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line<J = Journey> {
    /// Requests recorded before it.
    pub(crate) after: u64,
    #[serde(flatten)]
    pub(crate) journey: J,
}

/// Appends a line; false, and nothing appended, if it could not be put in JSON.
pub(crate) fn put(out: &mut Vec<u8>, after: u64, journey: &Journey) -> bool {
    let start = out.len();
    if serde_json::to_writer(&mut *out, &Line { after, journey }).is_err() {
        out.truncate(start);
        return false;
    }
    out.push(b'\n');
    true
}

#[cfg(test)]
mod tests {
    use floodline_core::journey::JourneyEnd;
    use floodline_core::{Moment, Phase, Span};

    use super::*;

    #[test]
    fn a_line_comes_back() {
        let journey = Journey {
            scenario: Some("chat".into()),
            user: u64::MAX,
            iteration: 3,
            phase: Phase::Main,
            scheduled: Moment(u64::MAX - 1),
            ended: Moment(u64::MAX),
            thought: Span(7),
            requests: 5,
            end: JourneyEnd::Failed,
            at_step: Some("ask".into()),
            error: Some("a \"quote\"\nand a line".into()),
        };
        let mut out = Vec::new();
        assert!(put(&mut out, 12, &journey));
        assert!(out.starts_with(b"{\"after\":12,\"scenario\":\"chat\",\"user\":"));
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line: Line = serde_json::from_slice(&out).unwrap();
        assert_eq!((line.after, line.journey), (12, journey));
    }
}
