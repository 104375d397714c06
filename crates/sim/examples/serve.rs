//! The simulated provider alone, for measuring it: `serve PORT [--ttft 50ms] [--gap 10ms] [--tokens N]
//! [--reasoning N] [--key KEY] [--models NAMES] [--profile NAME]`. Stops when its standard input ends, and tells how it went.

use std::io::Read;

use floodline_core::time::Span;
use floodline_sim::{Config, Pace, Profile, Provides, Server};

fn main() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let port =
        args.next().and_then(|port| port.parse().ok()).ok_or("usage: serve PORT [--OPTION VALUE]...")?;
    let mut provides = Provides::default();
    let (mut ttft, mut gap) = (None, None);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| format!("{option} wants a value"))?;
        match option.as_str() {
            "--ttft" => ttft = Some(Span::parse(&value)?),
            "--gap" => gap = Some(Span::parse(&value)?),
            "--tokens" => provides.tokens = Some(value.parse().map_err(|_| format!("{value} is no number"))?),
            "--reasoning" => {
                provides.reasoning = value.parse().map_err(|_| format!("{value} is no number"))?;
            }
            "--key" => provides.key = Some(value.into()),
            "--models" => provides.models = Some(value.split(',').map(String::from).collect()),
            "--profile" => {
                provides.pace = Profile::named(&value).ok_or_else(|| format!("no profile {value}"))?.pace();
            }
            _ => return Err(format!("unknown option {option}")),
        }
    }
    if ttft.is_some() || gap.is_some() {
        provides.pace = Pace::exact(ttft.unwrap_or(Span::ZERO), gap.unwrap_or(Span::ZERO));
    }
    let server = Server::start(Config { port, ..Config::of(provides) })
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    eprintln!("listening on {}", server.addr());
    // The end of the input is the sign to stop; what comes before it does not matter.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let (stats, cpu) = server.stop();
    eprintln!(
        "{stats:?}\ncpu {:.3} s, {:.2} µs per token",
        cpu.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / stats.tokens as f64
    );
    Ok(())
}
