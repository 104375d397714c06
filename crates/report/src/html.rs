//! The report of a run as one HTML file: no network, no script, readable in light, in dark and on paper.
//!
//! Figures and sentences are made here and in the sibling modules; the template only places them,
//! and escapes everything but the charts, which escape for themselves (`svg`).

mod ceiling;
mod charts;

use floodline_core::fold::Fold;
use floodline_core::journey::JourneyEnd;
use floodline_core::objective;
use floodline_core::outcome::Outcome;
use floodline_core::plan::Plan;
use floodline_core::summary::{Journeys, MetricSummary, RunInfo, RunSummary};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use crate::format::{MISSING, count, counted, maybe, maybe_time, one_line, share, time};
use crate::metrics::{PERCENTILES, Row, interval};
use crate::{advice, health, held, journeys, metrics, objectives, parts, volume, words};
use charts::Figure;

pub use ceiling::ceiling;

const TEMPLATE: &str = include_str!("html/page.html");

/// The report as one self-contained file. `fold` is what `summary` was taken from; the charts are drawn from it.
pub fn page(plan: &Plan, info: &RunInfo, summary: &RunSummary, fold: &Fold) -> String {
    let page = Page::new(plan, info, summary, fold);
    // The template is a constant without filters or calls, and every key it names is a field below.
    environment().render_str(TEMPLATE, Serde(page)).expect("the constant template renders every page")
}

/// One that escapes everything but what says that it is safe.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the usual ones"));
    environment
}

/// Everything on the page, in its order.
#[derive(Serialize)]
struct Page {
    name: String,
    started: String,
    status: &'static str,
    headline: String,
    meaning: Option<&'static str>,
    findings: Vec<Finding>,
    insecure: Option<&'static str>,
    setting: Vec<Fact>,
    objectives: Vec<ObjectiveRow>,
    stop_rules: Vec<String>,
    tiles: Vec<Tile>,
    covered: String,
    over_time: Vec<Figure>,
    curves: Vec<Figure>,
    percentiles: Vec<&'static str>,
    rows: Vec<MetricRow>,
    has_intervals: bool,
    notes: Vec<String>,
    journeys: Option<JourneysPart>,
    parts: Vec<PartTable>,
    outcomes: Vec<OutcomeRow>,
    errors: Vec<ErrorRow>,
    remedies: Vec<String>,
    volume: Vec<Fact>,
    healthy: bool,
    health: Vec<Fact>,
    remarks: Vec<String>,
    plan: Vec<Fact>,
    flow: Vec<FlowLine>,
    floodline: String,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    remedy: Option<String>,
}

/// A name and what there is to say about it.
#[derive(Serialize)]
struct Fact {
    name: &'static str,
    text: String,
}

/// A figure that is seen from afar.
#[derive(Serialize)]
struct Tile {
    name: &'static str,
    value: String,
    beside: String,
}

#[derive(Serialize)]
struct ObjectiveRow {
    tone: &'static str,
    verdict: &'static str,
    text: String,
    value: String,
    said: String,
}

/// What became of the journeys.
#[derive(Serialize)]
struct JourneysPart {
    ends: Vec<OutcomeRow>,
    rows: Vec<MetricRow>,
    notes: Vec<String>,
    parts: Vec<PartTable>,
}

/// A line of a flow, indented by so many em.
#[derive(Serialize)]
struct FlowLine {
    indent: usize,
    text: String,
}

#[derive(Serialize)]
struct PartTable {
    title: &'static str,
    headings: Vec<&'static str>,
    rows: Vec<PartRow>,
    more: usize,
}

#[derive(Serialize)]
struct PartRow {
    name: String,
    cells: Vec<String>,
}

#[derive(Serialize)]
struct MetricRow {
    name: String,
    meaning: &'static str,
    count: String,
    cells: Vec<Cell>,
    max: String,
}

#[derive(Serialize)]
struct Cell {
    value: String,
    interval: Option<String>,
}

#[derive(Serialize)]
struct OutcomeRow {
    name: &'static str,
    tone: &'static str,
    count: String,
    share: String,
    /// Of the bar, in per cent.
    width: String,
}

