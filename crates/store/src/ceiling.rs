//! The folder of a search for a ceiling: its answer, and below `trials/` a run folder for each trial.

use std::path::{Path, PathBuf};

use floodline_core::ceiling::Ceiling;

use crate::error::StoreError;
use crate::folder::{RunFolder, write_json, write_whole};
use crate::formats::file;

/// The folder of one search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CeilingFolder {
    path: PathBuf,
}

impl CeilingFolder {
    /// Makes the folder, its parents too. An existing one is taken if it is empty.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if there are files in it, [`StoreError::Write`] if it cannot be made.
    pub fn create(path: &Path) -> Result<CeilingFolder, StoreError> {
        RunFolder::create(path).map(|folder| CeilingFolder { path: folder.path().to_owned() })
    }

    /// Where the run of a trial is kept.
    pub fn trial(&self, number: u32) -> PathBuf {
        self.path.join("trials").join(format!("{number:02}"))
    }

    /// Writes `scenario.yaml` of a trial anew, once it is known how long its load was held.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_trial_scenario(&self, number: u32, text: &str) -> Result<(), StoreError> {
        write_whole(&self.trial(number).join(file::SCENARIO), text.as_bytes())
    }

    /// Writes `ceiling.json`.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_answer(&self, answer: &Ceiling) -> Result<(), StoreError> {
        write_json(&self.path.join(file::CEILING), answer)
    }

    /// Writes `ceiling.html`.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn write_page(&self, html: &str) -> Result<(), StoreError> {
        write_whole(&self.path.join(file::CEILING_PAGE), html.as_bytes())
    }
}
