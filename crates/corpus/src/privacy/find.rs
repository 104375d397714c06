//! All that is found in a text, whatever its kind, with overlaps settled.

use std::ops::Range;

use super::view::{LAYERS, View};
use super::{Kind, Kinds, Names, address, assigned, card, email, iban, key, letters, phone, web};

/// A part of a text that must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
    /// What makes it the same as another: the value without its spelling.
    pub(super) value: String,
}

/// What must go from a text, in its order, without overlaps.
pub(super) fn find(text: &str, kinds: Kinds, names: &Names) -> Vec<Found> {
    let mut found = Vec::new();
    let mut view = View::plain(text);
    scan(&view, kinds, names, &mut found);
    for _ in 0..LAYERS {
        let Some(deeper) = view.unescaped() else { break };
        // `\nbob@...`: the letter of an escape is no part of what follows.
        for one in &mut found {
            one.place = deeper.outside_an_escape(one.place.start)..deeper.outside_an_escape(one.place.end);
        }
        scan(&deeper, kinds, names, &mut found);
        view = deeper;
    }
    let ours = placeholders(text);
    found.retain(|one| {
        let next = ours.partition_point(|(_, p)| p.end < one.place.end);
        !one.place.is_empty() && ours.get(next).is_none_or(|(_, p)| p.start > one.place.start)
    });
    settled(text, found)
}

fn scan(view: &View, kinds: Kinds, names: &Names, found: &mut Vec<Found>) {
    let text = view.text.as_str();
    let mut add = |kind: Kind, part: Range<usize>| {
        let value = identity(kind, &text[part.clone()]);
        found.push(Found { kind, place: view.original(&part), value });
    };
    let mut logins = Vec::new();
    if kinds.has(Kind::Key) {
        key::find(text, |part| add(Kind::Key, part));
        assigned::find(text, |part| add(Kind::Key, part));
        web::find(text, |part| {
            logins.push(part.end);
            add(Kind::Key, part);
        });
    }
    if kinds.has(Kind::Email) {
        email::find(text, |part| {
            // `user:password@host` is no address.
            let at = text[part.clone()].rfind('@').map(|i| part.start + i);
            if !at.is_some_and(|at| logins.contains(&at)) {
                add(Kind::Email, part);
            }
        });
    }
    if kinds.has(Kind::Card) {
        card::find(text, |part| add(Kind::Card, part));
    }
    if kinds.has(Kind::Iban) {
        iban::find(text, |part| add(Kind::Iban, part));
    }
    if kinds.has(Kind::Ip) {
        address::find(text, |part| add(Kind::Ip, part));
    }
    if kinds.has(Kind::Phone) {
        phone::find(text, |part| add(Kind::Phone, part));
    }
    if kinds.has(Kind::Name) {
        names.find(text, |part| add(Kind::Name, part));
    }
}

/// A value without its spelling.
fn identity(kind: Kind, written: &str) -> String {
    match kind {
        Kind::Email | Kind::Name | Kind::Ip => written.to_lowercase(),
        Kind::Phone | Kind::Card => letters::digits(written),
        Kind::Iban => written.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase(),
        Kind::Key => written.to_owned(),
    }
}

/// Findings that overlap become one, of the kind of the longest: nothing that was found may stay.
fn settled(text: &str, mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|one| (one.place.start, std::cmp::Reverse(one.place.end)));
    let mut settled: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        match settled.last_mut() {
            Some(last) if one.place.start < last.place.end => {
                let rank = |f: &Found| (f.place.len(), f.kind.sureness());
                let union = last.place.start..last.place.end.max(one.place.end);
                if rank(&one) > rank(last) {
                    *last = one;
                }
                if last.place != union {
                    last.value = text[union.clone()].to_owned();
                    last.place = union;
                }
            }
            _ => settled.push(one),
        }
    }
    settled
}

/// The placeholders that stand in a text already.
pub(crate) fn placeholders(text: &str) -> Vec<(Kind, Range<usize>)> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes)
        .filter_map(|start| {
            let rest = &text[start + 1..];
            let kind = Kind::ALL.into_iter().find(|kind| rest.starts_with(kind.label()))?;
            let label = kind.label();
            let number = rest[label.len()..].strip_prefix('_')?;
            let digits = number.bytes().take(10).take_while(u8::is_ascii_digit).count();
            let closed = digits > 0 && number.as_bytes().get(digits) == Some(&b'>');
            closed.then(|| (kind, start..start + label.len() + digits + 3))
        })
        .collect()
}
