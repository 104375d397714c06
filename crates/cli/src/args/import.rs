//! The arguments of `floodline import`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) from: ImportFrom,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportFrom {
    /// From curl commands, as browsers copy them and documents print them
    #[command(after_help = CURL_NOTES)]
    Curl(ImportFile),
    /// From a recording of a browser (HAR)
    #[command(after_help = HAR_NOTES)]
    Har {
        #[command(flatten)]
        file: ImportFile,
        /// Take the requests to this host [default: the one that the recording is about]
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
    },
    /// From a description of an API (OpenAPI 3, JSON or YAML)
    #[command(after_help = OPENAPI_NOTES)]
    Openapi {
        #[command(flatten)]
        file: ImportFile,
        /// Take this operation; may be given several times [default: those with a JSON body, and those that ask
        /// without parameters, at most 20]
        #[arg(long = "operation", value_name = "ID")]
        operations: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportFile {
    /// The file; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// File for the scenario [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out if it is there
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

const CURL_NOTES: &str = "\
Several commands become the steps of a flow; requests to the API of a model become
a target with prompts. Keys, tokens, cookies and passwords become ${env:NAME}, and
what was left out or has to be set is said on standard error.

Examples:
  floodline import curl request.sh --out chat.yaml
  xclip -o | floodline import curl -";

const HAR_NOTES: &str = "\
Pages, forms and calls become the steps of a flow, with the pauses in between.
Sessions, tokens and ids that an answer gave are taken from the answers of each
run. Pictures, fonts, styles and scripts are left out.

Example:
  floodline import har session.har --host app.example.com --out journey.yaml";

const OPENAPI_NOTES: &str = "\
Bodies are made from examples, defaults and types. An operation is named by its
operationId, or as \"post /chat\".

Example:
  floodline import openapi api.yaml --operation createChat --out chat.yaml";
