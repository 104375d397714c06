//! Lengths: a number or a distribution as written, to a distribution to draw from.

mod table;

use floodline_core::lengths::{Bin, Centre, Lengths, Pair, Pairs, Unfit, Weighted, Width};
use floodline_core::plan;

use super::MOST_TOKENS;
use super::findings::Findings;
use crate::written::{
    At, BinForm, Drawn, Either, Given, Joint, LengthsForm, Number, Place, Quoted, Row, Scalar, Text,
};
use table::{Column, Table};

/// A distribution, what it is for people, and the file that it is from.
pub(super) struct Described {
    pub(super) lengths: Lengths,
    pub(super) text: String,
    pub(super) file: Option<plan::File>,
}

/// What pairs are for people, and the file that they are from.
pub(super) struct Origin {
    pub(super) text: String,
    pub(super) file: Option<plan::File>,
}

/// The lengths under the key `what`. Whatever is wrong with them is added to the findings.
pub(super) fn resolve(
    form: &Given<LengthsForm>,
    what: &str,
    findings: &mut Findings<'_>,
) -> Option<Described> {
    let (lengths, file) = match form.as_ref()? {
        Either::Single(number) => {
            let tokens = findings.above_zero(&Given(Some(number.clone())), &format!("`{what}`"))?;
            (Lengths::fixed(tokens), None)
        }
        Either::Other(At { value, place }) => {
            let before = findings.count();
            let family = family(value, *place, what, findings);
            let bounds = bounds(value, findings);
            // One report is enough of a mapping that is wrong in one place.
            if findings.count() > before {
                return None;
            }
            let (Some((lengths, file)), Some((min, max))) = (family, bounds) else { return None };
            (lengths.clamped(min, max), file)
        }
    };
    let text = lengths.describe();
    let text = file.as_ref().map_or(text.clone(), |file: &plan::File| format!("{}: {text}", file.name));
    Some(Described { lengths, text, file })
}

/// Pairs of lengths, and what they are for people.
pub(super) fn pairs(joint: &At<Joint>, findings: &mut Findings<'_>) -> Option<(Pairs, Origin)> {
    let At { value: Joint { pairs, file, input, output }, place } = joint;
    let (pairs, from) = match (pairs.as_ref(), file.as_ref()) {
        (Some(listed), None) => {
            if let Some(column) = input.as_ref().or(output.as_ref()) {
                findings
                    .problem(column.place, "columns go with a `file` only")
                    .with_help("pairs are written as [input, output] or [input, output, weight]");
                return None;
            }
            (listed_pairs(listed, findings)?, None)
        }
        (None, Some(file)) => {
            let (Some(_), Some(_)) = (input.as_ref(), output.as_ref()) else {
                findings
                    .problem(file.place, "this does not say which columns of the file hold the lengths")
                    .with_help(
                        "name both, such as {file: pairs.csv, input: ContextTokens, output: GeneratedTokens}",
                    );
                return None;
            };
            let columns = [
                findings.text(input, "the name of the column")?,
                findings.text(output, "the name of the column")?,
            ];
            let [input, output] = &columns;
            let (table, file) = read(file, &[Column::Tokens(input), Column::Tokens(output)], findings)?;
            let pair = |row: &[f64; 2]| Pair { input: row[0] as u32, output: row[1] as u32, weight: 1.0 };
            (Pairs::new(table.rows.iter().map(pair))?, Some(file))
        }
        (Some(_), Some(file)) => {
            findings
                .problem(file.place, "`pairs` and `file` exclude each other")
                .with_help("keep one of the two");
            return None;
        }
        (None, None) => {
            findings.problem(*place, "this does not say which lengths belong together").with_help(
                "write pairs: [[120, 80], [3000, 200]] or {file: pairs.csv, input: COLUMN, output: COLUMN}",
            );
            return None;
        }
    };
    let text = match &from {
        Some(file) => format!("{}: {}", file.name, pairs.describe()),
        None => pairs.describe(),
    };
    Some((pairs, Origin { text, file: from }))
}

