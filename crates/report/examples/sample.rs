//! Writes samples of every rendering to a folder, to be looked at: `cargo run -p floodline-report --example sample -- DIR`.

#[path = "../src/fixtures.rs"]
mod fixtures;

use floodline_report::{Style, terminal};

fn main() -> std::io::Result<()> {
    let runs = [
        ("healthy", fixtures::healthy()),
        ("small", fixtures::small()),
        ("errors", fixtures::errors()),
        ("invalid", fixtures::invalid()),
        ("interrupted", fixtures::interrupted()),
        ("nothing-ok", fixtures::nothing_ok()),
    ];
    let width = std::env::args().nth(1).and_then(|w| w.parse().ok()).unwrap_or(80);
    for (name, run) in runs {
        let style = Style { colour: std::env::var_os("COLOUR").is_some(), width, unicode: true };
        let summary = run.summary();
        let folder = format!("runs/{name}-20260601-120000");
        println!("{}\n", terminal::plan(&run.plan, &run.info, &folder, style));
        let progress = terminal::Progress {
            elapsed: floodline_core::Span::from_secs(12),
            length: run.plan.planned_length(),
        };
        println!("{}\n", terminal::live(&run.fold.live(), progress, style));
        println!("{}\n", terminal::summary(&run.plan, &run.info, &summary, &folder, style));
    }
    Ok(())
}
