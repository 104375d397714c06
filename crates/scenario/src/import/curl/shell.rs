//! Words of commands, as POSIX shells and Windows' `cmd` understand them.
//!
//! Variables become references (`$NAME` is `${env:NAME}`); nothing is run and no file is read.

/// One command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    pub(super) words: Vec<String>,
}

/// The commands of a script, and the line of a quote that is never closed.
pub(super) fn commands(text: &str) -> (Vec<Command>, Option<usize>) {
    if is_cmd(text) { of_cmd(text) } else { of_posix(text) }
}

/// Whether a script is one of `cmd`: a caret at the end of a line, or ahead of a quote.
fn is_cmd(text: &str) -> bool {
    text.contains("^\"") || text.lines().any(|line| line.ends_with(" ^"))
}

/// Reads along, and keeps the words that it finds.
struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    word: Option<String>,
    command: Command,
    commands: Vec<Command>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader {
            rest: text.chars().peekable(),
            line: 1,
            word: None,
            command: Command::default(),
            commands: Vec::new(),
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn next_if(&mut self, wanted: char) -> bool {
        self.rest.peek() == Some(&wanted) && self.next().is_some()
    }

    fn word(&mut self) -> &mut String {
        if self.command.words.is_empty() && self.word.is_none() {
            self.command.line = self.line;
        }
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        self.command.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.command.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

fn of_posix(text: &str) -> (Vec<Command>, Option<usize>) {
    let mut reader = Reader::new(text);
    let mut open = None;
    while let Some(c) = reader.next() {
        match c {
            '\\' => match reader.next() {
                Some('\n') | None => {}
                Some('\r') if reader.next_if('\n') => {}
                Some(other) => reader.word().push(other),
            },
            '\'' => open = open.or(single(&mut reader)),
            '"' => open = open.or(double(&mut reader)),
            '$' if reader.next_if('\'') => open = open.or(escaped(&mut reader)),
            '$' if reader.rest.peek() == Some(&'"') => {}
            '$' => {
                let value = variable(&mut reader);
                reader.word().push_str(&value);
            }
            '`' => {
                while reader.next().is_some_and(|c| c != '`') {}
                reader.word().push_str(OUTPUT);
            }
            '#' if reader.word.is_none() => {
                while reader.rest.peek().is_some_and(|c| *c != '\n') {
                    reader.next();
                }
            }
            '\n' | ';' | '|' | '&' => reader.end_command(),
            '<' | '>' => {
                // Where it goes to or comes from is a word that is none of curl's.
                if reader.word.as_ref().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
                    reader.word = None;
                }
                reader.end_word();
                while reader.rest.peek().is_some_and(|c| matches!(c, '<' | '>' | '&' | ' ')) {
                    reader.next();
                }
                while reader.rest.peek().is_some_and(|c| !c.is_whitespace() && !matches!(c, ';' | '|')) {
                    reader.next();
                }
            }
            c if c.is_whitespace() => reader.end_word(),
            c => reader.word().push(c),
        }
    }
    reader.end_command();
    (reader.commands, open)
}

/// What stands for the output of a command.
const OUTPUT: &str = "${env:COMMAND_OUTPUT}";

/// Up to the next single quote. The line of a quote that is not closed.
fn single(reader: &mut Reader<'_>) -> Option<usize> {
    let line = reader.line;
    reader.word();
    loop {
        match reader.next() {
            Some('\'') => return None,
            Some(c) => reader.word().push(c),
            None => return Some(line),
        }
    }
}

fn double(reader: &mut Reader<'_>) -> Option<usize> {
    let line = reader.line;
    reader.word();
    loop {
        match reader.next() {
            Some('"') => return None,
            Some('\\') => match reader.next() {
                Some('\n') => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => reader.word().push(c),
                Some(c) => reader.word().extend(['\\', c]),
                None => return Some(line),
            },
            Some('$') => {
                let value = variable(reader);
                reader.word().push_str(&value);
            }
            Some('`') => {
                while reader.next().is_some_and(|c| c != '`') {}
                reader.word().push_str(OUTPUT);
            }
            Some(c) => reader.word().push(c),
            None => return Some(line),
        }
    }
}

/// `$'...'`, in which backslashes begin escapes.
fn escaped(reader: &mut Reader<'_>) -> Option<usize> {
    let line = reader.line;
    reader.word();
    // UTF-16 halves, of which browsers write two for what lies beyond the first plane.
    let mut high = None;
    loop {
        let c = match reader.next() {
            Some('\'') => return None,
            None => return Some(line),
            Some('\\') => match reader.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('a') => '\u{7}',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('v') => '\u{b}',
                Some('e' | 'E') => '\u{1b}',
                Some('x') => number(reader, 16, 2).unwrap_or('x'),
                Some('U') => number(reader, 16, 8).unwrap_or('U'),
                Some('u') => match digits(reader, 16, 4) {
                    Some(half @ 0xd800..=0xdbff) => {
                        high = Some(half);
                        continue;
                    }
                    Some(low @ 0xdc00..=0xdfff) => {
                        let high = high.take().unwrap_or(0xd800);
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                            .unwrap_or('\u{fffd}')
                    }
                    Some(code) => char::from_u32(code).unwrap_or('\u{fffd}'),
                    None => 'u',
                },
                Some(c @ '0'..='7') => {
                    let mut code = c.to_digit(8).unwrap_or(0);
                    for _ in 0..2 {
                        code = digits(reader, 8, 1).map_or(code, |digit| code * 8 + digit);
                    }
                    char::from_u32(code).unwrap_or('\u{fffd}')
                }
                Some(c) => c,
                None => return Some(line),
            },
            Some(c) => c,
        };
        reader.word().push(c);
    }
}

