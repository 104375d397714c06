//! How large the probes of a flood are: growing, or as large as it takes to come to what head fields claim.

use floodline_core::finding::FoundDimension;

use super::{Kind, LARGEST, MOST, SPARED};
use crate::limits::ask::Size;
use crate::limits::bench::Bench;
use crate::limits::claims;

/// Of the requests that are spared, how many at least are to be large ones.
const LARGE: f64 = 0.7;
/// Doublings that lead from the smallest size beyond every other.
const ALL: u32 = 12;

/// The sizes of a flood's probes, one after another.
pub(super) struct Sizes {
    kind: Kind,
    small: Size,
    large: Size,
    /// After how many they double.
    step: u32,
    /// Whether they come to what head fields claim: then they are large from the first on, however long an answer takes.
    claimed: bool,
}

impl Sizes {
    pub(super) fn of(bench: &Bench, kind: Kind) -> Sizes {
        let (small, most) = (Size::small(bench), Size::large(bench));
        let room = room(bench).clamp(1.0, f64::from(MOST));
        let claim = match kind {
            Kind::Prompts => claim(bench, FoundDimension::InputTpm),
            Kind::Outputs => claim(bench, FoundDimension::OutputTpm),
            Kind::Growing | Kind::Small => None,
        };
        let large = match kind {
            Kind::Growing | Kind::Small => {
                Size { prompt: most.prompt.min(LARGEST.prompt), max: most.max.min(LARGEST.max) }
            }
            Kind::Prompts | Kind::Outputs => Size {
                prompt: each(LARGEST.prompt, claim, room).min(most.prompt).max(small.prompt),
                max: each(LARGEST.max, claim, room).min(most.max).max(small.max),
            },
        };
        let step = (room / 24.0).clamp(2.0, 8.0) as u32;
        Sizes { kind, small, large, step, claimed: claim.is_some() }
    }

    /// The size of a probe, where an answer may be so long.
    pub(super) fn at(&self, index: u32, longest: u32) -> Size {
        let Sizes { small, large, .. } = *self;
        let (level, longest) = match self.claimed {
            true => (ALL, large.max),
            false => ((index / self.step).min(ALL), longest.min(large.max)),
        };
        let prompt = small.prompt.saturating_mul(1 << level);
        let max = small.max.max(8).saturating_mul(1 << level);
        match self.kind {
            Kind::Growing if index.is_multiple_of(2) => Size { prompt: prompt.min(large.prompt), ..small },
            Kind::Growing => Size { max: max.min(longest), ..small },
            Kind::Small => small,
            Kind::Prompts => Size { prompt: prompt.saturating_mul(4).min(large.prompt), ..small },
            Kind::Outputs => Size { max: max.saturating_mul(4).min(longest), ..small },
        }
    }
}

/// How large each has to be so that those for which there is room pass a claim; without one, or with one out of reach, so that
/// they come to as much as a flood of the `usual` size where no limit on requests is known.
fn each(usual: u32, claim: Option<f64>, room: f64) -> u32 {
    let all = f64::from(usual) * f64::from(MOST) * LARGE;
    (claim.map_or(all, |claim| claim.min(all)) / (LARGE * room)).ceil() as u32
}

/// What it takes to pass what head fields claim of these tokens, or of all tokens; nothing if that is known already.
fn claim(bench: &Bench, dimension: FoundDimension) -> Option<f64> {
    const PAST: f64 = 1.2;
    let log = bench.log();
    let tokens = bench.notes().rates().any(|it| it.charge.dimension.is_tokens());
    let all = || claims::of(&log, FoundDimension::Tpm).filter(|_| !tokens);
    claims::of(&log, dimension).or_else(all).map(|claimed| PAST * claimed as f64)
}

/// How many requests the limits spare that are known.
fn room(bench: &Bench) -> f64 {
    let (log, now, notes) = (bench.log(), bench.clock(), bench.notes());
    let requests = notes.rates().filter(|it| !it.charge.dimension.is_tokens());
    let rooms = requests.map(|it| SPARED * it.capacity - it.state(&log).used(now));
    rooms.fold(f64::INFINITY, f64::min)
}