const FAMILIES: &str = "write one of lognormal, normal, gamma, uniform, histogram, values and file, such as {lognormal: {median: 3000, p95: 9000}}";

/// The one distribution that a mapping names, and the file that it is from.
fn family(
    drawn: &Drawn,
    place: Place,
    what: &str,
    findings: &mut Findings<'_>,
) -> Option<(Lengths, Option<plan::File>)> {
    let alone = |lengths: Option<Lengths>| Some((lengths?, None));
    let Drawn { lognormal, normal, gamma, uniform, histogram, values, file, column, min: _, max: _ } = drawn;
    let named = [
        lognormal.as_ref().map(|at| ("lognormal", at.place)),
        normal.as_ref().map(|at| ("normal", at.place)),
        gamma.as_ref().map(|at| ("gamma", at.place)),
        uniform.as_ref().map(|at| ("uniform", at.place)),
        histogram.as_ref().map(|at| ("histogram", at.place)),
        values.as_ref().map(|at| ("values", at.place)),
        file.as_ref().map(|scalar| ("file", scalar.place)),
    ];
    let mut named: Vec<(&str, Place)> = named.into_iter().flatten().collect();
    named.sort_by_key(|(_, place)| match place {
        Place::Text { line, column, .. } => (*line, *column),
        Place::Nowhere | Place::Argument(_) => (0, 0),
    });
    if let [(first, _), (second, place), ..] = named.as_slice() {
        findings
            .problem(*place, format!("`{first}` and `{second}` exclude each other"))
            .with_help("a length is drawn from one distribution");
        return None;
    }
    if named.is_empty() {
        let message = format!("`{what}` does not say what the lengths are drawn from");
        findings.problem(place, message).with_help(FAMILIES);
        return None;
    }
    if let (Some(column), None) = (column.as_ref(), file.as_ref()) {
        findings
            .problem(column.place, "`column` goes with `file` only")
            .with_help("name the file: {file: lengths.csv, column: NAME}");
        return None;
    }
    if let Some(quoted) = lognormal.as_ref() {
        return alone(fitted(quoted, Lengths::lognormal, findings));
    }
    if let Some(quoted) = normal.as_ref() {
        return alone(fitted(quoted, Lengths::normal, findings));
    }
    if let Some(quoted) = gamma.as_ref() {
        return alone(fitted(quoted, Lengths::gamma, findings));
    }
    if let Some(ends) = uniform.as_ref() {
        return alone(two_ends(ends, findings));
    }
    if let Some(bins) = histogram.as_ref() {
        return alone(binned(bins, findings));
    }
    if let Some(values) = values.as_ref() {
        return alone(listed(values, findings));
    }
    let file = file.as_ref()?;
    let column = match column.is_some() {
        true => Some(findings.text(column, "the name of the column")?),
        false => None,
    };
    let (table, file) = read(file, &[column.as_deref().map_or(Column::Only, Column::Tokens)], findings)?;
    let recorded = Weighted::recorded(table.rows.iter().map(|[tokens]: &[f64; 1]| *tokens as u32))?;
    Some((Lengths::from(recorded), Some(file)))
}

/// `min` and `max`.
fn bounds(drawn: &Drawn, findings: &mut Findings<'_>) -> Option<(Option<u32>, Option<u32>)> {
    let min = match drawn.min.as_ref() {
        Some(min) => Some(tokens(min, "`min`", findings)?),
        None => None,
    };
    let max = match drawn.max.as_ref() {
        Some(max) => Some(tokens(max, "`max`", findings)?),
        None => None,
    };
    if let (Some(low), Some(high), Some(written)) = (min, max, drawn.max.as_ref())
        && low > high
    {
        findings.problem(written.place, "`max` is below `min`").with_help("`min` is the shorter of the two");
        return None;
    }
    Some((min, max))
}

