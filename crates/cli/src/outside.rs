//! The world as a scenario may see it: files and the environment.

use std::os::unix::fs::FileTypeExt;

use floodline_core::Span;
use floodline_engine::clock::Clock;
use floodline_scenario::{Outside, PROXY_VARIABLES};

/// Files and environment of this process. Paths come resolved against the scenario's folder.
pub(crate) struct World;

impl Outside for World {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let kind = std::fs::metadata(path).map_err(|e| why(&e))?.file_type();
        // Such as /dev/zero, which never ends.
        if kind.is_char_device() {
            return Err("it is a device".into());
        }
        std::fs::read(path).map_err(|e| why(&e))
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn stub_profiles(&self) -> Vec<String> {
        floodline_sim::model::Profile::NAMES.iter().map(|&name| name.to_owned()).collect()
    }

    fn on_every_core(&self, job: &(dyn Fn() + Sync)) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            // A core whose thread cannot be had is one less; this thread works too.
            for _ in 1..cores {
                let _ = std::thread::Builder::new().spawn_scoped(scope, job);
            }
            job();
        });
    }

    fn seed(&self) -> u64 {
        // Short enough to be typed again; different in every run.
        Clock::starting_in(Span::ZERO).origin_unix_ns() / 1_000 % 1_000_000_000
    }
}

/// The same without secrets: who only looks at a plan needs none, and may have none at hand.
pub(crate) struct Unarmed;

impl Outside for Unarmed {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        World.read(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        // Whether there is a proxy is no secret, and none is made up.
        let made_up = (!PROXY_VARIABLES.contains(&name)).then(|| "unset".into());
        World.env(name).or(made_up)
    }

    fn stub_profiles(&self) -> Vec<String> {
        World.stub_profiles()
    }

    fn on_every_core(&self, job: &(dyn Fn() + Sync)) {
        World.on_every_core(job);
    }

    fn seed(&self) -> u64 {
        World.seed()
    }
}

/// The system's reason without its number.
pub(crate) fn why(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a directory".into(),
        _ => e.to_string(),
    }
}
