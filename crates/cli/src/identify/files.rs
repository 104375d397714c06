//! What an identification leaves in its folder.

use std::fs;
use std::path::{Path, PathBuf};

use floodline_core::finding::Finding;
use floodline_report::finding;
use serde::Serialize;

use crate::Failure;
use crate::outside::why;

/// What was sent, and what came back: a line of `probes.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct ProbeLine {
    pub(super) i: usize,
    pub(super) key: usize,
    pub(super) prompt_tokens: u32,
    pub(super) max_tokens: u32,
    pub(super) sent_ns: Option<u64>,
    pub(super) last_ns: Option<u64>,
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stated: Option<Box<floodline_core::stated::StatedLimits>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// The folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it; before anything is sent, so that nothing is found out for nothing.
    pub(super) fn create(path: &Path) -> Result<Folder, Failure> {
        fs::create_dir_all(path)
            .map_err(|e| Failure::usage(format!("cannot make the folder {}: {}", path.display(), why(&e))))?;
        let taken = path.join("finding.json");
        if taken.exists() {
            return Err(Failure::usage(format!(
                "there is a finding in {} already; choose another folder with --out",
                path.display()
            )));
        }
        // What cannot be written to is better known now.
        let first = path.join("probes.jsonl");
        fs::write(&first, "")
            .map_err(|e| Failure::usage(format!("cannot write {}: {}", first.display(), why(&e))))?;
        Ok(Folder(path.to_owned()))
    }

    /// Writes everything.
    pub(super) fn write(&self, found: &Finding, probes: &[ProbeLine]) -> Result<(), Failure> {
        let limits = found.limits().ok();
        let json = serde_json::to_string_pretty(found).map_err(Failure::internal)? + "\n";
        let mut lines = String::from("{\"format\":\"floodline-probes\",\"version\":1}\n");
        for probe in probes {
            lines += &serde_json::to_string(probe).map_err(Failure::internal)?;
            lines.push('\n');
        }
        self.file("finding.json", &json)?;
        self.file("finding.md", &finding::markdown(found, limits.as_ref()))?;
        self.file("finding.html", &finding::page(found, limits.as_ref()))?;
        if let Some(limits) = limits.filter(|limits| !limits.limits.is_empty()) {
            self.file("limits.yaml", &finding::limits_yaml(&limits))?;
        }
        self.file("probes.jsonl", &lines)
    }

    fn file(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.0.join(name);
        fs::write(&path, text)
            .map_err(|e| Failure::internal(format!("cannot write {}: {}", path.display(), why(&e))))
    }
}
