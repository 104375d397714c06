//! Line charts as SVG: a small pure writer. Colours and type come from the page's style sheet, by class.
//!
//! A chart is drawn for a width of 460 units, which is about its width in pixels on a page of two
//! columns, and still legible on a telephone.

use std::fmt::Write;

/// The drawing's size, and the room around the plot for ticks.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// A chart of lines over one axis each way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chart {
    /// What it shows, for those who cannot see it.
    pub(crate) label: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// Stretches of the x axis that are set apart, and why.
    pub(crate) shaded: Vec<(f64, f64, String)>,
    /// What a pointer resting at an x is told.
    pub(crate) hints: Vec<(f64, String)>,
}

/// An axis from zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Axis {
    /// Its far end; zero and less are drawn as one.
    pub(crate) end: f64,
    /// Where it is labelled.
    pub(crate) ticks: Vec<(f64, String)>,
}

/// One line of a chart. A missing value leaves a hole in it.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The class that gives it its colour.
    pub(crate) class: &'static str,
    pub(crate) shape: Shape,
    pub(crate) points: Vec<(f64, Option<f64>)>,
    /// Points that are marked, with their values in words.
    pub(crate) marks: Vec<(f64, f64, String)>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Line,
    Dashed,
    /// A line with the space below it filled.
    Area,
}

impl Chart {
    /// The chart as an `svg` element.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let label = escape(&self.label);
        write!(out, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#)?;
        self.write_shade(out)?;
        self.write_axes(out)?;
        for series in &self.series {
            self.write_series(out, series)?;
        }
        for series in &self.series {
            self.write_marks(out, series)?;
        }
        self.write_hints(out)?;
        out.write_str("</svg>")
    }

    fn write_shade(&self, out: &mut String) -> std::fmt::Result {
        let height = HEIGHT - TOP - BOTTOM;
        for (from, to, why) in &self.shaded {
            let (from, to) = (self.at_x(*from), self.at_x(*to));
            write!(
                out,
                r#"<rect class="shade" x="{from:.1}" y="{TOP}" width="{:.1}" height="{height}"><title>{}</title></rect>"#,
                (to - from).max(0.0),
                escape(why)
            )?;
        }
        Ok(())
    }

