//! Telephone numbers.
//!
//! International ones are told by their `+` or `00`; national ones by the way they are grouped. Numbers of other
//! sorts are grouped too: sizes, dates, versions, orders. So a grouping that is not typical of telephones counts only
//! after a word such as `tel`, and so does a plain integer.

use std::ops::Range;

use super::letters::{digit_at, run_end, word_at};
use super::phone_context::{self, Context};

/// Digits of a number with its country code (E.164), and the fewest that count.
const MOST: usize = 15;
const FEWEST: usize = 7;
/// Groups that a number may have, and those that are looked at together: a table of numbers is read in parts.
const GROUPS: usize = 8;
const TOGETHER: usize = 64;

/// Every telephone number in a text.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let begins = digit_at(bytes, at)
            || bytes[at] == b'+' && matches!(bytes.get(at + 1), Some(b'0'..=b'9' | b'('))
            || bytes[at] == b'('
                && (digit_at(bytes, at + 1) || bytes.get(at + 1) == Some(&b'+') && digit_at(bytes, at + 2));
        if !begins {
            at += 1;
            continue;
        }
        let run = Run::at(bytes, at);
        let end = run.end().max(at + 1);
        if let Some(number) = run.international(text) {
            at = number.end;
            found(number);
            continue;
        }
        run.national(text, &mut found);
        at = end;
    }
}

/// Groups of digits with separators of telephone numbers between them.
struct Run {
    /// Where it begins, its `+` or parenthesis included.
    start: usize,
    plus: bool,
    groups: Vec<Range<usize>>,
}

impl Run {
    fn at(bytes: &[u8], start: usize) -> Run {
        let plus = bytes[start] == b'+' || bytes.get(start + 1) == Some(&b'+');
        let mut at = run_end(bytes, start, 3, |b| b == b'+' || b == b'(');
        let mut groups = Vec::new();
        loop {
            let end = run_end(bytes, at, usize::MAX, |b| b.is_ascii_digit());
            groups.push(at..end);
            let next = run_end(bytes, end, 3, |b| b" -./()".contains(&b));
            let joined = next > end && digit_at(bytes, next) && !bytes[end..next].starts_with(b"..");
            if !joined || groups.len() == TOGETHER {
                return Run { start, plus, groups };
            }
            at = next;
        }
    }

    fn end(&self) -> usize {
        self.groups.last().map_or(self.start, |g| g.end)
    }

    /// A number with its country code at the beginning.
    fn international(&self, text: &str) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let first = self.groups.first()?;
        let zeros = !self.plus && bytes[first.clone()].starts_with(b"00");
        let code = first.start + if zeros { 2 } else { 0 };
        let fits = (self.plus || zeros) && matches!(bytes.get(code), Some(b'1'..=b'9'));
        if !fits || !self.stands_alone(bytes) {
            return None;
        }
        let most = if zeros { MOST + 2 } else { MOST };
        let mut digits = 0;
        let mut end = first.start;
        let mut groups = 0;
        for group in &self.groups {
            // What follows a number of full length after a space is another number.
            let full = digits >= 12 && bytes.get(end) == Some(&b' ');
            if digits + group.len() > most || full {
                break;
            }
            digits += group.len();
            end = group.end;
            groups += 1;
        }
        // Zeros also fill up numbers that are none of telephones.
        let fewest = match (zeros, groups) {
            (false, _) => FEWEST,
            (true, 1) => 11,
            (true, _) => 9,
        };
        let other = zeros && phone_context::before(text, self.start) == Context::Other;
        (digits >= fewest && !other && !word_at(bytes, end)).then(|| self.whole(bytes, self.start, end))
    }

    /// Numbers without a country code, anywhere in the run.
    fn national(&self, text: &str, found: &mut impl FnMut(Range<usize>)) {
        let bytes = text.as_bytes();
        if self.plus || !self.stands_alone(bytes) || !ends_alone(bytes, self.end()) {
            return;
        }
        let mut first = 0;
        while first < self.groups.len() {
            let apart = first == 0
                || bytes[self.groups[first].start - 1] == b' '
                || bytes[self.groups[first].start - 1] == b'(';
            let last = (first..self.groups.len().min(first + GROUPS))
                .rev()
                .filter(|&last| last + 1 == self.groups.len() || bytes[self.groups[last].end] == b' ')
                .find(|&last| apart && self.is_number(text, first, last));
            match last {
                Some(last) => {
                    let start = if first == 0 { self.start } else { self.groups[first].start };
                    found(self.whole(bytes, start, self.groups[last].end));
                    first = last + 1;
                }
                None => first += 1,
            }
        }
    }

    /// Whether the groups from `first` to `last` are a number.
    fn is_number(&self, text: &str, first: usize, last: usize) -> bool {
        let bytes = text.as_bytes();
        let groups = &self.groups[first..=last];
        let digits: usize = groups.iter().map(Range::len).sum();
        if !(FEWEST..=MOST).contains(&digits) {
            return false;
        }
        let whole = first == 0 && last + 1 == self.groups.len();
        let start = if first == 0 { self.start } else { groups[0].start };
        let separators: Vec<u8> =
            groups.windows(2).flat_map(|pair| &bytes[pair[0].end..pair[1].start]).copied().collect();
        if is_date(bytes, groups) {
            return false;
        }
        let typical = typical(bytes, groups, &separators, whole);
        // A plain integer, or a grouping of anything: the words before it decide.
        let possible = typical || whole;
        possible
            && match phone_context::before(text, start) {
                Context::Telephone => true,
                Context::Contact => typical || groups.len() > 1 && digits < 12 && !separators.contains(&b'.'),
                Context::Silent => typical,
                Context::Other => false,
            }
    }

    /// Whether nothing before it makes it a part of something else.
    fn stands_alone(&self, bytes: &[u8]) -> bool {
        let before = |n: usize| self.start.checked_sub(n).map(|i| bytes[i]);
        let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        match before(1) {
            Some(b) if b.is_ascii_alphanumeric() || b == b'_' || b == b')' => false,
            Some(b'#' | b'$') => false,
            Some(b'.' | b'-' | b'/' | b',') => {
                self.plus && !before(2).is_some_and(|b| b.is_ascii_digit())
                    || !word(before(2)) && before(2) != Some(b'/')
            }
            _ => true,
        }
    }

    /// The number with the parenthesis at its beginning only if it is closed.
    fn whole(&self, bytes: &[u8], start: usize, end: usize) -> Range<usize> {
        match bytes[start] == b'(' && !bytes[start..end].contains(&b')') {
            true => start + 1..end,
            false => start..end,
        }
    }
}

