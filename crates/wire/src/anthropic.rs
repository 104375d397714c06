//! Anthropic's Messages.

pub(crate) mod request;
