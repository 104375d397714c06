//! Every example resolves, with the files that it names.

use std::fs;
use std::path::PathBuf;

use floodline_scenario::{Outside, Overrides, Source, resolve};

struct Disk;

impl Outside for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| error.to_string())
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == "OPENAI_API_KEY").then(|| "for the test".to_owned())
    }
}

#[test]
fn every_example_resolves_without_a_warning() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let name = path.to_string_lossy();
        let resolved = resolve(&Source { name: &name, text: &text }, &Overrides::default(), &Disk);
        let resolved = resolved.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(resolved.warnings, [""; 0], "{name}");
        assert_eq!(Some(resolved.plan.name.as_ref()), path.file_stem(), "an example is named after its file");
        // What a flow sends is tried where it is sent.
        for i in 0..if resolved.scripts[0].is_some() { 0 } else { 20 } {
            let mut body = Vec::new();
            resolved.workloads[0].render(i.into(), &mut body);
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
        seen += 1;
    }
    assert!(seen >= 4, "{seen} examples");
}