#[derive(Serialize)]
struct ErrorRow {
    outcome: &'static str,
    status: String,
    message: String,
    count: String,
}

impl Page {
    fn new(plan: &Plan, info: &RunInfo, summary: &RunSummary, fold: &Fold) -> Page {
        let buckets = fold.timeline.buckets();
        let rows = metrics::rows(plan, summary);
        let health = health::health(summary);
        let finding = |f: advice::Finding| Finding { what: f.what, remedy: f.remedy };
        Page {
            name: one_line(&summary.name, 100),
            started: started(&summary.started),
            status: summary.verdict.status.name(),
            headline: advice::headline(summary),
            meaning: advice::meaning(&summary.verdict),
            findings: advice::findings(plan, info, summary).into_iter().map(finding).collect(),
            insecure: plan.target.insecure.then_some(words::INSECURE),
            setting: setting(plan, summary),
            objectives: objectives::lines(summary).into_iter().map(ObjectiveRow::new).collect(),
            stop_rules: objectives::stop_rules(summary),
            tiles: tiles(summary),
            covered: charts::covered(&buckets),
            over_time: charts::over_time(plan, &buckets, &fold.samples),
            curves: charts::percentiles(&fold.metrics),
            percentiles: PERCENTILES.map(|(_, name)| name).to_vec(),
            has_intervals: rows.iter().any(Row::wants_intervals),
            rows: rows.iter().filter(|row| row.figures.count > 0).map(MetricRow::new).collect(),
            notes: notes(summary),
            journeys: summary.journeys.as_ref().map(|them| JourneysPart::new(plan, summary, them)),
            parts: parts::tables(summary).into_iter().map(PartTable::new).collect(),
            outcomes: outcomes(summary),
            errors: advice::errors(summary)
                .into_iter()
                .map(|line| ErrorRow {
                    outcome: line.outcome.name(),
                    status: line.status.map_or_else(|| MISSING.into(), |s| s.to_string()),
                    message: one_line(&line.message, 600),
                    count: count(line.count),
                })
                .collect(),
            remedies: advice::remedies(plan, info, &summary.errors),
            volume: volume::facts(summary).into_iter().map(|(name, text)| fact(name, text)).collect(),
            healthy: health.valid,
            health: generator(info, summary, &health),
            remarks: health.remarks,
            plan: facts_of_plan(plan, info),
            flow: flow(plan),
            floodline: one_line(&info.floodline, 40),
        }
    }
}

impl ObjectiveRow {
    fn new(line: objectives::Line) -> ObjectiveRow {
        let tone = match line.finding {
            objective::Finding::Met => "pass",
            objective::Finding::Missed => "fail",
            objective::Finding::Undecided => "invalid",
        };
        let objectives::Line { finding, text, value, said } = line;
        ObjectiveRow { tone, verdict: finding.name(), text, value, said }
    }
}

impl PartTable {
    fn new(table: parts::Table) -> PartTable {
        let rows = table.rows.into_iter().map(|(name, cells)| PartRow { name, cells }).collect();
        PartTable { title: table.title, headings: table.headings, rows, more: table.more }
    }
}

impl MetricRow {
    fn new(row: &Row<'_>) -> MetricRow {
        let mark = if row.upper_bound { "≤ " } else { "" };
        let value = |ms: Option<f64>| ms.map_or_else(|| MISSING.into(), |ms| format!("{mark}{}", time(ms)));
        let cell = |(ms, ends): (Option<f64>, _)| Cell {
            value: value(ms),
            interval: ms.filter(|_| row.wants_intervals()).map(|ms| interval(ms, ends)),
        };
        MetricRow {
            name: row.metric.name().into(),
            meaning: row.meaning(),
            count: count(row.figures.count),
            cells: row.percentiles().into_iter().zip(row.intervals()).map(cell).collect(),
            max: value(row.figures.max),
        }
    }
}

