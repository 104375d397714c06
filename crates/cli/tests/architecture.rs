//! The shape of the workspace, as ARCHITECTURE.md draws it: which crate may know which, and that the
//! pure ones touch nothing of the world.

use std::fs;
use std::path::{Path, PathBuf};

/// Each crate, and the crates of the workspace that it may depend on.
const ARROWS: [(&str, &[&str]); 11] = [
    ("core", &[]),
    ("wire", &["core"]),
    ("report", &["core"]),
    ("store", &["core"]),
    ("corpus", &["core", "wire"]),
    ("scenario", &["core", "wire", "corpus"]),
    ("engine", &["core", "wire"]),
    ("sim", &["core", "wire"]),
    ("probe", &["core"]),
    ("cli", &["core", "corpus", "scenario", "engine", "sim", "probe", "report", "store"]),
    // The judge shares no code with what it judges.
    ("bench", &[]),
];

/// Source that must run in virtual time and without a machine.
const PURE: [&str; 11] = [
    "core/src",
    "wire/src",
    "corpus/src",
    "scenario/src",
    "probe/src",
    "report/src",
    "sim/src/model",
    "sim/src/limits",
    "sim/src/provider.rs",
    "sim/src/faults",
    "sim/src/rehearsal",
];

/// What such source must not name.
const WORLD: [&str; 13] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::env",
    "std::process",
    "std::os",
    "std::io::stdin",
    "SystemTime",
    "Instant::now",
    "tokio",
    "rustix",
    "nix::",
    "println!",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.flatten().map(|entry| entry.path()).collect()
}

/// The packages in `[dependencies]` and its platform-specific kin; what only tests need does not count.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = read(&crates().join(name).join("Cargo.toml"));
    let mut counted = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            counted = line.ends_with("dependencies]") && !line.contains("dev-") && !line.contains("build-");
        } else if counted && let Some(package) = line.split(['.', ' ', '=']).next().filter(|p| !p.is_empty())
        {
            found.push(package.to_owned());
        }
    }
    found
}

/// Every source file below a folder of `crates`, with its code up to the tests at its end.
fn sources(folder: &str) -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    let mut folders = vec![crates().join(folder)];
    while let Some(folder) = folders.pop() {
        let inside = if folder.is_dir() { entries(&folder) } else { vec![folder] };
        for path in inside {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let text = read(&path);
                let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
                let code = code.filter(|line| !line.trim_start().starts_with("//"));
                found.push((path.clone(), code.map(str::to_owned).collect()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no source");
    found
}

#[test]
fn arrows_point_as_drawn() {
    for path in entries(&crates()) {
        let drawn = ARROWS.iter().any(|(name, _)| path.ends_with(name));
        assert!(drawn, "{} is not drawn here or in ARCHITECTURE.md", path.display());
    }
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name) {
            let Some(other) = dependency.strip_prefix("floodline-") else { continue };
            assert!(allowed.contains(&other), "`{name}` must not know `{other}`");
        }
    }
}

#[test]
fn pure_crates_touch_nothing_of_the_world() {
    let worldly = ["tokio", "rustix", "nix", "libc", "rustls", "jiff"];
    for name in ["core", "wire", "corpus", "scenario", "report"] {
        let found = dependencies(name).into_iter().find(|d| worldly.contains(&d.as_str()));
        assert_eq!(found, None, "`{name}` is pure");
    }
    for (path, code) in PURE.into_iter().flat_map(sources) {
        for line in code {
            let named = WORLD.iter().find(|word| line.contains(**word));
            assert_eq!(named, None, "{} is pure: {line}", path.display());
        }
    }
}

#[test]
fn nothing_is_unsafe() {
    for (path, code) in ARROWS.iter().flat_map(|(name, _)| sources(&format!("{name}/src"))) {
        let found = code.into_iter().find(|line| line.contains("unsafe ") || line.contains("unsafe{"));
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn the_clock_is_read_in_its_own_modules_only() {
    for (path, code) in ARROWS.iter().flat_map(|(name, _)| sources(&format!("{name}/src"))) {
        let lifted = code.iter().any(|line| line.contains("clippy::disallowed_methods"));
        assert!(!lifted || path.ends_with("clock.rs"), "{} lifts the clock lint", path.display());
    }
}

/// Regression: with two programs in the workspace, the README's first command did not know which to run.
#[test]
fn cargo_run_runs_floodline() {
    let manifest = read(&crates().join("../Cargo.toml"));
    assert!(manifest.contains("default-members = [\"crates/cli\"]"));
    assert!(
        read(&crates().join("../README.md")).contains("cargo run --release -- run examples/quickstart.yaml")
    );
}
