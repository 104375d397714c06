//! Floodline as the benchmark sees it: a program with a command line, a summary and a run folder.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Wall;
use crate::meter::Usage;
use crate::null::Load;
use crate::rig::Rig;

/// The program.
#[derive(Debug)]
pub(crate) struct Floodline(PathBuf);

/// A run that was made.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) usage: Usage,
    pub(crate) summary: Summary,
    folder: PathBuf,
}

/// What an open loop asks for.
#[derive(Clone, Debug)]
pub(crate) struct OpenLoad {
    /// The target.
    pub(crate) url: String,
    /// Requests a second.
    pub(crate) rate: u32,
    /// For how long.
    pub(crate) seconds: u32,
    /// Tokens of each answer.
    pub(crate) tokens: u32,
}

impl OpenLoad {
    /// Requests in all.
    pub(crate) fn requests(&self) -> u64 {
        u64::from(self.rate) * u64::from(self.seconds)
    }
}

impl Floodline {
    /// The program given; else, below `cargo run`, the one cargo builds of this checkout; else the one beside
    /// this program.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn find(given: Option<PathBuf>) -> Result<Floodline> {
        let path = match given {
            Some(path) => path,
            None => {
                if let Some(cargo) = env::var_os("CARGO") {
                    build(&cargo)?;
                }
                env::current_exe()?.with_file_name("floodline")
            }
        };
        if !path.is_file() {
            bail!(
                "there is no {}: build it with `cargo build --release -p floodline` or name it with --floodline",
                path.display()
            );
        }
        Ok(Floodline(path))
    }

    /// Closed loop against a server on this machine.
    ///
    /// # Errors
    /// If the run could not be made, or not every request was answered in full.
    pub(crate) fn drive(&self, rig: &Rig, load: Load, limit: Duration) -> Result<Run> {
        let Load { port, streams, requests, tokens } = load;
        let url = format!("http://127.0.0.1:{port}/v1");
        let (streams, count, tokens_each) = (streams.to_string(), requests.to_string(), tokens.to_string());
        let run = self.run(
            rig,
            &[
                "--url",
                &url,
                "--model",
                "truth",
                "--concurrency",
                &streams,
                "--requests",
                &count,
                "--max-tokens",
                &tokens_each,
            ],
            limit,
        )?;
        let ok = run.summary.count("/requests/ok");
        if ok != Some(requests) {
            bail!("floodline says that {ok:?} of {requests} requests were ok: {}", run.summary.verdict());
        }
        let output = run.summary.count("/tokens/output");
        if output != Some(requests * u64::from(tokens)) {
            bail!("floodline counted {output:?} tokens of {}", requests * u64::from(tokens));
        }
        Ok(run)
    }

    /// Open loop, all of it sent and answered.
    ///
    /// # Errors
    /// If the run could not be made, is not valid, or one of the planned requests was not sent or not ok.
    pub(crate) fn drive_open(&self, rig: &Rig, load: &OpenLoad, limit: Duration) -> Result<Run> {
        let OpenLoad { url, rate, seconds, tokens } = load;
        let (per_second, duration, tokens) = (rate.to_string(), format!("{seconds}s"), tokens.to_string());
        let run = self.run(
            rig,
            &[
                "--url",
                url,
                "--model",
                "truth",
                "--rate",
                &per_second,
                "--duration",
                &duration,
                "--max-tokens",
                &tokens,
            ],
            limit,
        )?;
        run.summary.check_open(load.requests())?;
        Ok(run)
    }

    fn run(&self, rig: &Rig, args: &[&str], limit: Duration) -> Result<Run> {
        let folder = rig.path("run");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut command: Vec<OsString> = vec![self.0.clone().into(), "run".into()];
        command.extend(args.iter().map(OsString::from));
        command.extend(["--out".into(), folder.clone().into(), "--quiet".into(), "--json".into()]);
        let ran = rig.run("floodline", &command, limit, &GOOD)?;
        let summary = Summary::parse(&ran.stdout).with_context(|| {
            format!("floodline printed no summary but {:.200?} {}", ran.stdout, ran.stderr)
        })?;
        Ok(Run { usage: ran.usage, summary, folder })
    }
}

/// Passed; an objective failed; invalid. The figures are there in each case, and the verdict is shown.
const GOOD: [i32; 3] = [0, 3, 4];

fn build(cargo: &OsString) -> Result<()> {
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "floodline"])
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("`cargo build --release -p floodline` failed");
    }
    Ok(())
}

/// `summary.json`.
#[derive(Clone, Debug)]
pub(crate) struct Summary(Value);

impl Summary {
    /// The summary in `text`.
    ///
    /// # Errors
    /// If it is no JSON.
    pub(crate) fn parse(text: &str) -> Result<Summary> {
        Ok(Summary(serde_json::from_str(text)?))
    }

    /// Percentile `p` (`p50`, `p99`) of the metric `name`, in milliseconds.
    pub(crate) fn metric(&self, name: &str, p: &str) -> Option<f64> {
        self.0["metrics"][name][p].as_f64()
    }

    /// A count by its place.
    pub(crate) fn count(&self, pointer: &str) -> Option<u64> {
        self.0.pointer(pointer)?.as_u64()
    }