/// Whether nothing behind a number makes it something else: a unit, a time, a word.
fn ends_alone(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end) {
        Some(b':') => !digit_at(bytes, end + 1),
        Some(b'-') => !word_at(bytes, end + 1),
        Some(b'_' | b'%' | b'@') => false,
        _ => !word_at(bytes, end),
    }
}

/// Groupings of telephone numbers and of little else.
fn typical(bytes: &[u8], groups: &[Range<usize>], separators: &[u8], whole: bool) -> bool {
    let digit = |group: usize, i: usize| bytes[groups[group].start + i];
    let lengths: Vec<usize> = groups.iter().map(Range::len).collect();
    let total: usize = lengths.iter().sum();
    let parenthesis = separators.contains(&b')');
    let spaced = separators.iter().all(|&b| b == b' ');
    let area = |group: usize| digit(group, 0) >= b'2';
    match lengths.as_slice() {
        // North America: (415) 555-2671, 415-555-2671, 1-415-555-2671
        [3, 3, 4] if area(0) && area(1) => !spaced || whole && !are_sizes(bytes, groups),
        [1, 3, 3, 4] if digit(0, 0) == b'1' && area(1) && area(2) => whole,
        // Brazil: (11) 91234-5678
        [2, 4 | 5, 4] if parenthesis => true,
        // China: 138 1234 5678
        [3, 4, 4] if digit(0, 0) == b'1' && digit(0, 1) > b'2' => whole && !are_sizes(bytes, groups),
        // With the zero of a trunk call: 030 1234567, 0170/1234567, 06 12 34 56 78
        [2..=6, rest @ ..] if !rest.is_empty() && digit(0, 0) == b'0' && digit(0, 1) > b'0' => {
            let decimal = rest.len() == 1 && separators == b".";
            (8..=12).contains(&total) && rest.iter().all(|&n| n > 1) && !decimal
        }
        _ => false,
    }
}

/// Whether all groups are round: sizes of memory or steps of a scale.
fn are_sizes(bytes: &[u8], groups: &[Range<usize>]) -> bool {
    let value =
        |group: &Range<usize>| bytes[group.clone()].iter().fold(0u64, |v, b| v * 10 + u64::from(b - b'0'));
    [8, 50].iter().any(|round| groups.iter().all(|group| value(group).is_multiple_of(*round)))
}

/// Whether the groups are a day, as in 01.02.2024 and 2024-02-01, perhaps with an hour behind it.
fn is_date(bytes: &[u8], groups: &[Range<usize>]) -> bool {
    let lengths: Vec<usize> = groups.iter().map(Range::len).collect();
    let year = |group: usize| matches!(&bytes[groups[group].clone()], [b'1', b'9', ..] | [b'2', b'0', ..]);
    match lengths.as_slice() {
        [1 | 2, 1 | 2, 4] => year(2),
        [4, 1 | 2, 1 | 2] | [4, 1 | 2, 1 | 2, 2] | [4, 4] => year(0),
        [1 | 2, 1 | 2, 4, 2] => year(2),
        [8] | [8, _] => year(0) && groups.len() < 3 && bytes[groups[0].start + 4] <= b'1',
        _ => false,
    }
}
