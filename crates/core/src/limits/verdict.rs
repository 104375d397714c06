//! What a limiter says: where each limit stands, and why a request is refused.

use super::limit::{Dimension, Period};
use super::{Limits, MAX_LIMITS};
use crate::time::Span;

/// Where one limit stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// What is admitted per window.
    pub limit: u64,
    /// What of it is used, rounded up.
    pub used: u64,
    /// What is left, below zero if more was used than there is.
    pub remaining: i64,
    /// Until all of it is there again.
    pub reset: Span,
}

/// Where all limits stand, in the order of [`Limits::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    gauges: [Gauge; MAX_LIMITS],
    length: u8,
}

/// Why a request is refused: the limit that keeps it out for longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The place of the limit in [`Limits::limits`].
    pub limit: u8,
    /// What it counts.
    pub dimension: Dimension,
    /// What messages call its window.
    pub per: Period,
    /// How long its window really is.
    pub window: Span,
    /// Whether waiting helps.
    pub reason: Reason,
    /// How long until this request would be admitted if nothing else happened; missing where that depends on
    /// others, and for what is too large.
    pub wait: Option<Span>,
    /// What was used of the limit.
    pub used: u64,
    /// What the request asked for.
    pub requested: u64,
    /// What the limit admits per window.
    pub limit_value: u64,
}

/// Whether waiting helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It does.
    Rate,
    /// It does not: the request asks for more than the limit can ever admit.
    TooLarge,
    /// The usage rises too fast. Waiting helps, and then rising slowly.
    Acceleration,
    /// Not before a long-term quota begins again.
    Quota,
}

impl Standing {
    /// Of these gauges; those beyond [`MAX_LIMITS`] are left out.
    pub fn new(gauges: impl IntoIterator<Item = Gauge>) -> Standing {
        let mut standing = Standing { gauges: [Gauge::default(); MAX_LIMITS], length: 0 };
        for (place, gauge) in standing.gauges.iter_mut().zip(gauges) {
            *place = gauge;
            standing.length += 1;
        }
        standing
    }

    /// All gauges.
    pub fn gauges(&self) -> &[Gauge] {
        self.gauges.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The gauge of the first limit of `limits` that counts `dimension` per `per`.
    pub fn of(&self, limits: &Limits, dimension: Dimension, per: Period) -> Option<Gauge> {
        self.gauges().get(limits.position(dimension, per)?).copied()
    }
}

impl Refusal {
    /// Whether trying again cannot succeed.
    pub const fn permanent(&self) -> bool {
        matches!(self.reason, Reason::TooLarge | Reason::Quota)
    }
}

impl Reason {
    /// The word for it in a ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Rate => "rate",
            Reason::TooLarge => "too_large",
            Reason::Acceleration => "acceleration",
            Reason::Quota => "quota",
        }
    }
}