    fn write_axes(&self, out: &mut String) -> std::fmt::Result {
        let (end, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, label) in &self.y.ticks {
            let y = self.at_y(*value);
            let class = if *value == 0.0 { "axis" } else { "grid" };
            write!(out, r#"<path class="{class}" d="M{LEFT} {y:.1}H{end}"/>"#)?;
            write!(
                out,
                r#"<text class="tick" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 7.0,
                y + 4.0,
                escape(label)
            )?;
        }
        for (value, label) in &self.x.ticks {
            let x = self.at_x(*value);
            // At some three units a letter and side, the last label may stick out at the right.
            let half = 3.2 * label.chars().count() as f64;
            let anchor = if x + half > WIDTH { "end" } else { "middle" };
            write!(out, r#"<path class="axis" d="M{x:.1} {bottom}v4"/>"#)?;
            write!(
                out,
                r#"<text class="tick" x="{x:.1}" y="{}" text-anchor="{anchor}">{}</text>"#,
                HEIGHT - 6.0,
                escape(label)
            )?;
        }
        Ok(())
    }

    fn write_series(&self, out: &mut String, series: &Series) -> std::fmt::Result {
        let bottom = HEIGHT - BOTTOM;
        for run in series.points.split(|(_, y)| y.is_none()).filter(|run| !run.is_empty()) {
            let points: Vec<(f64, f64)> =
                run.iter().filter_map(|&(x, y)| Some((self.at_x(x), self.at_y(y?)))).collect();
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let mut line = String::new();
            for (i, (x, y)) in points.iter().enumerate() {
                write!(line, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' })?;
            }
            // A single point has no length; a short stroke shows it.
            if points.len() == 1 {
                line.push_str("h2");
            }
            if series.shape == Shape::Area {
                write!(out, r#"<path class="area {}" d="{line}V{bottom}H{:.1}Z"/>"#, series.class, first.0)?;
            }
            let dashed = if series.shape == Shape::Dashed { " dashed" } else { "" };
            write!(out, r#"<path class="line {}{dashed}" d="{line}"/>"#, series.class)?;
            debug_assert!(last.0 >= first.0, "points are in order");
        }
        Ok(())
    }

    /// Above every line, so that none crosses a value.
    fn write_marks(&self, out: &mut String, series: &Series) -> std::fmt::Result {
        for (x, y, label) in &series.marks {
            let (x, y) = (self.at_x(*x), self.at_y(*y));
            // Towards the edges the label keeps inside.
            let (anchor, dx) = match x {
                x if x > WIDTH - RIGHT - 40.0 => ("end", 3.0),
                x if x < LEFT + 40.0 => ("start", -3.0),
                _ => ("middle", 0.0),
            };
            write!(out, r#"<circle class="mark {}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#, series.class)?;
            write!(
                out,
                r#"<text class="value" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                x + dx,
                (y - 8.0).max(TOP + 4.0),
                escape(label)
            )?;
        }
        Ok(())
    }

    fn write_hints(&self, out: &mut String) -> std::fmt::Result {
        let step = (WIDTH - LEFT - RIGHT) / self.hints.len().max(1) as f64;
        let height = HEIGHT - TOP - BOTTOM;
        for (x, text) in &self.hints {
            let x = self.at_x(*x) - step / 2.0;
            write!(
                out,
                r#"<rect class="hint" x="{x:.1}" y="{TOP}" width="{step:.1}" height="{height}"><title>{}</title></rect>"#,
                escape(text)
            )?;
        }
        Ok(())
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + along(value, self.x.end) * (WIDTH - LEFT - RIGHT)
    }

    fn at_y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - along(value, self.y.end) * (HEIGHT - TOP - BOTTOM)
    }
}

/// How far along an axis a value is, from 0 to 1.
fn along(value: f64, end: f64) -> f64 {
    let end = if end > 0.0 { end } else { 1.0 };
    if value.is_finite() { (value / end).clamp(0.0, 1.0) } else { 1.0 }
}

/// About four steps of 1, 2, 2.5 or 5 times a power of ten from zero to beyond `most`: the positions of ticks.
pub(crate) fn nice_ticks(most: f64) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
    let rough = most / 4.0;
    let power = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let steps = (most / step * 0.999).ceil().max(1.0) as u32;
    (0..=steps).map(|k| f64::from(k) * step).collect()
}

/// Text for an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_beyond_the_most() {
        assert_eq!(nice_ticks(78.4), [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!(nice_ticks(1.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(nice_ticks(5_120.0), [0.0, 2_000.0, 4_000.0, 6_000.0]);
        assert_eq!(nice_ticks(0.0), nice_ticks(1.0));
        assert_eq!(nice_ticks(f64::NAN), nice_ticks(1.0));
        for most in [0.003, 0.7, 3.0, 11.0, 64.0, 999.0, 1e9] {
            let ticks = nice_ticks(most);
            assert!((3..=6).contains(&ticks.len()), "{most}: {ticks:?}");
            assert!(ticks.last().is_some_and(|&end| end >= most * 0.998), "{most}: {ticks:?}");
        }
    }

    #[test]
    fn a_missing_value_is_a_hole_and_not_a_zero() {
        let points = vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(1.0)), (3.0, Some(2.0))];
        let series = Series { class: "a", shape: Shape::Line, points, marks: Vec::new() };
        let axis = |end| Axis { end, ticks: Vec::new() };
        let chart = Chart { x: axis(3.0), y: axis(2.0), series: vec![series], ..Chart::default() };
        let svg = chart.render();
        assert_eq!(svg.matches("class=\"line a\"").count(), 2, "{svg}");
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let chart = Chart { label: "\"><script>&".into(), ..Chart::default() };
        assert!(chart.render().contains("aria-label=\"&quot;&gt;&lt;script&gt;&amp;\""));
    }
}
