//! Regular expressions, as far as schemas mostly use them: an example of one, and whether a text matches.
//!
//! Literals, classes, groups, alternatives, repetitions and anchors are known. Look-around and back-references
//! are not: such a pattern has no example, and nobody knows what matches it.

use super::Draw;

/// How many steps a match may take.
const STEPS: usize = 100_000;
/// How deep groups may be nested.
const NESTED: usize = 50;
/// However often something must be repeated, it is repeated no more often.
const REPEATED: usize = 100_000;

/// A text that matches `pattern`, with `extra` repetitions more than it needs; none if it is not understood.
pub(super) fn example(pattern: &str, draw: Draw, extra: usize) -> Option<String> {
    let mut out = String::new();
    write(&Parser::parse(pattern)?, draw, extra, &mut out);
    Some(out)
}

/// Whether `pattern` matches somewhere in `text`; none if it is not understood.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    let node = Parser::parse(pattern)?;
    let text: Vec<char> = text.chars().collect();
    let mut matcher = Matcher { text: &text, steps: 0 };
    let found = (0..=text.len()).any(|start| matcher.at(&[&node], start));
    (matcher.steps < STEPS).then_some(found)
}

#[derive(Debug)]
enum Node {
    One(Class),
    Chain(Vec<Node>),
    Either(Vec<Node>),
    Repeat { node: Box<Node>, least: usize, most: usize },
    Start,
    End,
    Edge,
}

/// A set of characters: ranges, or what is outside of them.
#[derive(Debug)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn holds(&self, found: char) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&found)) != self.negated
    }

    fn example(&self, draw: Draw) -> char {
        if !self.negated
            && let Some((from, to)) = self.ranges.get(draw.below(self.ranges.len()))
        {
            let at = u32::from(*from)
                + draw.part(1).below((u32::from(*to) - u32::from(*from) + 1) as usize) as u32;
            return char::from_u32(at).unwrap_or(*from);
        }
        let usual: Vec<char> =
            ('a'..='z').chain('0'..='9').chain("A-_ .".chars()).filter(|c| self.holds(*c)).collect();
        let any = || (' '..='\u{2fff}').find(|c| self.holds(*c)).unwrap_or('x');
        usual.get(draw.below(usual.len())).copied().unwrap_or_else(any)
    }
}

fn write(node: &Node, draw: Draw, extra: usize, out: &mut String) {
    match node {
        Node::One(class) => out.push(class.example(draw)),
        Node::Chain(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                write(node, draw.part(index as u64), extra, out);
            }
        }
        Node::Either(nodes) => {
            if let Some(node) = nodes.get(draw.below(nodes.len())) {
                write(node, draw.part(2), extra, out);
            }
        }
        Node::Repeat { node, least, most } => {
            let times = least.saturating_add(extra).min(*most).min(REPEATED);
            for time in 0..times {
                if out.len() > REPEATED {
                    break;
                }
                write(node, draw.part(10 + time as u64), extra, out);
            }
        }
        Node::Start | Node::End | Node::Edge => {}
    }
}

struct Matcher<'t> {
    text: &'t [char],
    steps: usize,
}

