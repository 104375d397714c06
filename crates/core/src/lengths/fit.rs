//! From figures that people know, such as a median and a 95th percentile, to the parameters of a family.
//!
//! Closed forms where there are some; the shape of a gamma distribution is bisected, with the same steps on every machine.

use std::fmt;

use super::special::{bisect, gamma_quantile, normal_quantile};
use super::{Lengths, Shape, whole};
use crate::grouped;

/// Where the middle of a distribution is, in tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Centre {
    /// Its mean.
    Mean(f64),
    /// Its median.
    Median(f64),
}

/// How wide a distribution is, in tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Width {
    /// Its standard deviation.
    Deviation(f64),
    /// A percentile above its middle.
    Percentile {
        /// Which one, from 51 to 99.
        percent: u8,
        /// Its value.
        tokens: f64,
    },
}

/// Why figures do not make a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unfit {
    /// A figure is not a number above zero.
    NotPositive,
    /// Not a percentile in the upper half.
    NotUpper(u8),
    /// The percentile is not above the middle.
    NotAbove {
        /// The middle.
        centre: Centre,
        /// The percentile.
        percent: u8,
    },
    /// Wider than the family can be about this middle; the greatest percentile or deviation that it can have, if there is one.
    TooWide {
        /// What the family is called.
        family: &'static str,
        /// The greatest figure, rounded down to whole tokens.
        most: f64,
    },
    /// So narrow that a gamma distribution cannot be told from a normal one.
    TooNarrow,
    /// The lower end is above the upper.
    Backwards,
}

/// The shapes that a gamma distribution is fitted with. Beyond, it is a point or it is normal.
const SHAPES: (f64, f64) = (0.02, 1e4);

impl Lengths {
    /// Whole numbers from `low` to `high`, both included.
    ///
    /// # Errors
    /// When they are the wrong way round or zero.
    pub fn uniform(low: u32, high: u32) -> Result<Lengths, Unfit> {
        match () {
            () if low == 0 => Err(Unfit::NotPositive),
            () if low > high => Err(Unfit::Backwards),
            () => Ok(Shape::Uniform { low, high }.into()),
        }
    }

    /// A normal distribution; its mean is its median.
    ///
    /// # Errors
    /// When the figures contradict one another.
    pub fn normal(centre: Centre, width: Width) -> Result<Lengths, Unfit> {
        check(centre, width)?;
        let mean = centre.tokens();
        let deviation = match width {
            Width::Deviation(deviation) => deviation,
            Width::Percentile { percent, tokens } => (tokens - mean) / z(percent),
        };
        Ok(Shape::Normal { mean, deviation }.into())
    }

    /// A lognormal distribution.
    ///
    /// With m the median and s the deviation of the logarithm, the mean is m·exp(s²/2), the p-quantile m·exp(z(p)·s) and the
    /// variance m²·exp(s²)·(exp(s²) − 1). Of the two distributions that share a mean and a percentile, the narrower.
    ///
    /// # Errors
    /// When the figures contradict one another.
    pub fn lognormal(centre: Centre, width: Width) -> Result<Lengths, Unfit> {
        check(centre, width)?;
        let sigma = match (centre, width) {
            (Centre::Median(median), Width::Percentile { percent, tokens }) => {
                libm::log(tokens / median) / z(percent)
            }
            (Centre::Median(median), Width::Deviation(deviation)) => {
                let ratio = deviation / median;
                libm::sqrt(libm::log(0.5 * (1.0 + libm::sqrt(1.0 + 4.0 * ratio * ratio))))
            }
            (Centre::Mean(mean), Width::Deviation(deviation)) => {
                let ratio = deviation / mean;
                libm::sqrt(libm::log1p(ratio * ratio))
            }
            (Centre::Mean(mean), Width::Percentile { percent, tokens }) => {
                let z = z(percent);
                let rest = z * z - 2.0 * libm::log(tokens / mean);
                if rest < 0.0 {
                    let most = (mean * libm::exp(0.5 * z * z)).floor();
                    return Err(Unfit::TooWide { family: "lognormal", most });
                }
                z - libm::sqrt(rest)
            }
        };
        let mu = match centre {
            Centre::Median(median) => libm::log(median),
            Centre::Mean(mean) => libm::log(mean) - 0.5 * sigma * sigma,
        };
        Ok(Shape::LogNormal { mu, sigma }.into())
    }

