//! The table: what was measured, held against its bar, for people and for programs.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) measure: String,
    /// The program whose figure it is.
    pub(crate) subject: String,
    /// The figure, or why there is none.
    pub(crate) value: Result<f64, String>,
    /// What the figure counts.
    pub(crate) unit: Unit,
    /// The figure over the null client's, on the same server in the same run.
    pub(crate) ratio: Option<f64>,
    /// What it has to meet.
    pub(crate) bar: Option<Bar>,
    /// What else there is to know.
    pub(crate) note: String,
}

/// A limit to meet, and where it is heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bar {
    /// The amount may be at most this.
    AtMost {
        /// The bar.
        limit: f64,
        /// The next one.
        heading: Option<f64>,
    },
    /// It must be at least this.
    AtLeast {
        /// The bar.
        limit: f64,
        /// The next one.
        heading: Option<f64>,
    },
}

/// Units, and how their figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Microseconds of CPU per token.
    #[serde(rename = "us/token")]
    MicrosPerToken,
    /// Tokens per second.
    #[serde(rename = "tokens/s")]
    TokensPerSecond,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Kilobytes of 1,000 bytes.
    #[serde(rename = "KB")]
    Kilobytes,
    /// Megabytes of 1,000,000 bytes.
    #[serde(rename = "MB")]
    Megabytes,
    /// One figure over another.
    #[serde(rename = "ratio")]
    Ratio,
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Unit::MicrosPerToken => format!("{value:.2} µs"),
            Unit::TokensPerSecond => format!("{:.2} M/s", value / 1e6),
            Unit::Millis => format!("{value:.3} ms"),
            Unit::Kilobytes => format!("{value:.1} KB"),
            Unit::Megabytes => format!("{value:.0} MB"),
            Unit::Ratio => format!("{value:.2} ×"),
        }
    }
}

impl Row {
    /// A figure without ratio or bar.
    pub(crate) fn new(measure: impl Into<String>, subject: impl Into<String>, unit: Unit, value: f64) -> Row {
        Row {
            measure: measure.into(),
            subject: subject.into(),
            value: Ok(value),
            unit,
            ratio: None,
            bar: None,
            note: String::new(),
        }
    }

    /// The same, missing if `value` is.
    pub(crate) fn maybe(
        measure: impl Into<String>,
        subject: impl Into<String>,
        unit: Unit,
        value: Option<f64>,
    ) -> Row {
        let mut row = Row::new(measure, subject, unit, 0.0);
        row.value = value.ok_or_else(|| "not reported".to_owned());
        row
    }

    /// Holds it against `base`.
    pub(crate) fn over(mut self, base: Option<f64>) -> Row {
        self.ratio = base.zip(self.value.as_ref().ok().copied()).map(|(base, value)| value / base);
        self
    }

    /// Gives it a bar.
    pub(crate) fn bar(mut self, bar: impl Into<Option<Bar>>) -> Row {
        self.bar = bar.into();
        self
    }

    /// Adds a remark.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    /// Whether it meets its bar, if it has one. A missing figure meets none. Of errors the amount counts.
    pub(crate) fn passes(&self) -> Option<bool> {
        let bar = self.bar?;
        Some(match (&self.value, bar) {
            (Err(_), _) => false,
            (Ok(value), Bar::AtMost { limit, .. }) => value.abs() <= limit,
            (Ok(value), Bar::AtLeast { limit, .. }) => *value >= limit,
        })
    }

    fn cells(&self) -> [String; 8] {
        let (bar, heading) = match self.bar {
            None => (String::new(), String::new()),
            Some(bar @ (Bar::AtMost { limit, heading } | Bar::AtLeast { limit, heading })) => {
                let sign = if matches!(bar, Bar::AtMost { .. }) { '≤' } else { '≥' };
                let write = |limit| format!("{sign} {}", self.unit.write(limit));
                (write(limit), heading.map(write).unwrap_or_default())
            }
        };
        let mark = match self.passes() {
            None => "",
            Some(true) => "pass",
            Some(false) => "MISS",
        };
        let (value, reason) = match &self.value {
            Ok(value) => (self.unit.write(*value), ""),
            Err(why) => ("–".to_owned(), why.as_str()),
        };
        let note =
            [reason, &self.note].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        [
            self.measure.clone(),
            self.subject.clone(),
            value,
            self.ratio.map(|ratio| format!("{ratio:.2} ×")).unwrap_or_default(),
            bar,
            mark.to_owned(),
            heading,
            // A bar or a line break in it would break the table.
            note.replace('|', "/").replace('\n', " "),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "measure": self.measure,
            "subject": self.subject,
            "unit": self.unit,
            "value": self.value.as_ref().ok(),
            "error": self.value.as_ref().err(),
            "ratio": self.ratio,
            "bar": self.bar.map(|bar| match bar {
                Bar::AtMost { limit, heading } => json!({"at_most": limit, "heading": heading}),
                Bar::AtLeast { limit, heading } => json!({"at_least": limit, "heading": heading}),
            }),
            "pass": self.passes(),
            "note": self.note,
        })
    }
}