impl Matcher<'_> {
    /// Whether `nodes` match one after the other from `at` on, and anything may follow.
    fn at(&mut self, nodes: &[&Node], at: usize) -> bool {
        self.steps += 1;
        let Some((node, rest)) = nodes.split_first() else { return true };
        if self.steps > STEPS {
            return false;
        }
        match node {
            Node::One(class) => self.text.get(at).is_some_and(|c| class.holds(*c)) && self.at(rest, at + 1),
            Node::Chain(inner) => {
                let all: Vec<&Node> = inner.iter().chain(rest.iter().copied()).collect();
                self.at(&all, at)
            }
            Node::Either(branches) => branches.iter().any(|branch| {
                let all: Vec<&Node> = [branch].into_iter().chain(rest.iter().copied()).collect();
                self.at(&all, at)
            }),
            Node::Repeat { node, least, most } => self.repeat(node, (*least, *most), rest, at),
            Node::Start => at == 0 && self.at(rest, at),
            Node::End => at == self.text.len() && self.at(rest, at),
            Node::Edge => {
                let word = |at: Option<usize>| {
                    at.and_then(|at| self.text.get(at))
                        .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
                };
                word(at.checked_sub(1)) != word(Some(at)) && self.at(rest, at)
            }
        }
    }

    fn repeat(&mut self, node: &Node, (least, most): (usize, usize), rest: &[&Node], at: usize) -> bool {
        // Single characters are most of what is repeated, and need no recursion for each.
        if let Node::One(class) = node {
            let holds = self.text[at..].iter().take(most).take_while(|c| class.holds(**c)).count();
            self.steps += holds;
            return (least..=holds).rev().any(|times| self.at(rest, at + times));
        }
        if most == 0 {
            return self.at(rest, at);
        }
        let more = Node::Repeat {
            node: Box::new(Node::Chain(Vec::new())),
            least: least.saturating_sub(1),
            most: if most == usize::MAX { most } else { most - 1 },
        };
        let Node::Repeat { least: less, most: fewer, .. } = more else { return false };
        // One more, and then the rest of the repetitions: without progress there would be no end.
        let mut ends = Vec::new();
        self.ends(node, at, &mut ends);
        ends.iter()
            .any(|end| *end > at && self.steps <= STEPS && self.repeat(node, (less, fewer), rest, *end))
            || (least == 0 || ends.contains(&at)) && self.at(rest, at)
    }

    /// Where a match of `node` alone may end.
    fn ends(&mut self, node: &Node, at: usize, ends: &mut Vec<usize>) {
        for end in at..=self.text.len() {
            let mut inner = Matcher { text: &self.text[..end], steps: self.steps };
            let found = inner.exactly(node, at, end);
            self.steps = inner.steps;
            if self.steps > STEPS {
                return;
            }
            if found {
                ends.push(end);
            }
        }
        ends.reverse();
    }

    fn exactly(&mut self, node: &Node, at: usize, end: usize) -> bool {
        debug_assert_eq!(end, self.text.len());
        self.at(&[node, &Node::End], at)
    }
}

struct Parser<'p> {
    rest: std::iter::Peekable<std::str::Chars<'p>>,
    depth: usize,
}

impl<'p> Parser<'p> {
    fn parse(pattern: &'p str) -> Option<Node> {
        let mut parser = Parser { rest: pattern.chars().peekable(), depth: 0 };
        let node = parser.either()?;
        parser.rest.next().is_none().then_some(node)
    }

    fn either(&mut self) -> Option<Node> {
        let mut branches = vec![self.chain()?];
        while self.rest.next_if_eq(&'|').is_some() {
            branches.push(self.chain()?);
        }
        if branches.len() == 1 { branches.pop() } else { Some(Node::Either(branches)) }
    }

