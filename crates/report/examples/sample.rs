//! Samples of every rendering, to be looked at: `cargo run -p floodline-report --example sample -- DIR [WIDTH]`
//! prints what a terminal shows and writes the HTML reports to DIR.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use std::path::Path;

use floodline_core::Span;
use floodline_report::terminal::{self, Progress};
use floodline_report::{Style, html};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    let width = arguments.next().and_then(|w| w.parse().ok()).unwrap_or(80);
    let style = Style { colour: std::env::var_os("COLOUR").is_some(), width, unicode: true };
    std::fs::create_dir_all(&folder)?;
    for (name, run, summary) in fixtures::all() {
        let (plan, info) = (&run.plan, &run.info);
        let place = format!("runs/{name}-20260601-120000");
        let progress = Progress { elapsed: Span::from_secs(12), length: plan.planned_length() };
        println!("{}", terminal::plan(plan, &run.forecast(), Some((info, &place)), style));
        println!("{}\n", terminal::live(&run.fold.live(), progress, style));
        println!("{}\n", terminal::summary(plan, info, summary, &place, style));
        let page = html::page(plan, info, summary, &run.fold);
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), page)?;
    }
    Ok(())
}
