//! Lengths in tokens: distributions that prompts and answers are drawn from.
//!
//! Every length is a whole number of at least 1: a continuous distribution is rounded to the nearest token, and what
//! falls outside the bounds counts as the bound itself (it is clamped, not drawn again), so that a bound never moves
//! the quantiles inside it. Draws, means and quantiles all mean the distribution after rounding and clamping.
//!
//! How percentiles that people know become the parameters of a family is in [`fit`]; lists, histograms and recorded
//! lengths are [`Weighted`]; inputs and outputs that belong together are [`Pairs`]. Reading any of them from a
//! scenario or a file is left to others.

pub mod fit;
mod pairs;
mod special;
mod weighted;

use serde::{Deserialize, Serialize};

use crate::grouped;
use crate::random::Stream;
use special::{gamma_cdf, gamma_quantile, normal_cdf, normal_quantile};

pub use fit::{Centre, Unfit, Width};
pub use pairs::{Pair, Pairs};
pub use weighted::{Bin, Weighted};

/// A distribution of lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    shape: Shape,
    /// The lower bound; zero means the same as one.
    #[serde(default)]
    min: u32,
    /// The upper bound, where there is one.
    #[serde(default)]
    max: Option<u32>,
}

/// A distribution before it is bounded. Parameters are in tokens unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Always the same.
    Fixed(u32),
    /// Every whole number from `low` to `high`, both included, equally often.
    Uniform {
        /// The shortest.
        low: u32,
        /// The longest.
        high: u32,
    },
    /// A normal distribution.
    Normal {
        /// Its mean, which is also its median.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },
    /// A distribution whose logarithm is normal.
    LogNormal {
        /// The mean of the natural logarithm.
        mu: f64,
        /// The standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// A gamma distribution, of mean `shape` · `scale`.
    Gamma {
        /// Without a unit: the smaller, the more skewed.
        shape: f64,
        /// Its scale.
        scale: f64,
    },
    /// Values or bins with weights.
    Weighted(Weighted),
}

/// What a preview shows of a distribution, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthsSummary {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: u32,
    /// The 95th percentile.
    pub p95: u32,
    /// The longest that can be drawn; none when nothing bounds it.
    pub most: Option<u32>,
}

impl Lengths {
    /// Always `tokens`.
    pub fn fixed(tokens: u32) -> Lengths {
        Lengths::from(Shape::Fixed(tokens))
    }

    /// Bounds that come on top of those there are: the narrower ones hold.
    #[must_use]
    pub fn clamped(mut self, min: Option<u32>, max: Option<u32>) -> Lengths {
        self.min = self.min.max(min.unwrap_or(0));
        self.max = match (self.max, max) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// The distribution before it is bounded.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The next length of a stream. How many numbers of the stream it takes depends on the distribution.
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        match &self.shape {
            Shape::Fixed(tokens) => self.bound(*tokens),
            Shape::Uniform { low, high } => self.bound(uniform(*low, *high, stream)),
            Shape::Normal { mean, deviation } => self.round(mean + deviation * stream.normal()),
            Shape::LogNormal { mu, sigma } => self.round(libm::exp(mu + sigma * stream.normal())),
            Shape::Gamma { shape, scale } => self.round(scale * stream.gamma(*shape)),
            Shape::Weighted(weighted) => self.bound(weighted.draw(stream)),
        }
    }

    /// The mean. Exact for whole numbers; for the continuous families the closed form of the clamped distribution, from
    /// which rounding to whole tokens moves it by a small fraction of a token.
    pub fn mean(&self) -> f64 {
        match &self.shape {
            Shape::Fixed(tokens) => f64::from(self.bound(*tokens)),
            Shape::Uniform { low, high } => uniform_mean(*low, *high, self.least_bound(), self.max),
            Shape::Weighted(weighted) => weighted.mean(self.least_bound(), self.max),
            Shape::Normal { .. } | Shape::LogNormal { .. } | Shape::Gamma { .. } => self.clamped_mean(),
        }
    }

    /// The shortest length that at least the fraction `p` of all lengths do not exceed.
    pub fn quantile(&self, p: f64) -> u32 {
        if p >= 1.0 {
            return self.most().unwrap_or(u32::MAX);
        }
        let p = p.max(0.0);
        match &self.shape {
            Shape::Fixed(tokens) => self.bound(*tokens),
            Shape::Uniform { low, high } => {
                let count = f64::from(*high) - f64::from(*low) + 1.0;
                let rank = (p * count).ceil().max(1.0);
                self.round(f64::from(*low) + rank - 1.0)
            }
            Shape::Weighted(weighted) => self.bound(weighted.quantile(p)),
            Shape::Normal { .. } | Shape::LogNormal { .. } | Shape::Gamma { .. } => {
                self.round(self.shape.quantile(p))
            }
        }
    }

