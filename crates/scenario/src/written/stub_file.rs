//! The file of a simulated provider: several providers on one port.

use floodline_core::time::Span;
use serde::Deserialize;

use super::{At, FaultForm, Given, Limited, Named, OneOrMany, Scalar, Stub, Text};

/// What `floodline stub --config` reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StubFile {
    /// The providers.
    pub(crate) providers: Given<OneOrMany<At<ProviderForm>>>,
}

/// One provider: told apart from the others by its path, or by its models.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProviderForm {
    /// What it is called in ledgers and counts.
    pub(crate) name: Given<Scalar<Text>>,
    /// What the paths of its base URL begin with, such as /primary.
    pub(crate) path: Given<Scalar<Text>>,
    /// The models it serves; any unless given.
    pub(crate) models: Given<At<Vec<Scalar<Text>>>>,
    /// The key it takes, as a reference to the environment; any or none unless given.
    pub(crate) key: Given<Scalar<Text>>,
    /// What keys are called in the ledger and in messages, with each key as a reference to the environment.
    pub(crate) key_names: Given<Named<Scalar<Text>>>,
    /// The seed of the answers' words; 0 unless given.
    pub(crate) seed: Given<Scalar<u64>>,
    /// As of a scenario's stub, and so are those that follow.
    pub(crate) profile: Given<Scalar<Text>>,
    pub(crate) ttft: Given<Scalar<Span>>,
    pub(crate) gap: Given<Scalar<Span>>,
    pub(crate) tokens: Given<Scalar<u32>>,
    pub(crate) reasoning: Given<Scalar<u32>>,
    pub(crate) limits: Given<At<Limited>>,
    pub(crate) faults: Given<At<Vec<FaultForm>>>,
}

impl ProviderForm {
    /// The part of it that a scenario's stub has too.
    pub(crate) fn stub(&self) -> Stub {
        Stub {
            profile: self.profile.clone(),
            ttft: self.ttft.clone(),
            gap: self.gap.clone(),
            tokens: self.tokens.clone(),
            reasoning: self.reasoning.clone(),
            limits: self.limits.clone(),
            faults: self.faults.clone(),
        }
    }
}
