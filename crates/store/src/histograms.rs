//! `histograms/`: the distribution of every metric that was measured, in HDR V2.
//!
//! `index.json` names format, unit and precision for all of them; each file is a plain
//! `HdrHistogram` V2 encoding, which every HDR library reads.

use std::collections::BTreeMap;
use std::path::Path;

use floodline_core::distribution::DIGITS;
use floodline_core::metric::{Metric, Metrics};
use hdrhistogram::serialization::{Serializer, V2Serializer};
use serde::Serialize;

use crate::error::StoreError;
use crate::folder::{write_json, write_whole};
use crate::formats::HISTOGRAMS;

#[derive(Serialize)]
struct Index {
    format: String,
    encoding: &'static str,
    unit: &'static str,
    significant_digits: u8,
    metrics: BTreeMap<&'static str, Entry>,
}

#[derive(Serialize)]
struct Entry {
    file: String,
    count: u64,
}

/// Writes the folder `path`. A metric of which nothing was measured has no file.
pub(crate) fn write(path: &Path, metrics: &Metrics) -> Result<(), StoreError> {
    std::fs::create_dir_all(path).map_err(StoreError::write(path))?;
    let mut serializer = V2Serializer::new();
    let mut encoded = Vec::new();
    let mut written = BTreeMap::new();
    for metric in Metric::ALL {
        let distribution = metrics.distribution(metric);
        if distribution.count() == 0 {
            continue;
        }
        let file = format!("{}.hdr", metric.name());
        encoded.clear();
        serializer
            .serialize(distribution.histogram(), &mut encoded)
            .map_err(|e| StoreError::write(&path.join(&file))(std::io::Error::other(e.to_string())))?;
        write_whole(&path.join(&file), &encoded)?;
        written.insert(metric.name(), Entry { file, count: distribution.count() });
    }
    let index = Index {
        format: HISTOGRAMS.to_string(),
        encoding: "HdrHistogram V2",
        unit: "ns",
        significant_digits: DIGITS,
        metrics: written,
    };
    write_json(&path.join("index.json"), &index)
}
