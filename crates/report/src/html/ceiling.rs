//! The page of a search for a ceiling: the answer, the curves over the load, and every load that was tried.

use floodline_core::ceiling::{By, Ceiling, JOURNEYS, Status, Tried, Verdict};
use floodline_core::plan::Plan;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::charts::{Figure, line, most, number_axis, time_axis};
use super::{Fact, TEMPLATE, environment, fact, started};
use crate::ceiling::{self, HEADINGS, short_load};
use crate::format::{count, maybe_time, one_line, stopwatch};
use crate::svg::{Axis, Chart, Series, Shape};
use crate::words;

const PAGE: &str = include_str!("ceiling.html");

#[derive(Serialize)]
struct Page {
    style: Value,
    name: String,
    started: String,
    word: String,
    tone: &'static str,
    answer: String,
    facts: Vec<Fact>,
    unit: &'static str,
    charts: Vec<Figure>,
    headings: Vec<&'static str>,
    rows: Vec<Row>,
    notes: Vec<String>,
    search: Vec<Fact>,
}

#[derive(Serialize)]
struct Row {
    load: String,
    tone: &'static str,
    verdict: String,
    cells: Vec<String>,
}

/// The answer as one self-contained file.
pub fn ceiling(answer: &Ceiling, plan: &Plan, began: &str) -> String {
    // The template is a constant without filters or calls, and every key it names is a field above.
    environment()
        .render_str(PAGE, Serde(page(answer, plan, began)))
        .expect("the constant template renders every page")
}

fn page(answer: &Ceiling, plan: &Plan, began: &str) -> Page {
    let tone = match (answer.status, answer.exit_code()) {
        (Status::Found | Status::Unbounded, 0) => "pass",
        (Status::Found | Status::Unbounded | Status::Nothing, _) => "fail",
        (Status::Invalid | Status::Stopped | Status::Interrupted, _) => "invalid",
    };
    let facts = [
        ("ceiling", ceiling::interval(answer)),
        ("headroom", ceiling::headroom(answer)),
        ("knee", ceiling::knee(answer)),
        ("target", Some(words::target(&plan.target))),
        ("model", Some(one_line(&plan.target.model, 100))),
    ];
    let objectives = answer.objectives.iter().map(|text| match answer.assumed.as_ref() == Some(text) {
        true => format!("{text} (assumed: none spoke of errors)"),
        false => text.clone(),
    });
    let mut search = vec![
        fact("objectives", objectives.collect::<Vec<_>>().join("; ")),
        fact("trials", count(answer.trials.len() as u64)),
        fact("took", stopwatch(floodline_core::Span((answer.took_s * 1e9) as u64))),
        fact("resolution", format!("{} %", (answer.resolution * 1e4).round() / 100.0)),
    ];
    search.extend(answer.spent_usd.map(|usd| fact("cost", usd.to_string())));
    search.extend((!answer.left_out.is_empty()).then(|| fact("left out", answer.left_out.join("; "))));
    search.push(fact("seed", format!("{}, plus the number of each trial", plan.seed)));
    Page {
        style: Value::from_safe_string(style().to_owned()),
        name: one_line(&plan.name, 100),
        started: started(began),
        word: ceiling::word(answer).to_lowercase(),
        tone,
        answer: ceiling::answer(answer),
        facts: facts.into_iter().filter_map(|(name, text)| Some(fact(name, text?))).collect(),
        unit: match answer.by() {
            By::Rate if answer.unit == JOURNEYS => "journeys a second",
            By::Rate => "requests a second",
            By::Users => "users",
        },
        charts: charts(answer),
        headings: HEADINGS[1..].to_vec(),
        rows: ceiling::rows(answer).into_iter().map(|row| Row::new(answer, row)).collect(),
        notes: ceiling::notes(answer),
        search,
    }
}

impl Row {
    fn new(answer: &Ceiling, row: ceiling::Row) -> Row {
        let mut cells = row.cells.into_iter();
        let tone = match row.verdict {
            Verdict::Passed => "pass",
            Verdict::Failed => "fail",
            Verdict::Invalid | Verdict::Cut => "invalid",
        };
        let load = short_load(answer.by(), row.load);
        Row { load, tone, verdict: cells.next().unwrap_or_default(), cells: cells.collect() }
    }
}

/// The style sheet of a run's report: pages look alike.
fn style() -> &'static str {
    let from = TEMPLATE.find("<style>").map_or(0, |at| at + "<style>".len());
    let to = TEMPLATE.find("</style>").unwrap_or(from);
    TEMPLATE.get(from..to).unwrap_or_default()
}

