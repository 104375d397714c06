//! Limits in words: what they are, and how they are counted.

use std::fmt;

use super::{Algorithm, Dimension, Limit, Limits, Scope, Start};

/// For people, such as `openai: rpm 500, tpm 30000 in 10.0 s`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.provider.name())?;
        for (place, limit) in self.limits.iter().enumerate() {
            let quota = if limit.quota { " quota" } else { "" };
            let before = if place == 0 { ": " } else { ", " };
            write!(f, "{before}{}{quota} {}", limit.short_name(), limit.value)?;
            if limit.dimension != Dimension::Concurrency && limit.window != limit.per.span() {
                write!(f, " in {}", limit.window)?;
            }
        }
        Ok(())
    }
}

impl Limits {
    /// How they are counted and who shares a counter, such as `rpm, tpm: bucket, per model`; limits that are counted alike
    /// stand together.
    pub fn counted(&self) -> String {
        let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
        for limit in &self.limits {
            let (name, way) = (limit.short_name(), way(limit));
            match groups.iter_mut().find(|(_, other)| *other == way) {
                Some((names, _)) => names.push(name),
                None => groups.push((vec![name], way)),
            }
        }
        let groups: Vec<String> =
            groups.into_iter().map(|(names, way)| format!("{}: {way}", names.join(", "))).collect();
        groups.join("; ")
    }
}

fn way(limit: &Limit) -> String {
    let algorithm = match limit.algorithm {
        _ if limit.dimension == Dimension::Concurrency => "at once".to_owned(),
        Algorithm::Bucket { burst } => match burst.filter(|burst| *burst != limit.value) {
            Some(burst) => format!("bucket of {burst}"),
            None => "bucket".into(),
        },
        Algorithm::Leaky { burst } => match burst.filter(|burst| *burst != limit.value) {
            Some(burst) => format!("leaky, full at {burst}"),
            None => "leaky".into(),
        },
        Algorithm::FixedWindow { start: Start::Epoch, .. } => "fixed_window".into(),
        Algorithm::FixedWindow { start: Start::FirstHit, .. } => "fixed_window from the first hit".into(),
        Algorithm::SlidingWindow => "sliding_window".into(),
        Algorithm::SlidingCounter => "sliding_counter".into(),
        Algorithm::Quantised { every } => format!("quantised every {every}"),
        Algorithm::Acceleration { percent } => format!("acceleration to {percent} % of the window before"),
    };
    let scope = match limit.scope {
        Scope::Key => "per key",
        Scope::Organisation => "one for all",
        Scope::Model => "per model",
        Scope::KeyAndModel => "per key and model",
    };
    let refusals = if limit.refusals_count { ", refusals count" } else { "" };
    format!("{algorithm}, {scope}{refusals}")
}

#[cfg(test)]
mod tests {
    use super::super::{AlgorithmName, Figure, Figures, Provider};
    use super::*;

    #[test]
    fn limits_that_are_counted_alike_stand_together() {
        let figures = Figures {
            rpm: Some(Figure::Of(5)),
            tpm: Some(Figure::Of(100)),
            concurrency: Some(Figure::Of(2)),
            ..Figures::default()
        };
        let counted = |figures: &Figures| figures.clone().limits().unwrap().counted();
        assert_eq!(counted(&figures), "rpm, tpm: bucket, per model; concurrency: at once, per model");
        let other = Figures {
            burst: Some(Figure::Of(3)),
            scope: Some(Scope::KeyAndModel),
            refusals_count: Some(true),
            tpm: None,
            concurrency: None,
            ..figures.clone()
        };
        assert_eq!(counted(&other), "rpm: bucket of 3, per key and model, refusals count");
        let fixed = Figures { algorithm: Some(AlgorithmName::FixedWindow), burst: None, ..other };
        assert_eq!(counted(&fixed), "rpm: fixed_window, per key and model, refusals count");
        assert!(
            Limits::preset(Provider::LiteLlm).counted().contains("fixed_window from the first hit, per key")
        );
    }
}