/// A family by figures that people know.
fn fitted(
    quoted: &At<Quoted>,
    fit: impl Fn(Centre, Width) -> Result<Lengths, Unfit>,
    findings: &mut Findings<'_>,
) -> Option<Lengths> {
    const HELP: &str = "such as {median: 3000, p95: 9000}";
    let At { value: Quoted { mean, median, p90, p95, p99, sd, stddev }, place } = quoted;
    let (centre, centre_at) = match (mean.as_ref(), median.as_ref()) {
        (Some(mean), None) => (Centre::Mean(figure(mean, findings)?), mean.place),
        (None, Some(median)) => (Centre::Median(figure(median, findings)?), median.place),
        (Some(_), Some(median)) => {
            findings
                .problem(median.place, "`mean` and `median` both say where the middle is")
                .with_help("keep one of the two, and a figure for the width, such as p95");
            return None;
        }
        (None, None) => {
            findings
                .problem(*place, "this distribution has no middle: it needs `median` or `mean`")
                .with_help(HELP);
            return None;
        }
    };
    let widths = [(p90, Some(90)), (p95, Some(95)), (p99, Some(99)), (sd, None), (stddev, None)];
    let mut widths = widths.into_iter().filter_map(|(given, percent)| Some((given.as_ref()?, percent)));
    let (width, width_at) = match (widths.next(), widths.next()) {
        (Some((written, percent)), None) => {
            let tokens = figure(written, findings)?;
            let width =
                percent.map_or(Width::Deviation(tokens), |percent| Width::Percentile { percent, tokens });
            (width, written.place)
        }
        (Some(_), Some((second, _))) => {
            findings
                .problem(second.place, "two figures say how wide this distribution is")
                .with_help("keep one of p90, p95, p99 and sd");
            return None;
        }
        (None, _) => {
            findings
                .problem(*place, "this distribution has no width: it needs one of p90, p95, p99 and sd")
                .with_help(HELP);
            return None;
        }
    };
    match fit(centre, width) {
        Ok(lengths) => Some(lengths),
        Err(why) => {
            let (place, help) = match why {
                Unfit::NotPositive => (centre_at, HELP),
                Unfit::NotAbove { .. } | Unfit::NotUpper(_) | Unfit::Backwards => (width_at, HELP),
                Unfit::TooWide { .. } => {
                    (width_at, "quote the median in place of the mean, or lower this figure")
                }
                Unfit::TooNarrow => (width_at, "write `normal` in place of `gamma`"),
            };
            findings.problem(place, why.to_string()).with_help(help);
            None
        }
    }
}

fn two_ends(ends: &At<Vec<Scalar<u32>>>, findings: &mut Findings<'_>) -> Option<Lengths> {
    let [low, high] = ends.value.as_slice() else {
        findings
            .problem(ends.place, "`uniform` is the shortest and the longest length")
            .with_help("such as {uniform: [400, 900]}");
        return None;
    };
    let (shortest, longest) = (tokens(low, "a length", findings)?, tokens(high, "a length", findings)?);
    match Lengths::uniform(shortest, longest) {
        Ok(lengths) => Some(lengths),
        Err(why) => {
            let help = format!("did you mean [{longest}, {shortest}]?");
            findings.problem(low.place, why.to_string()).with_help(help);
            None
        }
    }
}

fn binned(bins: &At<Vec<At<BinForm>>>, findings: &mut Findings<'_>) -> Option<Lengths> {
    const HELP: &str = "such as [{upto: 100, weight: 3}, {upto: 1000, weight: 1}]";
    let mut found = Vec::new();
    let mut before = 0;
    for At { value: BinForm { upto, weight }, place } in &bins.value {
        let (Some(upto), Some(weight)) = (upto.as_ref(), weight.as_ref()) else {
            findings.problem(*place, "a bin has an upper end and a weight").with_help(HELP);
            return None;
        };
        let high = tokens(upto, "`upto`", findings)?;
        let Number(weight) = findings.read_one(weight)?;
        if high <= before {
            let message = format!("this bin does not end above the one before it, which ends at {before}");
            findings.problem(upto.place, message).with_help("bins come in the order of their upper ends");
            return None;
        }
        found.push(Bin { low: before + 1, high, weight });
        before = high;
    }
    all_weigh(Weighted::new(found), bins.place, HELP, findings).map(Lengths::from)
}

