//! A line of `samples.jsonl`: a look at the generator, or how the run ended.
//!
//! `after` is the number of requests recorded before it and `journeys` that of journeys, which gives the order of
//! recording back.
//! `sum` guards the line, since nothing else does: FNV-1a of everything before its key.

use floodline_core::event::{Finished, Sample};
use floodline_core::plan::fnv1a;
use serde::{Deserialize, Serialize};

/// What a line says. One that says nothing known is of a later minor version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Requests recorded before it.
    pub(crate) after: u64,
    /// Journeys recorded before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) journeys: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sample: Option<Sample>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<Finished>,
    /// Events given up since the start because they could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<u64>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

const SUM: &[u8] = b",\"sum\":\"";

/// Appends a line; false, and nothing appended, if it could not be put in JSON.
pub(crate) fn put(out: &mut Vec<u8>, line: &Line) -> bool {
    let start = out.len();
    if serde_json::to_writer(&mut *out, line).is_err() || out.pop() != Some(b'}') {
        out.truncate(start);
        return false;
    }
    let sum = fnv1a(&out[start..]);
    out.extend_from_slice(SUM);
    out.extend_from_slice(format!("{sum:016x}\"}}\n").as_bytes());
    true
}

/// Reads a line, its end included; none if it is cut or altered.
pub(crate) fn take(bytes: &[u8]) -> Option<Line> {
    let end = bytes.strip_suffix(b"\"}\n")?;
    let (text, sum) = end.split_at_checked(end.len().checked_sub(16)?)?;
    let guarded = text.strip_suffix(SUM)?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == fnv1a(guarded)).then(|| serde_json::from_slice(bytes).ok())?
}