/// The table as Markdown, its columns aligned for a terminal.
pub(crate) fn render(rows: &[Row]) -> String {
    const HEAD: [&str; 8] = ["measure", "program", "measured", "× null", "bar", "", "heading for", "note"];
    /// Columns of figures, aligned to the right.
    const FIGURES: [bool; 8] = [false, false, true, true, true, false, true, false];
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    // The last column is as long as it needs to be in each line.
    let widths: [usize; 8] = std::array::from_fn(|column| {
        let rows = if column == HEAD.len() - 1 { &lines[..1] } else { &lines[..] };
        rows.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
    });
    let mut out = String::new();
    for (n, cells) in lines.iter().enumerate() {
        for ((cell, width), figures) in cells.iter().zip(widths).zip(FIGURES) {
            // Writing to a String cannot fail.
            let _ = if figures { write!(out, "| {cell:>width$} ") } else { write!(out, "| {cell:<width$} ") };
        }
        out.push_str("|\n");
        if n == 0 {
            for (width, figures) in widths.into_iter().zip(FIGURES) {
                let _ = write!(out, "|{}{}", "-".repeat(width + 1), if figures { ':' } else { '-' });
            }
            out.push_str("|\n");
        }
    }
    out
}

/// The table for programs. `machine` describes where it was measured.
pub(crate) fn to_json(rows: &[Row], machine: &str) -> Value {
    json!({
        "format": "floodline-bench/1",
        "machine": machine,
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let bar = Bar::AtMost { limit: 15.0, heading: Some(10.0) };
        let mut lost = Row::new("flood", "floodline", Unit::TokensPerSecond, 0.0)
            .bar(Bar::AtLeast { limit: 1.5e6, heading: None });
        lost.value = Err("floodline ended | badly".into());
        vec![
            Row::new("CPU, 64 streams", "null", Unit::MicrosPerToken, 7.0).over(Some(7.0)),
            Row::new("CPU, 64 streams", "floodline", Unit::MicrosPerToken, 14.0).over(Some(7.0)).bar(bar),
            Row::new("TTFT p99 error", "floodline", Unit::Millis, -1.25)
                .bar(Bar::AtMost { limit: 1.0, heading: None })
                .note("640 requests"),
            lost,
        ]
    }

    #[test]
    fn a_table_is_readable_as_it_is() {
        insta::assert_snapshot!(render(&rows()), @r"
        | measure         | program   |  measured | × null |        bar |      | heading for | note |
        |-----------------|-----------|----------:|-------:|-----------:|------|------------:|------|
        | CPU, 64 streams | null      |   7.00 µs | 1.00 × |            |      |             |      |
        | CPU, 64 streams | floodline |  14.00 µs | 2.00 × | ≤ 15.00 µs | pass |  ≤ 10.00 µs |      |
        | TTFT p99 error  | floodline | -1.250 ms |        | ≤ 1.000 ms | MISS |             | 640 requests |
        | flood           | floodline |         – |        | ≥ 1.50 M/s | MISS |             | floodline ended / badly |
        ");
    }

    #[test]
    fn a_bar_is_met_at_its_value_and_never_by_nothing() {
        let passes: Vec<_> = rows().iter().map(Row::passes).collect();
        assert_eq!(passes, [None, Some(true), Some(false), Some(false)]);
        let row = Row::new("", "", Unit::Millis, 1.0);
        assert_eq!(row.clone().bar(Bar::AtMost { limit: 1.0, heading: None }).passes(), Some(true));
        assert_eq!(row.bar(Bar::AtLeast { limit: 1.0, heading: None }).passes(), Some(true));
        let missing = Row::maybe("", "", Unit::Millis, None).bar(Bar::AtMost { limit: 1.0, heading: None });
        assert_eq!(missing.passes(), Some(false));
    }

    #[test]
    fn programs_get_the_same_figures() {
        let json = to_json(&rows(), "2 cores");
        assert_eq!(json["rows"][1]["ratio"], 2.0);
        assert_eq!(json["rows"][1]["bar"]["at_most"], 15.0);
        assert_eq!(json["rows"][3]["error"], "floodline ended | badly");
        assert_eq!(json["rows"][3]["value"], Value::Null);
    }
}