    fn chain(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(next) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let node = self.one(next)?;
            nodes.push(self.repeated(node)?);
        }
        Some(Node::Chain(nodes))
    }

    fn one(&mut self, first: char) -> Option<Node> {
        Some(match first {
            '^' => Node::Start,
            '$' => Node::End,
            '.' => Node::One(Class { ranges: vec![('\n', '\n'), ('\r', '\r')], negated: true }),
            '(' => self.group()?,
            '[' => Node::One(self.class()?),
            '\\' => match self.rest.next()? {
                'b' => Node::Edge,
                '1'..='9' | 'B' | 'k' => return None,
                escaped => Node::One(self.escape(escaped)?),
            },
            '*' | '+' | '?' => return None,
            plain => Node::One(single(plain)),
        })
    }

    fn group(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > NESTED {
            return None;
        }
        if self.rest.next_if_eq(&'?').is_some() {
            match self.rest.next()? {
                ':' => {}
                // A name, as in `(?<name>` and `(?P<name>`; the rest is look-around and flags.
                'P' | '<' if !matches!(self.rest.peek(), Some('=' | '!')) => {
                    self.rest.by_ref().find(|c| *c == '>')?;
                }
                _ => return None,
            }
        }
        let node = self.either()?;
        self.depth -= 1;
        self.rest.next_if_eq(&')').map(|_| node)
    }

    fn class(&mut self) -> Option<Class> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges: Vec<(char, char)> = Vec::new();
        loop {
            let from = match self.rest.next()? {
                ']' => return Some(Class { ranges, negated }),
                '\\' => match self.rest.next()? {
                    'b' => single('\u{8}'),
                    escaped => self.escape(escaped)?,
                },
                plain => single(plain),
            };
            if from.negated {
                return None;
            }
            let mut ahead = self.rest.clone();
            let is_range = from.ranges.len() == 1 && ahead.next() == Some('-') && ahead.next() != Some(']');
            if !is_range {
                ranges.extend(from.ranges);
                continue;
            }
            self.rest.next();
            let to = match self.rest.next()? {
                '\\' => {
                    let escaped = self.rest.next()?;
                    self.escape(escaped)?.ranges.first()?.0
                }
                plain => plain,
            };
            let from = from.ranges.first()?.0;
            if from > to {
                return None;
            }
            ranges.push((from, to));
        }
    }

    fn escape(&mut self, escaped: char) -> Option<Class> {
        let class = |ranges: &[(char, char)], negated| Class { ranges: ranges.to_vec(), negated };
        const WORD: [(char, char); 4] = [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
        const BLANK: [(char, char); 3] = [(' ', ' '), ('\t', '\t'), ('\n', '\r')];
        Some(match escaped {
            'd' | 'D' => class(&[('0', '9')], escaped == 'D'),
            'w' | 'W' => class(&WORD, escaped == 'W'),
            's' | 'S' => class(&BLANK, escaped == 'S'),
            'n' => single('\n'),
            'r' => single('\r'),
            't' => single('\t'),
            'f' => single('\u{c}'),
            'v' => single('\u{b}'),
            'u' | 'x' => {
                let digits: String = self.rest.by_ref().take(if escaped == 'u' { 4 } else { 2 }).collect();
                single(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?)
            }
            'p' | 'P' => {
                let name: String = self.rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let ranges: &[(char, char)] = match name.as_str() {
                    "L" | "Letter" | "Alphabetic" => &[('a', 'z'), ('A', 'Z')],
                    "Ll" => &[('a', 'z')],
                    "Lu" => &[('A', 'Z')],
                    "N" | "Nd" => &[('0', '9')],
                    _ => return None,
                };
                class(ranges, escaped == 'P')
            }
            letter if letter.is_ascii_alphanumeric() => return None,
            plain => single(plain),
        })
    }

    fn repeated(&mut self, node: Node) -> Option<Node> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let mut ahead = self.rest.clone();
                let inner: String = ahead.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let (least, most) = match inner.split_once(',') {
                    None => (inner.parse().ok()?, inner.parse().ok()?),
                    Some((least, "")) => (least.parse().ok()?, usize::MAX),
                    Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
                };
                // The closing brace is taken below.
                for _ in 0..=inner.chars().count() {
                    self.rest.next();
                }
                (least, most)
            }
            _ => return Some(node),
        };
        self.rest.next();
        // Lazy or not, the same texts match.
        self.rest.next_if_eq(&'?');
        (least <= most).then(|| Node::Repeat { node: Box::new(node), least, most })
    }
}

fn single(plain: char) -> Class {
    Class { ranges: vec![(plain, plain)], negated: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_match_their_patterns() {
        for pattern in [
            "^[A-Z]{3}-\\d{4}$",
            "^(?:foo|bar)+$",
            "^\\w+@\\w+\\.(com|org)$",
            "^#[0-9a-fA-F]{6}$",
            "abc?",
            "^[^a-z]{2,5}$",
            "^(?<year>\\d{4})-(\\d{2})$",
            "^\\+?[1-9]\\d{1,14}$",
            "^a.c\\u0041\\x42$",
            "^[\\w.-]*$",
            "",
        ] {
            for seed in 0..20 {
                for extra in [0, 3] {
                    let example = example(pattern, Draw(seed), extra).unwrap();
                    assert_eq!(matches(pattern, &example), Some(true), "{pattern}: {example:?}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_match_is_told() {
        for (pattern, text) in [
            ("^a+$", "aab"),
            ("^(ab)*$", "aba"),
            ("x", "abc"),
            ("^[^a]$", "a"),
            ("^(a|b){2}$", "abc"),
            ("\\bcat", "concat"),
        ] {
            assert_eq!(matches(pattern, text), Some(false), "{pattern}");
        }
        assert_eq!(matches("^(a|b){2}$", "ab"), Some(true));
        assert_eq!(matches("\\bcat", "the cat"), Some(true));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for pattern in ["(?=a)b", "(a)\\1", "(", "[a", "*", "a{2,1}", "[b-a]", "(?i)a", ")"] {
            assert_eq!(matches(pattern, "a"), None, "{pattern}");
        }
        // Neither deep nor explosive patterns take long.
        assert_eq!(matches(&"(".repeat(10_000), "a"), None);
        assert_eq!(matches("^(a+)+$", &("a".repeat(200) + "b")), None);
    }
}
