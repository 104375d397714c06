//! What the words before a number say about it.

use super::letters::{any_word, words_before};

/// How sure the words before a number make it that it is a telephone's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// `tel`, `mobile`: whatever follows is one.
    Telephone,
    /// `call`, `reach`: what is written like one is one.
    Contact,
    /// Nothing is said.
    Silent,
    /// `order`, `invoice`: only an international number still is one.
    Other,
}

const TELEPHONE: [&str; 15] = [
    "tel",
    "cell",
    "mobile",
    "mobil",
    "fax",
    "whatsapp",
    "handy",
    "handynummer",
    "celular",
    "móvil",
    "movil",
    "portable",
    "cellulare",
    "gsm",
    "msisdn",
];
const TELEPHONE_BEGINNINGS: [&str; 9] =
    ["phone", "telephone", "telefon", "teléfon", "téléphon", "rufnummer", "电话", "電話", "手机"];
const CONTACT: [&str; 12] = [
    "call", "calling", "reach", "ring", "dial", "text", "sms", "contact", "anrufen", "signal", "viber",
    "pager",
];
const OTHER: [&str; 20] = [
    "order",
    "orders",
    "invoice",
    "ticket",
    "case",
    "ref",
    "reference",
    "sku",
    "isbn",
    "issn",
    "part",
    "serial",
    "tracking",
    "article",
    "item",
    "id",
    "rma",
    "po",
    "bestellung",
    "rechnung",
];

/// What is said right before `at`.
pub(super) fn before(text: &str, at: usize) -> Context {
    let words = words_before(text, at);
    let near = words.get(..words.len().min(3)).unwrap_or_default();
    if any_word(near, &TELEPHONE, &TELEPHONE_BEGINNINGS) || near.iter().any(|w| w.ends_with("phone")) {
        Context::Telephone
    } else if any_word(near, &OTHER, &[]) {
        Context::Other
    } else if any_word(&words, &CONTACT, &[]) {
        Context::Contact
    } else {
        Context::Silent
    }
}
