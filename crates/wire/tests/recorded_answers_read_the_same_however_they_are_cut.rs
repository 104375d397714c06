//! What recorded answers of every API say, and that they say it at every cut of their bytes.

mod fixtures;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use fixtures::FIXTURES;
use floodline_core::Outcome;
use floodline_wire::answer::{Said, Signal};
use floodline_wire::codec::{Brought, Codec, Frames, Framing, Stream};

/// A stream that has been read so far, and what each of its events meant: `.` nothing, `r` reasoning, `c`
/// content, and `|` before what the end of the bytes has left.
#[derive(Clone)]
struct Reader {
    frames: Frames,
    stream: Stream,
    signals: String,
}

impl Reader {
    fn new(codec: &Codec, framing: Framing) -> Reader {
        let (frames, stream) = (Frames::new(framing), Stream::new(codec.clone(), framing));
        Reader { frames, stream, signals: String::new() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Reader { frames, stream, signals } = self;
        frames.feed(bytes, &mut |event| signals.push(letter(stream.event(event)))).expect("small events");
    }

    fn finish(mut self) -> (Said, String, &'static str) {
        if let Some(left) = self.frames.finish() {
            self.signals.push('|');
            self.signals.push(letter(self.stream.tail(left.event())));
        }
        let missing = self.stream.missing_end();
        (self.stream.into_said(), self.signals, missing)
    }
}

/// What a stream says, and brings, to who leaves it to find its own events, as the engine does.
fn feed(codec: &Codec, framing: Framing, bytes: &[u8]) -> (Said, Brought) {
    let (mut stream, mut brought) = (Stream::new(codec.clone(), framing), Brought::default());
    stream.feed(bytes, &mut brought).expect("small events");
    let last = stream.finish();
    brought.tokens += u32::from(last.token);
    brought.contents += u32::from(last.content);
    (stream.into_said(), brought)
}

fn letter(signal: Signal) -> char {
    match (signal.token, signal.content) {
        (false, false) => '.',
        (true, false) => 'r',
        (true, true) => 'c',
        (false, true) => panic!("content without a token"),
    }
}

/// One line for everything that an answer says, and none for what it does not.
fn shown(said: &Said) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name}: {value}");
        }
    };
    let text = |text: &str| (!text.is_empty()).then(|| format!("{text:?}"));
    line("text", text(&said.text));
    line("reasoning", text(&said.reasoning));
    line("refusal", text(&said.refusal));
    line("other", text(&said.other));
    for tool in &said.tools {
        line("tool", Some(format!("{:?} {} {}", tool.id, tool.name, tool.arguments.escape_debug())));
    }
    line("finish", said.finish.map(|finish| finish.to_string()));
    line(
        "usage",
        said.usage.map(|usage| {
            let figures = [
                ("prompt", usage.prompt_tokens),
                ("completion", usage.completion_tokens),
                ("cached", usage.cached_tokens),
                ("cache_write", usage.cache_write_tokens),
                ("reasoning", usage.reasoning_tokens),
            ];
            let given = figures.iter().filter_map(|(name, figure)| Some(format!("{name} {}", (*figure)?)));
            given.collect::<Vec<_>>().join(", ")
        }),
    );
    line(
        "error",
        said.error.as_ref().map(|error| {
            let tag = |tag: &Option<Box<str>>| tag.as_deref().unwrap_or("-").to_owned();
            format!("{} {} {:?}", tag(&error.code), tag(&error.kind), error.message)
        }),
    );
    line("malformed", said.malformed.as_ref().map(|excerpt| format!("{excerpt:?}")));
    line("ended, done", Some(format!("{}, {}", said.ended, said.done)));
    line("verdict", Some(said.verdict().to_string()));
    out
}

#[test]
fn every_answer_says_what_it_says_at_every_cut() {
    let mut folders: BTreeMap<&str, String> = BTreeMap::new();
    for &(name, api, how) in FIXTURES {
        let codec = Codec::of(api);
        let (folder, file) = name.split_once('/').expect("a folder and a file");
        let bytes = fixtures::read(name);
        let out = folders.entry(folder).or_default();
        let _ = writeln!(out, "{file}");
        let Some(framing) = how.framing(&codec) else {
            match codec.whole(&bytes) {
                Ok(said) => out.push_str(&shown(&said)),
                Err(why) => _ = writeln!(out, "  no answer: {why}"),
            }
            continue;
        };
        let mut whole = Reader::new(&codec, framing);
        whole.feed(&bytes);
        let whole = whole.finish();
        let mut slowly = Reader::new(&codec, framing);
        for (cut, byte) in bytes.iter().enumerate() {
            let mut cut_here = slowly.clone();
            cut_here.feed(&bytes[cut..]);
            assert_eq!(cut_here.finish(), whole, "{name}, cut at {cut}");
            slowly.feed(std::slice::from_ref(byte));
        }
        assert_eq!(slowly.finish(), whole, "{name}, byte by byte");
        let (said, signals, missing) = whole;
        let (fed, brought) = feed(&codec, framing, &bytes);
        let count = |letters: &[char]| signals.matches(letters).count();
        assert_eq!((brought.tokens as usize, brought.contents as usize), (count(&['r', 'c']), count(&['c'])));
        assert_eq!(fed, said, "{name}: who finds the events changes nothing");
        let _ = writeln!(out, "  events: {signals}");
        out.push_str(&shown(&said));
        if said.verdict() == Outcome::Truncated {
            let _ = writeln!(out, "  {missing}");
        }
    }
    for (folder, out) in folders {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(folder, out);
        });
    }
}

#[test]
fn no_file_is_forgotten() {
    let listed: BTreeSet<String> = FIXTURES.iter().map(|(name, _, _)| format!("{name}.txt")).collect();
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(fixtures::folder()).unwrap().map(Result::unwrap) {
        if !folder.file_type().unwrap().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().unwrap();
            found.insert(format!("{}/{}", name(&folder), name(&file)));
        }
    }
    assert_eq!(found, listed);
}