    /// The longest length that can be drawn; none when nothing bounds it.
    pub fn most(&self) -> Option<u32> {
        let most = match &self.shape {
            Shape::Fixed(tokens) => Some(*tokens),
            Shape::Uniform { high, .. } => Some(*high),
            Shape::Weighted(weighted) => Some(weighted.most()),
            Shape::Normal { .. } | Shape::LogNormal { .. } | Shape::Gamma { .. } => self.max,
        };
        most.map(|most| self.bound(most))
    }

    /// The one length that there is, of a fixed one.
    pub fn only(&self) -> Option<u32> {
        match &self.shape {
            Shape::Fixed(tokens) => Some(self.bound(*tokens)),
            Shape::Uniform { .. }
            | Shape::Normal { .. }
            | Shape::LogNormal { .. }
            | Shape::Gamma { .. }
            | Shape::Weighted(_) => None,
        }
    }

    /// The shortest length that can be drawn.
    pub fn least(&self) -> u32 {
        match &self.shape {
            Shape::Fixed(tokens) => self.bound(*tokens),
            Shape::Uniform { low, .. } => self.bound(*low),
            Shape::Weighted(weighted) => self.bound(weighted.least()),
            Shape::Normal { .. } | Shape::LogNormal { .. } | Shape::Gamma { .. } => self.bound(0),
        }
    }

    /// Which fraction of the lengths is shorter than `tokens`, before any bound.
    pub fn share_below(&self, tokens: u32) -> f64 {
        let exact = f64::from(tokens);
        match &self.shape {
            Shape::Fixed(fixed) => f64::from(u8::from(*fixed < tokens)),
            Shape::Uniform { low, high } => {
                ((exact - f64::from(*low)) / (f64::from(*high) - f64::from(*low) + 1.0)).clamp(0.0, 1.0)
            }
            Shape::Weighted(weighted) => weighted.share_below(tokens),
            Shape::Normal { .. } | Shape::LogNormal { .. } | Shape::Gamma { .. } => {
                self.shape.below(exact - 0.5)
            }
        }
    }

    /// What a preview shows.
    pub fn summary(&self) -> LengthsSummary {
        LengthsSummary {
            mean: self.mean(),
            p50: self.quantile(0.5),
            p95: self.quantile(0.95),
            most: self.most(),
        }
    }

    /// What it is, for people, such as `lognormal, median 3,000, p95 9,000 tokens`.
    pub fn describe(&self) -> String {
        let tokens = |x: f64| grouped(whole(x));
        let shape = match &self.shape {
            Shape::Fixed(1) => "1 token".into(),
            Shape::Fixed(fixed) => format!("{} tokens", grouped(*fixed)),
            Shape::Uniform { low, high } => {
                format!("uniform, {} to {} tokens", grouped(*low), grouped(*high))
            }
            Shape::Normal { mean, .. } => {
                format!("normal, mean {}, p95 {} tokens", tokens(*mean), tokens(self.shape.quantile(0.95)))
            }
            Shape::LogNormal { mu, .. } => {
                let (median, p95) = (libm::exp(*mu), self.shape.quantile(0.95));
                format!("lognormal, median {}, p95 {} tokens", tokens(median), tokens(p95))
            }
            Shape::Gamma { shape, scale } => {
                let (mean, p95) = (shape * scale, self.shape.quantile(0.95));
                format!("gamma, mean {}, p95 {} tokens", tokens(mean), tokens(p95))
            }
            Shape::Weighted(weighted) => weighted.describe(),
        };
        match (self.min, self.max) {
            (0 | 1, None) => shape,
            (0 | 1, Some(max)) => format!("{shape}, clamped to at most {}", grouped(max)),
            (min, None) => format!("{shape}, clamped to at least {}", grouped(min)),
            (min, Some(max)) => format!("{shape}, clamped to {} to {}", grouped(min), grouped(max)),
        }
    }

    fn least_bound(&self) -> u32 {
        self.min.max(1)
    }

    fn bound(&self, tokens: u32) -> u32 {
        tokens.min(self.max.unwrap_or(u32::MAX)).max(self.least_bound())
    }

