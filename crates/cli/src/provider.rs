//! The built-in provider, started for a run in the same process, on threads of its own.

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::event::ProviderSample;
use floodline_core::plan::{Address, Plan, Stub, StubPace, Target};
use floodline_engine::Provider;
use floodline_sim::front::{Config, Provides, Server};
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
        let provides = provides(stub, seed)?;
        let paced = !matches!(provides.pace, Pace::Instant(_));
        let server = Server::start(Config::of(provides))
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

/// Those of all targets of a plan, each at its target's number; none for a target that is elsewhere.
pub(crate) struct Providers(Vec<Option<BuiltIn>>);

impl Providers {
    /// Starts all that the plan asks for.
    pub(crate) fn start(plan: &Plan) -> Result<Providers, Failure> {
        let start = |target: &Target| match &target.address {
            Address::Stub(stub) => BuiltIn::start(stub, plan.seed).map(Some),
            Address::Url(_) => Ok(None),
        };
        plan.targets().map(start).collect::<Result<_, _>>().map(Providers)
    }

    /// That of a target.
    pub(crate) fn of(&self, target: usize) -> Option<&BuiltIn> {
        self.0.get(target)?.as_ref()
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }
}

impl Provider for Providers {
    fn sample(&self) -> ProviderSample {
        let samples = self.0.iter().flatten().map(BuiltIn::sample);
        samples.fold(ProviderSample::default(), |sum, one| ProviderSample {
            cpu: sum.cpu + one.cpu,
            late_p99: sum.late_p99.max(one.late_p99),
        })
    }
}

/// A provider as a scenario, a file or the command line asks for it.
pub(crate) fn provides(stub: &Stub, seed: u64) -> Result<Provides, Failure> {
    Ok(Provides {
        pace: pace(&stub.pace)?,
        tokens: stub.tokens,
        reasoning: stub.reasoning,
        seed,
        limits: stub.limits.clone(),
        ..Provides::default()
    })
}

/// The pacing that a scenario or the command line asks for.
fn pace(pace: &StubPace) -> Result<Pace, Failure> {
    match pace {
        StubPace::Exact { ttft, gap } => Ok(Pace::exact(*ttft, *gap)),
        StubPace::Profile(name) => Profile::named(name).map(|profile| profile.pace()).ok_or_else(|| {
            Failure::usage(format!("there is no profile `{name}`; there are {}", Profile::NAMES.join(", ")))
        }),
    }
}
