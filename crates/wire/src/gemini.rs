//! Gemini's generateContent and streamGenerateContent.

pub(crate) mod request;
