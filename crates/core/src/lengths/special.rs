//! The distribution functions of the normal and the gamma distribution and their inverses, the same on every machine.
//!
//! The inverses bisect: they are asked while a scenario is read, never while it is sent.

/// P(Z ≤ z) of a standard normal variable.
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The z with P(Z ≤ z) = p.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        // The lower tail is where small differences of p are told apart.
        return -normal_quantile(1.0 - p);
    }
    bisect(-40.0, 0.0, |z| normal_cdf(z) >= p)
}

/// P(X ≤ x) of a gamma variable of the given shape and of scale 1: the regularised lower incomplete gamma function, by its
/// series below x = shape + 1 and by its continued fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31).
pub(super) fn gamma_cdf(shape: f64, x: f64) -> f64 {
    /// Enough for the largest shape that is fitted: both need some multiple of its square root.
    const TERMS: u32 = 5_000;
    if x.is_nan() || x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    let front = libm::exp(shape * libm::log(x) - x - libm::lgamma(shape));
    if x < shape + 1.0 {
        let (mut term, mut sum) = (1.0 / shape, 1.0 / shape);
        for n in 1..TERMS {
            term *= x / (shape + f64::from(n));
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (front * sum).min(1.0);
    }
    // Lentz's method, in the form of Numerical Recipes 6.2.
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for n in 1..TERMS {
        let n = f64::from(n);
        let a = -n * (n - shape);
        b += 2.0;
        d = nonzero(a * d + b);
        c = nonzero(b + a / c);
        d = 1.0 / d;
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (1.0 - front * h).max(0.0)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

/// The x with P(X ≤ x) = p of a gamma variable of the given shape and of scale 1.
pub(super) fn gamma_quantile(shape: f64, p: f64) -> f64 {
    let mut high = shape.max(1.0);
    while gamma_cdf(shape, high) < p && high < 1e12 {
        high *= 2.0;
    }
    // By the logarithm: with a small shape, low quantiles are smaller by hundreds of orders of magnitude.
    libm::exp(bisect(-700.0, libm::log(high), |ln_x| gamma_cdf(shape, libm::exp(ln_x)) >= p))
}

/// The least x from `low` to `high` for which a condition holds that holds for all larger ones, to the last digits.
pub(super) fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if holds(middle) { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} for {b}");
    }

    /// Published values (Abramowitz and Stegun 26.1, and chi-squared tables: chi-squared of v degrees is gamma of v/2, doubled).
    #[test]
    fn quantiles_match_the_published_tables() {
        near(normal_quantile(0.95), 1.644_853_626_951_47, 1e-12);
        near(normal_quantile(0.99), 2.326_347_874_040_84, 1e-12);
        near(normal_quantile(0.001), -3.090_232_306_167_81, 1e-12);
        for (degrees, p, x) in [
            (1.0, 0.95, 3.841_458_820_694_124),
            (2.0, 0.5, 1.386_294_361_119_891),
            (10.0, 0.05, 3.940_299_136_119_191),
            (100.0, 0.99, 135.806_723_176_7),
        ] {
            near(2.0 * gamma_quantile(degrees / 2.0, p), x, 1e-9);
        }
    }

    /// Shape 1 is the exponential distribution; whole shapes have a sum of Poisson terms.
    #[test]
    fn the_gamma_distribution_is_right_on_both_sides_of_its_switch() {
        for x in [0.01, 0.5, 1.9, 2.1, 30.0] {
            near(gamma_cdf(1.0, x), -libm::expm1(-x), 1e-13);
        }
        for x in [1.0, 10.0, 20.9, 21.1, 40.0] {
            let mut term = libm::exp(-x);
            let mut rest = 0.0;
            for n in 0..20 {
                rest += term;
                term *= x / f64::from(n + 1);
            }
            let got = gamma_cdf(20.0, x);
            assert!((got - (1.0 - rest)).abs() < 1e-13, "{got}");
        }
    }

    #[test]
    fn shapes_at_both_ends_have_quantiles() {
        for shape in [0.01, 0.1, 1e4] {
            for p in [0.05, 0.5, 0.95, 0.99] {
                near(gamma_cdf(shape, gamma_quantile(shape, p)), p, 1e-9);
            }
        }
    }
}