    fn round(&self, tokens: f64) -> u32 {
        self.bound(whole(tokens))
    }

    /// With F the distribution and a, b the bounds, a·F(a) + ∫ₐᵇ x dF + b·(1 − F(b)).
    fn clamped_mean(&self) -> f64 {
        let low = f64::from(self.least_bound());
        let below = low * self.shape.below(low);
        let (inside, above) = match self.max.map(|max| f64::from(max).max(low)) {
            None => (self.shape.mean_below(f64::INFINITY), 0.0),
            Some(high) => (self.shape.mean_below(high), high * (1.0 - self.shape.below(high))),
        };
        below + (inside - self.shape.mean_below(low)) + above
    }
}

impl From<Shape> for Lengths {
    fn from(shape: Shape) -> Lengths {
        Lengths { shape, min: 1, max: None }
    }
}

impl From<Weighted> for Lengths {
    fn from(weighted: Weighted) -> Lengths {
        Lengths::from(Shape::Weighted(weighted))
    }
}

/// The continuous families; of the others, what rounding and clamping leave of them is in [`Lengths`].
impl Shape {
    fn quantile(&self, p: f64) -> f64 {
        match self {
            Shape::Normal { mean, deviation } => mean + deviation * normal_quantile(p),
            Shape::LogNormal { mu, sigma } => libm::exp(mu + sigma * normal_quantile(p)),
            Shape::Gamma { shape, scale } => scale * gamma_quantile(*shape, p),
            Shape::Fixed(_) | Shape::Uniform { .. } | Shape::Weighted(_) => 0.0,
        }
    }

    /// P(X ≤ x).
    fn below(&self, x: f64) -> f64 {
        match self {
            Shape::Normal { mean, deviation } => normal_cdf((x - mean) / deviation),
            Shape::LogNormal { mu, sigma } if x > 0.0 => normal_cdf((libm::log(x) - mu) / sigma),
            Shape::Gamma { shape, scale } => gamma_cdf(*shape, x / scale),
            Shape::LogNormal { .. } | Shape::Fixed(_) | Shape::Uniform { .. } | Shape::Weighted(_) => 0.0,
        }
    }

    /// ∫ t dF(t) up to x (Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, on truncated moments).
    fn mean_below(&self, x: f64) -> f64 {
        match self {
            Shape::Normal { mean, deviation } => {
                let z = (x - mean) / deviation;
                let density = libm::exp(-0.5 * z * z) / libm::sqrt(std::f64::consts::TAU);
                mean * normal_cdf(z) - deviation * density
            }
            Shape::LogNormal { mu, sigma } if x > 0.0 => {
                let z = (libm::log(x) - mu) / sigma;
                libm::exp(mu + 0.5 * sigma * sigma) * normal_cdf(z - sigma)
            }
            Shape::Gamma { shape, scale } => shape * scale * gamma_cdf(shape + 1.0, x / scale),
            Shape::LogNormal { .. } | Shape::Fixed(_) | Shape::Uniform { .. } | Shape::Weighted(_) => 0.0,
        }
    }
}

/// A whole number from `low` to `high`, both included.
fn uniform(low: u32, high: u32, stream: &mut Stream) -> u32 {
    match high.saturating_sub(low).checked_add(1) {
        Some(count) => low + stream.below(count),
        None => (stream.bits() >> 32) as u32,
    }
}

/// The mean of the whole numbers from `low` to `high` once each is clamped to `least` and `most`.
fn uniform_mean(low: u32, high: u32, least: u32, most: Option<u32>) -> f64 {
    let (low, high) = (f64::from(low), f64::from(high.max(low)));
    let least = f64::from(least);
    let most = most.map_or(f64::INFINITY, f64::from).max(least);
    let count = high - low + 1.0;
    let below = (least - low).clamp(0.0, count);
    let above = (high - most).clamp(0.0, count);
    let inside = count - below - above;
    let middle = (low.max(least) + high.min(most)) / 2.0;
    let inside_sum = if inside > 0.0 { inside * middle } else { 0.0 };
    let (below_sum, above_sum) =
        (if below > 0.0 { below * least } else { 0.0 }, if above > 0.0 { above * most } else { 0.0 });
    (below_sum + inside_sum + above_sum) / count
}

/// The nearest whole number; what is not a number is zero.
fn whole(x: f64) -> u32 {
    // The cast saturates.
    x.round() as u32
}

#[cfg(test)]
mod tests;