impl JourneysPart {
    fn new(plan: &Plan, summary: &RunSummary, them: &Journeys) -> JourneysPart {
        let row = |(end, n): (JourneyEnd, u64)| OutcomeRow {
            name: end.name(),
            tone: match end {
                JourneyEnd::Completed => "ok",
                JourneyEnd::Failed => "bad",
                JourneyEnd::Abandoned | JourneyEnd::Cut => "sent",
            },
            count: count(n),
            share: share(n, them.started),
            width: format!("{:.2}", n as f64 * 100.0 / them.started.max(1) as f64),
        };
        let ends = journeys::by_end(them).into_iter().filter(|(_, n)| *n > 0).map(row).collect();
        let times = [
            ("duration", "From when it was to begin to its end, completed ones only.", &them.duration),
            ("active", "The same without the time in which the user thought.", &them.active),
        ];
        let times = times.into_iter().filter(|(_, _, figures)| figures.count > 0);
        let ends_said = (them.started == 0 || them.around > 0).then(|| journeys::ends(them));
        let notes = [ends_said, journeys::requests(them), journeys::failed_at(them)];
        JourneysPart {
            ends,
            rows: times.map(|(name, meaning, figures)| of_journeys(name, meaning, figures)).collect(),
            notes: notes.into_iter().flatten().map(|note| advice::as_sentence(&note)).collect(),
            parts: parts::of_journeys(plan, summary).into_iter().map(PartTable::new).collect(),
        }
    }
}

fn of_journeys(name: &str, meaning: &'static str, figures: &MetricSummary) -> MetricRow {
    let f = figures;
    let values = [f.p50, f.p90, f.p95, f.p99, f.p999];
    let cell = |(value, (key, _)): (Option<f64>, (&str, &str))| Cell {
        value: maybe_time(value),
        interval: value.zip(f.interval.get(key)).map(|(ms, ends)| interval(ms, *ends)),
    };
    MetricRow {
        name: name.into(),
        meaning,
        count: count(f.count),
        cells: values.into_iter().zip(PERCENTILES).map(cell).collect(),
        max: maybe_time(f.max),
    }
}

fn flow(plan: &Plan) -> Vec<FlowLine> {
    let line = |line: words::flow::Line| FlowLine { indent: line.depth, text: line.text };
    words::flow::lines(plan).into_iter().map(line).collect()
}

fn fact(name: &'static str, text: String) -> Fact {
    Fact { name, text }
}

fn setting(plan: &Plan, summary: &RunSummary) -> Vec<Fact> {
    let mut facts = vec![fact("load", words::load_of(plan))];
    facts.extend(held::held(plan, summary).map(|held| fact("held", held)));
    facts.extend(held::aside(summary).map(|aside| fact("left out", aside)));
    facts.push(fact("target", words::target(&plan.target)));
    facts.extend(words::several(plan).into_iter().map(|line| fact("shared by", line)));
    facts.extend(words::connection(&plan.target).map(|connection| fact("connection", connection)));
    facts.push(fact("model", one_line(&plan.target.model, 100)));
    facts
}

/// `2026-06-01T12:00:00.123+02:00` as `2026-06-01 12:00:00 +02:00`; anything else as it is.
fn started(rfc3339: &str) -> String {
    let parts = (rfc3339.get(..10), rfc3339.get(10..11), rfc3339.get(11..19), rfc3339.get(19..));
    let (Some(date), Some("T"), Some(time), Some(rest)) = parts else { return one_line(rfc3339, 60) };
    let zone = rest.find(['+', '-', 'Z']).map_or("", |at| &rest[at..]);
    one_line(&format!("{date} {time} {}", zone.replace('Z', "UTC")), 60)
}

