//! What an identification leaves in its folder.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use floodline_core::finding::Finding;
use floodline_report::{finding, json};
use serde::Serialize;

use crate::Failure;
use crate::outside::why;

/// The file of what was sent.
const PROBES: &str = "probes.jsonl";

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
        let first = path.join(PROBES);
        fs::write(&first, "{\"format\":\"floodline-probes\",\"version\":1}\n")
            .map_err(|e| Failure::usage(format!("cannot write {}: {}", first.display(), why(&e))))?;
        Ok(Folder(path.to_owned()))
    }

    /// Where probes are written as their answers come.
    pub(super) fn probes(&self) -> Result<ProbeLog, Failure> {
        let path = self.0.join(PROBES);
        let file = OpenOptions::new().append(true).open(&path);
        let file =
            file.map_err(|e| Failure::internal(format!("cannot write {}: {}", path.display(), why(&e))))?;
        Ok(ProbeLog { path, file, failed: None })
    }

    /// Writes what was found.
    pub(super) fn write(&self, found: &Finding) -> Result<(), Failure> {
        let limits = found.limits().ok();
        self.file("finding.json", &json::finding(found))?;
        self.file("finding.md", &finding::markdown(found, limits.as_ref()))?;
        self.file("finding.html", &finding::page(found, limits.as_ref()))?;
        match limits.filter(|limits| !limits.limits.is_empty()) {
            Some(limits) => self.file("limits.yaml", &finding::limits_yaml(&limits)),
            None => Ok(()),
        }
    }

    fn file(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.0.join(name);
        fs::write(&path, text)
            .map_err(|e| Failure::internal(format!("cannot write {}: {}", path.display(), why(&e))))
    }
}

/// Probes as they are answered: each is handed to the system at once, so that nothing of it is lost with this process.
pub(super) struct ProbeLog {
    path: PathBuf,
    file: File,
    /// What went wrong first. An experiment goes on without its log, and says so at its end.
    failed: Option<Failure>,
}

impl ProbeLog {
    pub(super) fn add(&mut self, probe: &ProbeLine) {
        if self.failed.is_some() {
            return;
        }
        let line = serde_json::to_string(probe).map(|line| line + "\n").map_err(Failure::internal);
        let written = line.and_then(|line| {
            let written = self.file.write_all(line.as_bytes());
            written
                .map_err(|e| Failure::internal(format!("cannot write {}: {}", self.path.display(), why(&e))))
        });
        self.failed = written.err();
    }

    /// Whether all of it was written.
    pub(super) fn close(self) -> Result<(), Failure> {
        self.failed.map_or(Ok(()), Err)
    }
}