fn charts(answer: &Ceiling) -> Vec<Figure> {
    let points: Vec<&Tried> = ceiling::points(answer)
        .into_iter()
        .map(|(tried, _)| tried)
        // What passed above the ceiling did so by an allowance, and says nothing of the curve.
        .filter(|t| t.verdict != Verdict::Passed || answer.value.is_none_or(|value| t.load <= value))
        .collect();
    if points.len() < 2 {
        return Vec::new();
    }
    let times = |title, caption: &str, of: &dyn Fn(&Tried) -> floodline_core::ceiling::Times| {
        if points.iter().all(|t| of(t).p50.is_none()) {
            return None;
        }
        let line_of = |class, value: &dyn Fn(&Tried) -> Option<f64>| {
            line(class, points.iter().map(|t| (t.load, value(t))).collect())
        };
        let series = vec![
            line_of("p99", &|t| of(t).p99),
            Series { shape: Shape::Dashed, ..line_of("p99", &|t| of(t).p95) },
            line_of("p50", &|t| of(t).p50),
        ];
        let y = time_axis(most(&series.iter().collect::<Vec<_>>()));
        let hint = |t: &Tried| {
            let of = of(t);
            format!("p50 {}, p95 {}, p99 {}", maybe_time(of.p50), maybe_time(of.p95), maybe_time(of.p99))
        };
        let chart = chart(answer, &points, y, series, hint);
        Some(Figure::new(title, caption.into(), &["p99", "p95", "p50"], chart))
    };
    let served = served(answer, &points);
    let all = [
        times("Time to first token", "Of each trial while it was steady.", &|t| t.ttft),
        times("Latency", "Of answers, of each trial while it was steady.", &|t| t.latency),
        Some(served),
        goodput(answer, &points),
    ];
    all.into_iter().flatten().collect()
}

fn served(answer: &Ceiling, points: &[&Tried]) -> Figure {
    let per_s = |n: u64, t: &Tried| (t.seconds > 0.0).then(|| n as f64 / t.seconds);
    let points_of =
        |value: &dyn Fn(&Tried) -> Option<f64>| points.iter().map(|t| (t.load, value(t))).collect();
    let ok = Series { shape: Shape::Area, ..line("ok", points_of(&|t| t.ok_per_s)) };
    let refused = line("bad", points_of(&|t| per_s(t.refused + t.failed, t)));
    let offered = Series { shape: Shape::Dashed, ..line("sent", points_of(&|t| per_s(t.requests, t))) };
    let series = vec![ok, offered, refused];
    let y = number_axis(most(&series.iter().collect::<Vec<_>>()));
    let hint =
        |t: &Tried| format!("{} ok, {} refused, {} failed", count(t.ok), count(t.refused), count(t.failed));
    let caption = "Requests a second that were answered, that ended, and that were refused or failed.".into();
    Figure::new(
        "What was served",
        caption,
        &["ok", "ended", "refused or failed"],
        chart(answer, points, y, series, hint),
    )
}

fn goodput(answer: &Ceiling, points: &[&Tried]) -> Option<Figure> {
    if points.iter().all(|t| t.goodput.is_none()) {
        return None;
    }
    let series = vec![line("ok", points.iter().map(|t| (t.load, t.goodput)).collect())];
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0];
    let y = Axis { end: 1.0, ticks: ticks.iter().map(|v| (*v, format!("{} %", v * 100.0))).collect() };
    let hint = |t: &Tried| t.goodput.map_or_else(String::new, crate::format::fraction);
    let caption =
        "Share of requests that met every latency objective themselves; a failure is a miss.".into();
    Some(Figure::new("Goodput", caption, &["goodput"], chart(answer, points, y, series, hint)))
}

fn chart(
    answer: &Ceiling,
    points: &[&Tried],
    y: Axis,
    series: Vec<Series>,
    hint: impl Fn(&Tried) -> String,
) -> Chart {
    let end = points.last().map_or(1.0, |t| t.load);
    let ticks = number_axis(end).ticks;
    let x = Axis { end, ticks: ticks.into_iter().filter(|(value, _)| *value <= end * 1.000_1).collect() };
    let beyond =
        answer.value.filter(|value| *value < end).map(|value| (value, end, "beyond the ceiling".into()));
    let hints = points.iter().map(|t| (t.load, format!("{}: {}", short_load(answer.by(), t.load), hint(t))));
    Chart { label: String::new(), x, y, series, shaded: beyond.into_iter().collect(), hints: hints.collect() }
}
