//! The folder of a run, and the files in it that are written whole.
//!
//! Each of them appears under its name only once it is complete: it is written beside and renamed,
//! so that a reader, or a crash, never meets half of one.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use floodline_core::metric::Metrics;
use floodline_core::plan::Plan;
use floodline_core::summary::{RunInfo, RunSummary};
use floodline_core::timeline::Bucket;
use serde::Serialize;

use crate::error::StoreError;
use crate::formats::{TIMELINE, file};
use crate::histograms;
use crate::journal::Journal;

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder, its parents too. An existing one is taken if it is empty.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if there are files in it, [`StoreError::Write`] if it cannot be made.
    pub fn create(path: &Path) -> Result<RunFolder, StoreError> {
        fs::create_dir_all(path).map_err(StoreError::write(path))?;
        if fs::read_dir(path).map_err(StoreError::read(path))?.next().is_some() {
            return Err(StoreError::NotEmpty { path: path.to_owned() });
        }
        Ok(RunFolder { path: path.to_owned() })
    }

    /// A folder that is there already.
    pub(crate) fn existing(path: &Path) -> RunFolder {
        RunFolder { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the journal of a new run; once for each folder.
    ///
    /// # Errors
    /// [`StoreError::Write`] if its files cannot be made, or are there already.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::create(&self.path)
    }

    /// Writes `scenario.yaml`: the scenario as it was given, secrets as references.
    ///
    /// # Errors
    /// [`StoreError::Write`] with the file and what to do, as for all that follow.
    pub fn write_scenario(&self, text: &str) -> Result<(), StoreError> {
        write_whole(&self.path.join(file::SCENARIO), text.as_bytes())
    }

    /// Writes `plan.json`: the plan and its hash.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_plan(&self, plan: &Plan) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Hashed<'a> {
            #[serde(flatten)]
            plan: &'a Plan,
            hash: String,
        }
        write_json(&self.path.join(file::PLAN), &Hashed { plan, hash: plan.hash() })
    }

    /// Writes `run.json`. Its `format` is that of [`formats::RUN`](crate::formats::RUN).
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_run(&self, info: &RunInfo) -> Result<(), StoreError> {
        write_json(&self.path.join(file::RUN), info)
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_summary(&self, summary: &RunSummary) -> Result<(), StoreError> {
        write_json(&self.path.join(file::SUMMARY), summary)
    }

    /// Writes `timeline.json`: one bucket a line.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_timeline(&self, buckets: &[Bucket]) -> Result<(), StoreError> {
        let path = self.path.join(file::TIMELINE);
        let mut text = format!("{{\"format\":\"{TIMELINE}\",\"seconds\":[").into_bytes();
        for (n, bucket) in buckets.iter().enumerate() {
            text.extend_from_slice(if n == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut text, bucket).map_err(|e| StoreError::write(&path)(e.into()))?;
        }
        text.extend_from_slice(b"\n]}\n");
        write_whole(&path, &text)
    }

    /// Writes `histograms/`: the HDR V2 encoding of every metric, and an index of them.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_histograms(&self, metrics: &Metrics) -> Result<(), StoreError> {
        histograms::write(&self.path.join(file::HISTOGRAMS), metrics)
    }

    /// Writes `report.html`.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_report(&self, html: &str) -> Result<(), StoreError> {
        write_whole(&self.path.join(file::REPORT), html.as_bytes())
    }

    /// Writes `junit.xml`, of a run with objectives.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_junit(&self, xml: &str) -> Result<(), StoreError> {
        write_whole(&self.path.join(file::JUNIT), xml.as_bytes())
    }
}

/// Writes JSON that people may want to read.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| StoreError::write(path)(e.into()))?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Writes a file beside its place and moves it there once it is complete.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut beside = OsString::from(path);
    beside.push(".partial");
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error: io::Error| {
        // Half a file is of no use to anybody, and the disk may be full.
        let _ = fs::remove_file(&beside);
        StoreError::write(path)(error)
    })
}