fn digits(reader: &mut Reader<'_>, base: u32, most: usize) -> Option<u32> {
    let mut code = None;
    for _ in 0..most {
        let Some(digit) = reader.rest.peek().and_then(|c| c.to_digit(base)) else { break };
        reader.next();
        code = Some(code.unwrap_or(0u32).wrapping_mul(base).wrapping_add(digit));
    }
    code
}

fn number(reader: &mut Reader<'_>, base: u32, most: usize) -> Option<char> {
    digits(reader, base, most).map(|code| char::from_u32(code).unwrap_or('\u{fffd}'))
}

/// What follows a dollar sign, as a reference; just the sign if it is no variable.
fn variable(reader: &mut Reader<'_>) -> String {
    if reader.next_if('(') {
        let mut open = 1;
        while open > 0 {
            match reader.next() {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
                None => break,
            }
        }
        return OUTPUT.into();
    }
    let braced = reader.next_if('{');
    let mut name = String::new();
    while let Some(&c) = reader.rest.peek().filter(|c| c.is_ascii_alphanumeric() || **c == '_') {
        reader.next();
        name.push(c);
    }
    if braced {
        // What stands there if it is not set is nobody's to know.
        while reader.next().is_some_and(|c| c != '}') {}
    }
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    match (is_name, braced) {
        (true, _) => format!("${{env:{name}}}"),
        (false, true) => OUTPUT.into(),
        (false, false) => format!("${name}"),
    }
}

/// A caret takes its meaning from what follows, and quotes are those of the programs that `cmd` starts.
fn of_cmd(text: &str) -> (Vec<Command>, Option<usize>) {
    let mut reader = Reader::new(text);
    let mut quoted = None;
    while let Some(mut c) = reader.next() {
        let mut bare = false;
        if c == '^' {
            while reader.next_if('\r') {}
            match reader.next() {
                // The line goes on; an empty line after it is a line break that was meant.
                Some('\n') => {
                    if quoted.is_some() && reader.next_if('\n') {
                        reader.word().push('\n');
                    }
                    continue;
                }
                Some(other) => c = other,
                None => break,
            }
            bare = !matches!(c, '"' | '\\');
        }
        match c {
            '\\' => {
                reader.next_if('^');
                match reader.next_if('"') {
                    true => reader.word().push('"'),
                    false => reader.word().push('\\'),
                }
            }
            '"' if quoted.is_some() => quoted = None,
            '"' => {
                quoted = Some(reader.line);
                reader.word();
            }
            '\r' => {}
            '\n' | '&' | '|' if quoted.is_none() && !bare => reader.end_command(),
            c if c.is_whitespace() && quoted.is_none() && !bare => reader.end_word(),
            c => reader.word().push(c),
        }
    }
    reader.end_command();
    (reader.commands, quoted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let (commands, open) = commands(text);
        assert_eq!(open, None);
        commands.into_iter().map(|command| command.words).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("curl 'a b' \"c d\" e\\ f", vec!["curl", "a b", "c d", "e f"]),
            ("curl \\\n  -d 'x\ny' \\\r\n z", vec!["curl", "-d", "x\ny", "z"]),
            (r#"a "q\"\\\n\$" $'t\tq\'\u00e9\x41\101\ud83d\ude00'"#, vec!["a", "q\"\\\\n$", "t\tq'éAA😀"]),
            (
                "a \"$KEY ${KEY:-none}\" $KEY '$KEY' $(cat f)",
                vec!["a", "${env:KEY} ${env:KEY}", "${env:KEY}", "$KEY", "${env:COMMAND_OUTPUT}"],
            ),
            ("a 'it'\\''s' '' # why\n", vec!["a", "it's", ""]),
            ("a > out.txt 2>/dev/null b", vec!["a", "b"]),
            ("a $1 $", vec!["a", "$1", "$"]),
        ] {
            assert_eq!(words(text), [expected], "{text}");
        }
        assert_eq!(words("a; b && c | d\ne").len(), 5);
        let lines: Vec<usize> = commands("# x\na\n\nb \\\n c").0.iter().map(|c| c.line).collect();
        assert_eq!(lines, [2, 4]);
    }

    #[test]
    fn words_are_those_of_cmd() {
        let text = "curl ^\"https://h/p?a=1^&b=2^\" ^\r\n  -H ^\"a: b^\" ^\r\n  --data-raw ^\"^{^\\^\"q^\\^\": ^\\^\"x y^\\^\"^}^\"\r\n";
        assert_eq!(
            words(text),
            [["curl", "https://h/p?a=1&b=2", "-H", "a: b", "--data-raw", "{\"q\": \"x y\"}"]]
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_has_its_line() {
        assert_eq!(commands("a\nb 'c\nd").1, Some(2));
        assert_eq!(commands("a\nb \"c\nd").1, Some(2));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[ a-z\n\r'\"$\\\\{}()`^<>|&;#xuU0-9\u{e9}]{0,80}") {
            commands(&text);
        }

        #[test]
        fn what_is_in_single_quotes_stays_as_it_is(text in "[^'^]{1,40}") {
            prop_assert_eq!(words(&format!("a '{text}'")), [["a".to_owned(), text]]);
        }
    }
}
