//! A world of its own for scenarios: a few files, a few variables, the provider's profiles.

#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]

use std::collections::HashMap;

use floodline_scenario::{Error, Outside, Overrides, QuickForm, Resolved, Source, resolve, resolve_quick};

/// Files and variables by name.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) files: HashMap<String, Vec<u8>>,
    pub(crate) env: HashMap<String, String>,
}

impl World {
    /// A world with one variable, `KEY`, and no files.
    pub(crate) fn new() -> World {
        World { env: [("KEY".into(), "canary-key".into())].into(), ..World::default() }
    }

    pub(crate) fn file(mut self, path: &str, contents: impl AsRef<[u8]>) -> World {
        self.files.insert(path.into(), contents.as_ref().into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> World {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Resolves `text` as the file `load.yaml`.
    pub(crate) fn resolve(&self, text: &str) -> Result<Resolved, Error> {
        self.resolve_with(text, &Overrides::default())
    }

    pub(crate) fn resolve_with(&self, text: &str, overrides: &Overrides) -> Result<Resolved, Error> {
        resolve(&Source { name: "load.yaml", text }, overrides, self)
    }

    /// What the user sees of a scenario that is wrong.
    pub(crate) fn error(&self, text: &str) -> String {
        match self.resolve(text) {
            Err(error) => error.to_string(),
            Ok(resolved) => panic!("this resolved: {resolved:?}"),
        }
    }

    pub(crate) fn quick(&self, form: &QuickForm) -> Result<Resolved, Error> {
        resolve_quick(form, self)
    }
}

impl Outside for World {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| "No such file or directory".into())
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn stub_profiles(&self) -> Vec<String> {
        ["instant", "8b-a100", "8b-h100", "70b-h100-tp8"].map(String::from).into()
    }
}

/// The body of arrival `i`, as JSON.
pub(crate) fn body(resolved: &Resolved, i: u64) -> serde_json::Value {
    let mut body = Vec::new();
    resolved.workloads[0].render(i.into(), &mut body);
    serde_json::from_slice(&body).expect("a body is JSON")
}

/// What the user sees of a flow whose steps, written below `steps:`, are wrong.
pub(crate) fn of_steps(steps: &str) -> String {
    World::new().error(&format!("target: {{stub: {{}}}}\nflow:\n  steps:{steps}"))
}