    /// Whether an open loop of so many requests is one to take figures from: all of them were planned, sent and
    /// ok, and the run is valid.
    fn check_open(&self, requests: u64) -> Result<()> {
        let counts = ["planned", "sent", "ok"].map(|name| self.count(&format!("/requests/{name}")));
        if counts != [Some(requests); 3] {
            let [planned, sent, ok] = counts.map(|n| n.map_or_else(|| "?".to_owned(), |n| n.to_string()));
            bail!("of {requests} requests {planned} were planned, {sent} sent, {ok} ok: {}", self.verdict());
        }
        let verdict = &self.0["verdict"];
        if verdict["valid"] != true || verdict["status"] == "invalid" {
            bail!("the run is not valid: {}", self.verdict());
        }
        Ok(())
    }

    /// The status, and the reasons where there are any.
    pub(crate) fn verdict(&self) -> String {
        let verdict = &self.0["verdict"];
        let status = verdict["status"].as_str().unwrap_or("no verdict");
        let reasons = verdict["reasons"].as_array().into_iter().flatten();
        let reasons: Vec<&str> = reasons.filter_map(Value::as_str).collect();
        if reasons.is_empty() { status.to_owned() } else { format!("{status} ({})", reasons.join(", ")) }
    }
}

/// What the benchmark reads of a record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Record {
    /// Arrival index.
    pub(crate) i: u64,
    /// When it was due, in nanoseconds from the start of the run.
    pub(crate) scheduled_ns: Option<i64>,
    /// What it spent on opening a connection; absent if it found one open.
    pub(crate) connect_ns: Option<i64>,
    /// Nanoseconds from the start of the run.
    pub(crate) sent_ns: Option<i64>,
    /// The same.
    pub(crate) first_token_ns: Option<i64>,
    /// A span.
    pub(crate) max_gap_ns: Option<i64>,
}

impl Run {
    /// The records of its journal.
    ///
    /// # Errors
    /// If the journal is not what the description of run folders says.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        read_records(&self.folder.join("requests.jsonl.zst"))
    }

    /// The instant that its records count from.
    ///
    /// # Errors
    /// If the run folder does not say.
    pub(crate) fn started(&self) -> Result<Wall> {
        #[derive(Deserialize)]
        struct Info {
            started_unix_ns: i64,
        }
        let path = self.folder.join("run.json");
        let text = fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        let info: Info = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        Ok(Wall(info.started_unix_ns))
    }
}

fn read_records(path: &Path) -> Result<Vec<Record>> {
    let file = File::open(path).with_context(|| format!("no journal {}", path.display()))?;
    parse_records(BufReader::new(zstd::Decoder::new(file)?))
}

/// Lines without an arrival index, such as one that names the format, are no records.
fn parse_records(lines: impl BufRead) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for (n, line) in lines.lines().enumerate() {
        let line: Value =
            serde_json::from_str(&line?).with_context(|| format!("line {} of the journal", n + 1))?;
        if line.get("i").is_some() {
            records.push(serde_json::from_value(line)?);
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let text = r#"{
            "format": "floodline-summary/1",
            "verdict": {"status": "invalid", "reasons": ["generator_late"]},
            "requests": {"planned": 640, "sent": 640, "ok": 639, "failed": 1},
            "metrics": {"ttft": {"unit": "ms", "count": 639, "p50": 50.1, "p99": null}},
            "tokens": {"input": 6400, "output": 63900, "source": "usage"}
        }"#;
        Summary::parse(text).unwrap()
    }

    #[test]
    fn a_summary_is_read_by_its_contract() {
        let summary = summary();
        assert_eq!(summary.metric("ttft", "p50"), Some(50.1));
        assert_eq!(summary.count("/requests/ok"), Some(639));
        assert_eq!(summary.verdict(), "invalid (generator_late)");
    }

    #[test]
    fn what_is_missing_is_missing() {
        let summary = summary();
        assert_eq!((summary.metric("ttft", "p99"), summary.metric("gap", "p50")), (None, None));
        assert_eq!(Summary::parse("{}").unwrap().verdict(), "no verdict");
    }

    #[test]
    fn an_open_loop_has_to_be_whole_and_valid() {
        let check = |planned: u64, sent: u64, ok: u64, status: &str, valid: bool| {
            let text = serde_json::json!({
                "verdict": {"status": status, "valid": valid},
                "requests": {"planned": planned, "sent": sent, "ok": ok},
            });
            Summary(text).check_open(100).map_err(|error| error.to_string())
        };
        assert_eq!(check(100, 100, 100, "pass", true), Ok(()));
        assert_eq!(
            check(100, 90, 89, "fail", true),
            Err("of 100 requests 100 were planned, 90 sent, 89 ok: fail".into())
        );
        assert!(check(90, 90, 90, "pass", true).is_err());
        assert_eq!(check(100, 100, 100, "invalid", false), Err("the run is not valid: invalid".into()));
        assert!(check(100, 100, 100, "fail", false).is_err());
        assert!(Summary::parse("{}").unwrap().check_open(100).is_err());
    }

    #[test]
    fn a_journal_may_say_what_it_is() {
        let lines = br#"{"format":"floodline-requests/1"}
{"i":3,"phase":"main","scheduled_ns":8,"sent_ns":10,"first_token_ns":null,"last_ns":40,"outcome":"ok","max_gap_ns":7}
"#;
        let want = Record {
            i: 3,
            scheduled_ns: Some(8),
            connect_ns: None,
            sent_ns: Some(10),
            first_token_ns: None,
            max_gap_ns: Some(7),
        };
        assert_eq!(parse_records(&lines[..]).unwrap(), [want]);
    }
}