fn listed(values: &At<Vec<Row>>, findings: &mut Findings<'_>) -> Option<Lengths> {
    const HELP: &str = "such as {values: [[120, 3], [400, 1]]}: lengths with their weights";
    let mut found = Vec::new();
    for row in &values.value {
        let (length, weight) = match numbers(row).as_slice() {
            [length] => (*length, 1.0),
            [length, weight] => (*length, findings.read_one(weight)?.0),
            _ => {
                findings.problem(row.place(), "a value is a length and its weight").with_help(HELP);
                return None;
            }
        };
        let value = whole_tokens(length, findings)?;
        found.push(Bin { low: value, high: value, weight });
    }
    all_weigh(Weighted::new(found), values.place, HELP, findings).map(Lengths::from)
}

fn listed_pairs(rows: &At<Vec<Row>>, findings: &mut Findings<'_>) -> Option<Pairs> {
    const HELP: &str = "such as {pairs: [[120, 80], [3000, 200, 5]]}: input, output and optionally a weight";
    let mut found = Vec::new();
    for row in &rows.value {
        let (input, output, weight) = match numbers(row).as_slice() {
            [input, output] => (*input, *output, 1.0),
            [input, output, weight] => (*input, *output, findings.read_one(weight)?.0),
            _ => {
                findings
                    .problem(row.place(), "a pair is the tokens of a prompt and of its answer")
                    .with_help(HELP);
                return None;
            }
        };
        let (input, output) = (whole_tokens(input, findings)?, whole_tokens(output, findings)?);
        found.push(Pair { input, output, weight });
    }
    all_weigh(Pairs::new(found), rows.place, HELP, findings)
}

fn all_weigh<T>(found: Option<T>, place: Place, help: &str, findings: &mut Findings<'_>) -> Option<T> {
    if found.is_none() {
        findings.problem(place, "nothing here has a weight above zero").with_help(help);
    }
    found
}

fn numbers(row: &Row) -> Vec<&Scalar<Number>> {
    match row {
        Either::Single(number) => vec![number],
        Either::Other(list) => list.value.0.iter().collect(),
    }
}

const MOST: &str = "a length is at most 10 million tokens";

/// A whole number of tokens, above zero.
fn tokens(scalar: &Scalar<u32>, what: &str, findings: &mut Findings<'_>) -> Option<u32> {
    let tokens = findings.above_zero(&Given(Some(scalar.clone())), what)?;
    if tokens > MOST_TOKENS {
        findings.problem(scalar.place, MOST);
        return None;
    }
    Some(tokens)
}

/// The same among numbers that need not be whole.
fn whole_tokens(scalar: &Scalar<Number>, findings: &mut Findings<'_>) -> Option<u32> {
    tokens(&Scalar::new(&scalar.text, scalar.place), "a length", findings)
}

/// A figure of a distribution, in tokens.
fn figure(scalar: &Scalar<Number>, findings: &mut Findings<'_>) -> Option<f64> {
    let Number(number) = findings.read_one(scalar)?;
    if number > f64::from(MOST_TOKENS) {
        findings.problem(scalar.place, MOST);
        return None;
    }
    if number <= 0.0 {
        findings.problem(scalar.place, "a length must be above zero");
        return None;
    }
    Some(number)
}

/// Columns of a file, with a warning of what was put right in it.
fn read<const N: usize>(
    file: &Scalar<Text>,
    columns: &[Column<'_>; N],
    findings: &mut Findings<'_>,
) -> Option<(Table<N>, plan::File)> {
    let name = findings.text(&Given(Some(file.clone())), "the path of the lengths")?;
    let (path, bytes) = findings.file(&At { value: name.clone(), place: file.place })?;
    match table::read(&path, &bytes, columns) {
        Ok(table) => {
            if table.zeros > 0 {
                findings.warn(format!("{name}: {} lengths of zero tokens count as one token", table.zeros));
            }
            Some((table, plan::File::of(name, &bytes)))
        }
        Err(problem) => {
            findings.push(*problem);
            None
        }
    }
}
