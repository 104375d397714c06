//! Answers that go wrong on their way out, as each API would show it.

use floodline_core::Finish;
use floodline_core::faults::Failure;

use super::bytes::last_chunk;
use super::fault::{Dialect, Fault};
use super::script::Script;
use super::writer::Stream;

impl Stream {
    /// Ends the body as it should end, without a finish reason or an end mark.
    pub fn cut(&mut self, out: &mut Vec<u8>) {
        last_chunk(out);
        self.give_up();
    }

    /// An event, or what stands for one, that is no JSON. The stream can go on.
    pub fn garble(&mut self, out: &mut Vec<u8>) {
        self.writer().garble(out);
    }

    /// The error that ends the answer, and the end of the body.
    pub fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        self.writer().fail(out, fault);
        last_chunk(out);
        self.give_up();
    }
}

impl Script {
    /// Ends the answer after at most `tokens` (at least one), as a limit would.
    pub fn cut(&mut self, tokens: u32) {
        self.reasoning = self.reasoning.min(tokens.max(1));
        self.body_tokens = self.body_tokens.min(tokens.max(1) - self.reasoning);
        self.finish = Finish::Length;
    }
}

impl Fault {
    /// An error with this status, in the words of the API where they are known.
    pub fn of_status(dialect: Dialect, status: u16) -> Fault {
        let fault = |message: &str, code| Fault { code, ..Fault::new(dialect, status, message) };
        match (dialect, status) {
            (_, 401) => Fault::wrong_key(dialect),
            (Dialect::OpenAi | Dialect::Azure | Dialect::Gemini | Dialect::Ollama, 503)
            | (Dialect::Anthropic, 529)
            | (Dialect::Tgi, 429 | 503 | 529) => Fault { status, ..Fault::overloaded(dialect) },
            (Dialect::OpenAi, 429) => fault("Rate limit reached for requests", Some("rate_limit_exceeded")),
            (Dialect::OpenAi, 500) => {
                fault("The server had an error while processing your request. Sorry about that!", None)
            }
            (Dialect::Azure, 429) => fault(
                "Requests to this operation have exceeded call rate limit of your current OpenAI S0 pricing tier.",
                None,
            ),
            (Dialect::Anthropic, 429) => {
                fault("This request would exceed the rate limit for your organization.", None)
            }
            (Dialect::Gemini, 429) => fault("Resource has been exhausted (e.g. check quota).", None),
            (Dialect::Gemini, 500) => fault("An internal error has occurred. Please retry or report.", None),
            (Dialect::Ollama, 429) => fault("rate limit exceeded", None),
            (Dialect::Ollama, 500) => {
                fault("an error was encountered while running the model: unexpected EOF", None)
            }
            (Dialect::Tgi, 500) => {
                fault("Request failed during generation: Server error: out of memory", None)
            }
            _ => fault(plain(status), None),
        }
    }

    /// An error that ends an answer half-way.
    pub fn of_failure(dialect: Dialect, failure: Failure) -> Fault {
        match failure {
            Failure::Overloaded => Fault::overloaded(dialect),
            Failure::RateLimited => Fault::of_status(dialect, 429),
            Failure::ServerError => Fault::of_status(dialect, 500),
        }
    }
}

/// What is said where an API has no words of its own that are known.
fn plain(status: u16) -> &'static str {
    match status {
        400 => "Bad request.",
        402 => "Payment is required.",
        403 => "You do not have permission to access this resource.",
        404 => "Not found.",
        408 => "The request timed out.",
        409 => "The request conflicts with another one.",
        413 => "The request is too large.",
        422 => "The request cannot be processed.",
        429 => "Too many requests.",
        500 => "Internal server error",
        502 => "Bad gateway.",
        503 => "The service is temporarily unavailable.",
        504 => "The server did not answer in time.",
        529 => "Overloaded",
        _ if status < 500 => "The request was refused.",
        _ => "The server failed.",
    }
}
