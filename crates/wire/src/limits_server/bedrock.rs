//! AWS Bedrock: an exception's name in a field, a short sentence, and no word about when.

use floodline_core::limits::{Dimension, Period, Reason};

use super::{Fields, Told, json};

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let refusal = told.refusal;
    let (status, exception, message) = match (refusal.reason, refusal.dimension, refusal.per) {
        (Reason::Quota, ..) => {
            (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.")
        }
        (Reason::Acceleration, ..) => {
            (429, "ThrottlingException", "Your request rate is too high. Reduce the frequency of requests.")
        }
        (_, Dimension::Requests | Dimension::Concurrency, _) => {
            (429, "ThrottlingException", "Too many requests, please wait before trying again.")
        }
        (_, _, Period::Day) => {
            (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.")
        }
        _ => (429, "ThrottlingException", "Too many tokens, please wait before trying again."),
    };
    fields.add("x-amzn-requestid", told.asked.request_id);
    fields.add("x-amzn-errortype", exception);
    match refusal.reason {
        // Without its name in the body, a 400 could not be told from a bad request.
        Reason::Quota => (status, format!(r#"{{"__type":"{exception}","message":{}}}"#, json(message))),
        _ => (status, format!(r#"{{"message":{}}}"#, json(message))),
    }
}