    /// A gamma distribution.
    ///
    /// With k the shape and Q(k, p) the quantile at scale 1, the ratio of the two figures depends on k alone, and is bisected
    /// where it falls with k. Of the two distributions that share a mean and a percentile, the narrower.
    ///
    /// # Errors
    /// When the figures contradict one another, or are as no gamma distribution has them.
    pub fn gamma(centre: Centre, width: Width) -> Result<Lengths, Unfit> {
        check(centre, width)?;
        let middle = centre.tokens();
        let (wide, ratio): (f64, Box<dyn Fn(f64) -> f64>) = match (centre, width) {
            (Centre::Mean(_), Width::Deviation(deviation)) => {
                (deviation, Box::new(|k: f64| 1.0 / libm::sqrt(k)))
            }
            (Centre::Median(_), Width::Deviation(deviation)) => {
                (deviation, Box::new(|k: f64| libm::sqrt(k) / gamma_quantile(k, 0.5)))
            }
            (Centre::Mean(_), Width::Percentile { percent, tokens }) => {
                let p = fraction(percent);
                (tokens, Box::new(move |k: f64| gamma_quantile(k, p) / k))
            }
            (Centre::Median(_), Width::Percentile { percent, tokens }) => {
                let p = fraction(percent);
                (tokens, Box::new(move |k: f64| gamma_quantile(k, p) / gamma_quantile(k, 0.5)))
            }
        };
        let (low, high) = (libm::log(SHAPES.0), libm::log(SHAPES.1));
        let peak = match (centre, width) {
            // Rises from zero, and falls towards one only behind its peak.
            (Centre::Mean(_), Width::Percentile { .. }) => highest(low, high, &ratio),
            (Centre::Median(_), _) | (Centre::Mean(_), Width::Deviation(_)) => low,
        };
        let wanted = wide / middle;
        let most = ratio(libm::exp(peak));
        if wanted > most {
            return Err(Unfit::TooWide { family: "gamma", most: (most * middle).floor() });
        }
        if wanted < ratio(SHAPES.1) {
            return Err(Unfit::TooNarrow);
        }
        let shape = libm::exp(bisect(peak, high, |ln_k| ratio(libm::exp(ln_k)) <= wanted));
        let scale = match centre {
            Centre::Mean(mean) => mean / shape,
            Centre::Median(median) => median / gamma_quantile(shape, 0.5),
        };
        Ok(Shape::Gamma { shape, scale }.into())
    }
}

impl Centre {
    fn tokens(self) -> f64 {
        match self {
            Centre::Mean(tokens) | Centre::Median(tokens) => tokens,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Centre::Mean(_) => "mean",
            Centre::Median(_) => "median",
        }
    }
}

fn check(centre: Centre, width: Width) -> Result<(), Unfit> {
    let wide = match width {
        Width::Deviation(tokens) | Width::Percentile { tokens, .. } => tokens,
    };
    let right = |x: f64| x.is_finite() && x > 0.0;
    if !right(centre.tokens()) || !right(wide) {
        return Err(Unfit::NotPositive);
    }
    match width {
        Width::Deviation(_) => Ok(()),
        Width::Percentile { percent, .. } if !(51..=99).contains(&percent) => Err(Unfit::NotUpper(percent)),
        Width::Percentile { percent, tokens } if tokens <= centre.tokens() => {
            Err(Unfit::NotAbove { centre, percent })
        }
        Width::Percentile { .. } => Ok(()),
    }
}

fn fraction(percent: u8) -> f64 {
    f64::from(percent) / 100.0
}

fn z(percent: u8) -> f64 {
    normal_quantile(fraction(percent))
}

/// Where a function of ln k with a single peak has it, by thirds.
fn highest(mut low: f64, mut high: f64, of: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..48 {
        let third = (high - low) / 3.0;
        let (a, b) = (low + third, high - third);
        if of(libm::exp(a)) < of(libm::exp(b)) { low = a } else { high = b }
    }
    0.5 * (low + high)
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NotPositive => f.write_str("lengths must be above zero"),
            Unfit::NotUpper(percent) => {
                write!(f, "p{percent} does not say how wide it is: give a percentile from p51 to p99")
            }
            Unfit::NotAbove { centre, percent } => {
                write!(f, "p{percent} must be above the {} of {}", centre.name(), centre.tokens())
            }
            Unfit::TooWide { family, most } => {
                let most = grouped(whole(*most));
                write!(f, "no {family} distribution about this middle is as wide: at most {most}")
            }
            Unfit::TooNarrow => {
                f.write_str("this is too narrow for a gamma distribution: a normal one is the same")
            }
            Unfit::Backwards => f.write_str("the shortest length comes first"),
        }
    }
}

impl std::error::Error for Unfit {}
