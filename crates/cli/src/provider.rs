//! The built-in provider, started for a run in the same process, on threads of its own.

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::event::ProviderSample;
use floodline_core::faults::Faults;
use floodline_core::plan::{Address, Plan, Stub, StubPace, Target};
use floodline_engine::Provider;
use floodline_scenario::Secret;
use floodline_sim::front::{Config, Provides, Server};
use floodline_sim::limits::KeyId;
use floodline_sim::model::{Pace, Profile};

use crate::Failure;

/// A running provider; the run looks at it through [`Provider`].
pub(crate) struct BuiltIn {
    server: Arc<Server>,
    paced: bool,
    recorded: bool,
}

impl BuiltIn {
    /// Starts it on a free port of this machine, under the name of its target where there are several. Its ledger calls
    /// keys by the names that are known.
    fn start(stub: &Stub, name: Option<&str>, plan: &Plan, keys: &[Secret]) -> Result<BuiltIn, Failure> {
        let names =
            keys.iter().zip(&plan.keys).map(|(key, name)| (KeyId::of(key.expose()), name.as_str().into()));
        let provides =
            Provides { name: name.map(Into::into), key_names: names.collect(), ..provides(stub, plan.seed)? };
        let recorded = stub.limits.is_some() || !stub.faults.is_empty();
        let paced = !matches!(provides.pace, Pace::Instant(_));
        let server = Server::start(Config { ledger: recorded, ..Config::of(provides) })
            .map_err(|e| Failure::internal(format!("cannot start the built-in provider: {e}")))?;
        Ok(BuiltIn { server: Arc::new(server), paced, recorded })
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
    pub(crate) fn start(plan: &Plan, keys: &[Secret]) -> Result<Providers, Failure> {
        let name =
            |number: usize| plan.split.as_ref().and_then(|split| Some(split.names.get(number)?.as_str()));
        let start = |(number, target): (usize, &Target)| match &target.address {
            Address::Stub(stub) => BuiltIn::start(stub, name(number), plan, keys).map(Some),
            Address::Url(_) => Ok(None),
        };
        plan.targets().enumerate().map(start).collect::<Result<_, _>>().map(Providers)
    }

    /// The servers of those with limits or faults, which record what became of each attempt.
    pub(crate) fn recording(&self) -> Vec<Arc<Server>> {
        let recording = self.0.iter().flatten().filter(|provider| provider.recorded);
        recording.map(|provider| provider.server.clone()).collect()
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
        faults: faults(&stub.faults)?,
        ..Provides::default()
    })
}

/// Faults with the hashes of their keys in place of references to the environment.
pub(crate) fn faults(written: &Faults) -> Result<Faults, Failure> {
    let mut faults = written.clone();
    let hash = |name: &str| std::env::var(name).ok().map(|key| KeyId::of(&key).hash());
    faults.resolve_keys(hash).map_err(|name| {
        Failure::usage(format!("a fault names a key: the environment variable {name} is not set"))
    })?;
    Ok(faults)
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
