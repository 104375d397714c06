//! The built-in provider, started for a run in the same process, on threads of its own.

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::event::ProviderSample;
use floodline_core::plan::{Stub, StubPace};
use floodline_engine::Provider;
use floodline_sim::front::{Config, Server};
use floodline_sim::model::{Pace, Profile};

use crate::Failure;

/// A running provider; the run looks at it through [`Provider`].
pub(crate) struct BuiltIn {
    server: Arc<Server>,
    paced: bool,
}

impl BuiltIn {
    /// Starts it on a free port of this machine.
    pub(crate) fn start(stub: &Stub, seed: u64) -> Result<BuiltIn, Failure> {
        let pace = pace(&stub.pace)?;
        let paced = !matches!(pace, Pace::Instant(_));
        let config =
            Config { pace, tokens: stub.tokens, reasoning: stub.reasoning, seed, ..Config::default() };
        let server = Server::start(config)
            .map_err(|e| Failure::internal(format!("cannot start the built-in provider: {e}")))?;
        Ok(BuiltIn { server: Arc::new(server), paced })
    }

    /// Where requests go: to the path of their API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr())
    }
}

impl Provider for BuiltIn {
    fn sample(&self) -> ProviderSample {
        ProviderSample {
            cpu: Span::from(self.server.cpu()),
            late_p99: Some(self.server.stats())
                .filter(|stats| self.paced && stats.timed > 0)
                .map(|stats| stats.late_p99),
        }
    }
}

/// The pacing that a scenario or the command line asks for.
pub(crate) fn pace(pace: &StubPace) -> Result<Pace, Failure> {
    match pace {
        StubPace::Exact { ttft, gap } => Ok(Pace::exact(*ttft, *gap)),
        StubPace::Profile(name) => Profile::named(name).map(|profile| profile.pace()).ok_or_else(|| {
            Failure::usage(format!("there is no profile `{name}`; there are {}", Profile::NAMES.join(", ")))
        }),
    }
}
