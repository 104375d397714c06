//! Tails of the normal, the binomial and Student's distribution, the same on every machine.

/// P(Z ≤ z) of a standard normal variable.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// P(X ≤ k) of a binomial variable of `n` trials of probability `p`.
///
/// By the incomplete beta function (Abramowitz and Stegun 26.5.24) while the variance is at most 10⁶, by the normal
/// approximation with continuity correction above.
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    let (k, n) = (k as f64, n as f64);
    let variance = n * p * (1.0 - p);
    if variance > 1e6 {
        return normal_cdf((k + 0.5 - n * p) / variance.sqrt());
    }
    beta(n - k, k + 1.0, 1.0 - p)
}

/// P(T ≤ t) of Student's t with `degrees` degrees of freedom (Abramowitz and Stegun 26.7.1).
pub fn student_cdf(t: f64, degrees: u64) -> f64 {
    if degrees == 0 || t.is_nan() {
        return 0.5;
    }
    if degrees > 1_000_000 || t.is_infinite() {
        return normal_cdf(t);
    }
    let v = degrees as f64;
    let outside = 0.5 * beta(0.5 * v, 0.5, v / (v + t * t));
    if t > 0.0 { 1.0 - outside } else { outside }
}

/// The regularised incomplete beta function, by its continued fraction (Numerical Recipes 6.4).
fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let ln_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let front = libm::exp(ln_front);
    // The fraction converges fast below the mean; above it, the other tail is taken.
    let value = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    };
    value.clamp(0.0, 1.0)
}

/// Lentz's method; it takes some multiple of the square root of the larger parameter.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TERMS: u32 = 20_000;
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            change = c * d;
            h *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    h
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tails_match_their_sums() {
        for (n, p) in [(20u64, 0.5), (200, 0.95), (368, 0.99), (500, 0.02)] {
            let (mut ln_choose, mut sum) = (0.0, 0.0);
            for k in 0..=n {
                sum += libm::exp(ln_choose + k as f64 * libm::log(p) + (n - k) as f64 * libm::log1p(-p));
                let got = binomial_at_most(k, n, p);
                assert!((got - sum).abs() < 1e-10, "{k} of {n} at {p}: {got} for {sum}");
                ln_choose += libm::log((n - k) as f64 / (k + 1) as f64);
            }
        }
    }

    #[test]
    fn many_trials_go_over_into_the_normal_approximation_without_a_step() {
        for sd in [-2.0, 0.0, 2.0] {
            let at = |n: u64| {
                let (mean, variance) = (n as f64 * 0.5, n as f64 * 0.25);
                binomial_at_most((mean + sd * f64::sqrt(variance)) as u64, n, 0.5)
            };
            assert!((at(3_999_000) - at(4_001_000)).abs() < 1e-3, "{} {}", at(3_999_000), at(4_001_000));
        }
    }

    /// Tabulated 97.5 % quantiles.
    #[test]
    fn students_tails_match_the_tables() {
        for (degrees, t) in [(1, 12.7062), (5, 2.5706), (31, 2.0395), (1_000, 1.9623), (2_000_000, 1.96)] {
            assert!((student_cdf(t, degrees) - 0.975).abs() < 1e-5, "{degrees}");
            assert!((student_cdf(-t, degrees) - 0.025).abs() < 1e-5, "{degrees}");
        }
        assert_eq!(student_cdf(0.0, 7), 0.5);
    }
}