fn tiles(summary: &RunSummary) -> Vec<Tile> {
    let r = &summary.requests;
    let t = &summary.throughput;
    let bound = if metrics::is_upper_bound(summary) { "≤ " } else { "" };
    let percentiles = |name: &str| {
        let m = summary.metrics.get(name);
        (maybe_time(m.and_then(|m| m.p50)), maybe_time(m.and_then(|m| m.p99)))
    };
    let times = |title, name, bound: &str| {
        let (p50, p99) = percentiles(name);
        Tile { name: title, value: format!("{bound}{p50}"), beside: format!("p99 {bound}{p99}") }
    };
    let beside = match summary.tokens.output {
        Some(n) => format!("{} in all", counted(n, "token")),
        None => "not counted by anybody".into(),
    };
    vec![
        Tile {
            name: "requests ok",
            value: share(r.ok, r.planned),
            beside: format!("{} of {}", count(r.ok), count(r.planned)),
        },
        times("TTFT, p50", "ttft", bound),
        times("gap, p50", "gap", ""),
        times("latency, p50", "latency", ""),
        Tile { name: "requests/s", value: maybe(t.requests_per_s), beside: "answered ok".into() },
        Tile { name: "output tokens/s", value: maybe(t.output_tokens_per_s), beside },
    ]
}

fn notes(summary: &RunSummary) -> Vec<String> {
    let mut notes = Vec::new();
    if metrics::is_upper_bound(summary) {
        notes.push("≤ marks upper bounds: first tokens shared a read with later ones.".into());
    }
    notes.extend(advice::censored(summary));
    notes
}

fn outcomes(summary: &RunSummary) -> Vec<OutcomeRow> {
    let r = &summary.requests;
    let row = |outcome: Outcome| {
        let n = r.by_outcome.get(outcome.name()).copied().filter(|&n| n > 0)?;
        let tone = match outcome {
            Outcome::Ok => "ok",
            o if o.is_error() => "bad",
            _ => "sent",
        };
        let width = format!("{:.2}", n as f64 * 100.0 / r.planned.max(n) as f64);
        Some(OutcomeRow { name: outcome.name(), tone, count: count(n), share: share(n, r.planned), width })
    };
    Outcome::ALL.into_iter().filter_map(row).collect()
}

fn generator(info: &RunInfo, summary: &RunSummary, health: &health::Health) -> Vec<Fact> {
    let g = &summary.generator;
    let allowed = |ms, allowed_ms| format!("p99 {}, allowed {}", maybe_time(ms), time(allowed_ms));
    let mut facts = vec![
        fact("late (sent after plan)", allowed(g.late_p99_ms, g.late_allowed_ms)),
        fact("lag (arrival to reading)", allowed(g.lag_p99_ms, g.lag_allowed_ms)),
    ];
    let rest: Vec<&str> = health.facts.iter().skip(2).map(String::as_str).collect();
    facts.push(fact("measured with", rest.join(", ")));
    if let Some((open, most)) = g.descriptors {
        facts.push(fact("descriptors", format!("{} of {} at most", count(open), count(most))));
    }
    facts.push(fact("clock step", if g.clock_step_ms > 0.0 { time(g.clock_step_ms) } else { "none".into() }));
    if let Some(provider) = &health.provider {
        facts.push(fact("built-in provider", provider.clone()));
    }
    facts.push(fact(
        "machine",
        format!("{}, {}", one_line(&info.machine, 100), counted(info.cores.into(), "core")),
    ));
    facts
}

fn facts_of_plan(plan: &Plan, info: &RunInfo) -> Vec<Fact> {
    let mut facts = vec![
        fact("load", words::load_of(plan)),
        fact("target", words::target(&plan.target)),
        fact("model", words::model(&plan.target)),
    ];
    facts.extend(words::several(plan).into_iter().map(|line| fact("shared by", line)));
    let prompts = words::prompts(plan);
    if !prompts.is_empty() {
        facts.push(fact("sends", prompts.join("; ")));
    }
    facts.extend(words::retry::retries(plan).map(|text| fact("retries", text)));
    facts.push(fact(
        "limits",
        words::limits(&plan.limits).unwrap_or_else(|| "none but the plan's end".into()),
    ));
    facts.extend(words::objectives(plan).map(|text| fact("objectives", text)));
    facts.push(fact("timeouts", words::timeouts(plan)));
    facts.push(fact("seed", format!("{} ({})", plan.seed, one_line(&plan.random, 40))));
    facts.push(fact("plan hash", one_line(&info.plan_hash, 40)));
    facts
}
