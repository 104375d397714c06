//! `floodline ceiling`, as it can be typed.

use std::path::PathBuf;

use super::ScenarioArgs;

pub(crate) const NOTES: &str = "\
Each trial is a run of its own: one load, held until it is clear whether it meets
the objectives. The load doubles until it fails; then the search narrows down, and
tries the two ends of the answer again. Without an objective on errors, at most 1 %
of requests may end in one. A limiter's allowance is used up before a trial, since a
load above the limit passes for as long as that lasts.

Exit codes: 0 found (and enough, with --need), 2 nothing was answered in the first
trial, such as with a wrong key, 3 not enough or no load meets the objectives, 4
INVALID: the generator gave out first or trials were too short, 5 stopped by a limit
or by a target that went away, 130 interrupted. ceiling.json is written in every case.

A scenario can say the same under `ceiling:`, such as ceiling: {need: 20/s}; the
options here go first.

Examples:
  floodline ceiling examples/quickstart.yaml --by rate
  floodline ceiling --url stub:8b-h100 --by rate --objective 'ttft p95 < 500ms' --need 20/s
  floodline ceiling --url http://127.0.0.1:8000/v1 --model m --by users --to 512 --trial 20s";

#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct CeilingArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    /// What the load is counted in: rate (requests a second, whatever the target does) or users (who wait for their
    /// answers) [default: rate where --need, --from or --to is one, else as the scenario's load is]
    #[arg(long, value_name = "KIND", help_heading = "Search")]
    pub(crate) by: Option<String>,
    /// Where to start, such as 5/s or 8 users [default: the pace of a single user, 20/s at most]
    #[arg(long, value_name = "LOAD", help_heading = "Search")]
    pub(crate) from: Option<String>,
    /// What not to go beyond
    #[arg(long, value_name = "LOAD", help_heading = "Search")]
    pub(crate) to: Option<String>,
    /// What the load has to be; less is exit code 3
    #[arg(long, value_name = "LOAD", help_heading = "Search")]
    pub(crate) need: Option<String>,
    /// How far the answer's two ends may lie apart [default: 3%]
    #[arg(long, value_name = "SHARE", help_heading = "Search")]
    pub(crate) resolution: Option<String>,
    /// The shortest trial [default: 5s, or a quarter of --trial]
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    pub(crate) min_trial: Option<String>,
    /// The longest trial; one that waits for a limiter's window may take longer [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    pub(crate) trial: Option<String>,
    /// End with what is known after this time [default: 30m]
    #[arg(long, value_name = "TIME", help_heading = "Search")]
    pub(crate) max_time: Option<String>,
    /// End with what is known after so many trials [default: 40]
    #[arg(long, value_name = "N", help_heading = "Search", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_trials: Option<u32>,

    /// Start even if it can cost more than goes without asking
    #[arg(long, short = 'y', help_heading = "Money")]
    pub(crate) yes: bool,

    /// Folder for the answer and the trials [default: ./runs/NAME-ceiling-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print nothing but errors (and what --json asks for)
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Worker threads of the generator [default: half of the cores]
    #[arg(long, value_name = "N", help_heading = "Generator", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
}
