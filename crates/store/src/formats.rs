//! The files of a run folder and the formats they name.
//!
//! A format is a name and a major version, `floodline-plan/1`. Within one major version keys are
//! only ever added, and readers ignore what they do not know; a minor version after a dot is
//! therefore accepted whatever it is, and a greater major version is refused.

use std::fmt;
use std::path::Path;

use crate::error::StoreError;

/// The name and major version of a file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Such as `floodline-plan`.
    pub name: &'static str,
    /// The version this program writes, and the newest it reads.
    pub major: u32,
}

/// `plan.json`.
pub const PLAN: Format = Format { name: "floodline-plan", major: 1 };
/// `run.json`.
pub const RUN: Format = Format { name: "floodline-run", major: 1 };
/// `summary.json`.
pub const SUMMARY: Format = Format { name: "floodline-summary", major: 1 };
/// `timeline.json`.
pub const TIMELINE: Format = Format { name: "floodline-timeline", major: 1 };
/// `histograms/index.json`, which speaks for the files beside it.
pub const HISTOGRAMS: Format = Format { name: "floodline-histograms", major: 1 };
/// `requests.jsonl.zst`.
pub const REQUESTS: Format = Format { name: "floodline-requests", major: 1 };
/// `stamps.bin.zst`.
pub const STAMPS: Format = Format { name: "floodline-stamps", major: 1 };
/// `journeys.jsonl.zst`.
pub const JOURNEYS: Format = Format { name: "floodline-journeys", major: 1 };
/// `samples.jsonl`.
pub const SAMPLES: Format = Format { name: "floodline-samples", major: 1 };

/// `ceiling.json`, the answer of a search of several runs.
pub const CEILING: Format = Format { name: "floodline-ceiling", major: 1 };

/// Names of the files in a run folder.
pub(crate) mod file {
    pub(crate) const SCENARIO: &str = "scenario.yaml";
    pub(crate) const PLAN: &str = "plan.json";
    pub(crate) const RUN: &str = "run.json";
    pub(crate) const SUMMARY: &str = "summary.json";
    pub(crate) const TIMELINE: &str = "timeline.json";
    pub(crate) const HISTOGRAMS: &str = "histograms";
    pub(crate) const REPORT: &str = "report.html";
    pub(crate) const JUNIT: &str = "junit.xml";
    pub(crate) const REQUESTS: &str = "requests.jsonl.zst";
    pub(crate) const STAMPS: &str = "stamps.bin.zst";
    pub(crate) const JOURNEYS: &str = "journeys.jsonl.zst";
    pub(crate) const SAMPLES: &str = "samples.jsonl";
    pub(crate) const CEILING: &str = "ceiling.json";
    pub(crate) const CEILING_PAGE: &str = "ceiling.html";
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.major)
    }
}

impl Format {
    /// Whether a file that names its format `found` can be read as this one.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a greater major version, [`StoreError::Content`] for another format.
    pub fn check(self, found: &str, path: &Path) -> Result<(), StoreError> {
        let version = found.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('/'));
        let major = version.and_then(|v| v.split('.').next()?.parse::<u32>().ok());
        match major {
            Some(major) if major == self.major => Ok(()),
            Some(major) if major > self.major => {
                Err(StoreError::Newer { path: path.to_owned(), found: found.to_owned(), known: self })
            }
            _ => Err(self.violated(path, format!("it names its format `{}`", shortened(found)))),
        }
    }

    /// The first line of a file of lines.
    pub(crate) fn header_line(self) -> String {
        format!("{{\"format\":\"{self}\"}}\n")
    }

    /// Whether `line` names a format that can be read as this one.
    pub(crate) fn check_header(self, line: &[u8], path: &Path) -> Result<(), StoreError> {
        self.check(&format_of(line).map_err(|what| self.violated(path, what))?, path)
    }

    /// The error of a file that is not of this format.
    pub(crate) fn violated(self, path: &Path, what: String) -> StoreError {
        StoreError::Content { path: path.to_owned(), what, expected: self }
    }
}

/// The `format` key of a JSON object.
pub(crate) fn format_of(json: &[u8]) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Header {
        format: String,
    }
    serde_json::from_slice(json).map(|header: Header| header.format).map_err(|e| e.to_string())
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_core() {
        assert_eq!(PLAN.to_string(), floodline_core::plan::FORMAT);
        assert_eq!(SUMMARY.to_string(), floodline_core::summary::FORMAT);
        assert_eq!(TIMELINE.to_string(), floodline_core::timeline::FORMAT);
        assert_eq!(CEILING.to_string(), floodline_core::ceiling::FORMAT);
    }

    #[test]
    fn newer_minor_versions_are_read_and_newer_major_ones_are_refused() {
        let path = Path::new("runs/x/plan.json");
        assert!(PLAN.check("floodline-plan/1", path).is_ok());
        assert!(PLAN.check("floodline-plan/1.7", path).is_ok());
        let newer = PLAN.check("floodline-plan/2", path).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "runs/x/plan.json has the format floodline-plan/2, and this floodline reads up to \
             floodline-plan/1; use the version that made the run, or a newer one"
        );
        for other in ["", "floodline-plan", "floodline-plan/", "floodline-plan/x", "floodline-planet/1"] {
            assert!(matches!(PLAN.check(other, path), Err(StoreError::Content { .. })), "{other}");
        }
    }
}
