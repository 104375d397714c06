//! Where the text is in an answer, guessed from the shapes that applications and APIs have.

use super::call::Answer;
use super::tree::Tree;

/// Paths of a text in an event of a stream, the surest first.
const STREAMED: [&[&str]; 22] = [
    &["choices", "0", "delta", "content"],
    &["choices", "0", "text"],
    &["candidates", "0", "content", "parts", "0", "text"],
    &["delta", "text"],
    &["delta", "content"],
    &["token", "text"],
    &["message", "content"],
    &["data", "text"],
    &["data", "content"],
    &["data", "token"],
    &["data", "delta"],
    &["content", "0", "text"],
    &["delta"],
    &["token"],
    &["text"],
    &["content"],
    &["response"],
    &["answer"],
    &["chunk"],
    &["output"],
    &["message"],
    &["data"],
];

/// The same of an answer in one piece.
const WHOLE: [&[&str]; 14] = [
    &["choices", "0", "message", "content"],
    &["content", "0", "text"],
    &["candidates", "0", "content", "parts", "0", "text"],
    &["answer"],
    &["response"],
    &["reply"],
    &["text"],
    &["output"],
    &["generated_text"],
    &["completion"],
    &["result"],
    &["message", "content"],
    &["content"],
    &["message"],
];

/// What a recorded stream of events shows.
pub(super) fn of_events(body: &str) -> Answer {
    let data = body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    let data: Vec<&str> = data.filter(|data| !data.is_empty()).take(2000).collect();
    let done = data.last().filter(|last| !last.starts_with(['{', '[']) || **last == "[DONE]");
    let done = done.filter(|done| {
        done.len() <= 16 && done.chars().all(|c| c.is_ascii_alphabetic() || "[]_".contains(c))
    });
    let done = done.filter(|_| data.len() > 1).map(|done| (*done).to_owned());
    Answer { format: Some("sse"), text: text_of(&data, &STREAMED), done, guessed: false }
}

/// What a recorded stream of lines shows.
pub(super) fn of_lines(body: &str) -> Answer {
    let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).take(2000).collect();
    Answer { format: Some("ndjson"), text: text_of(&lines, &STREAMED), done: None, guessed: false }
}

/// What an answer in one piece shows, if it has a text in a usual place.
pub(super) fn of_json(tree: &Tree) -> Option<Answer> {
    let path = WHOLE.iter().find(|path| text_at(tree, path).is_some_and(|text| !text.is_empty()))?;
    Some(Answer { text: Some(written(path)), ..Answer::default() })
}

/// A guess that is to be put right, for streams that nobody has recorded.
pub(super) fn unseen_stream() -> Answer {
    Answer { format: Some("sse"), text: Some("$.text".into()), done: None, guessed: true }
}

/// The path that has a text in the most events.
fn text_of(events: &[&str], paths: &[&[&str]]) -> Option<String> {
    let trees: Vec<Tree> = events.iter().filter_map(|event| Tree::of_json(event).ok()).collect();
    let count = |path: &&&[&str]| {
        trees.iter().filter(|tree| text_at(tree, path).is_some_and(|t| !t.is_empty())).count()
    };
    let most = paths.iter().map(|path| count(&path)).max().filter(|&most| most > 0)?;
    paths.iter().find(|path| count(path) == most).map(|path| written(path))
}

fn text_at<'a>(tree: &'a Tree, path: &[&str]) -> Option<&'a str> {
    let end = path.iter().try_fold(tree, |tree, name| match name.parse::<usize>() {
        Ok(at) => tree.items().get(at),
        Err(_) => tree.get(name),
    });
    end?.as_str()
}

fn written(path: &[&str]) -> String {
    let part = |name: &&str| match name.parse::<usize>() {
        Ok(at) => format!("[{at}]"),
        Err(_) => format!(".{name}"),
    };
    format!("${}", path.iter().map(part).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_stream_is_where_most_events_have_one() {
        let body = "event: start\ndata: {\"text\": \"once\"}\n\ndata: {\"delta\": {\"text\": \"a\"}}\n\n\
                    data: {\"delta\": {\"text\": \"b\"}}\n\ndata: [DONE]\n\n";
        let answer = of_events(body);
        assert_eq!((answer.text.as_deref(), answer.done.as_deref()), (Some("$.delta.text"), Some("[DONE]")));
    }

    #[test]
    fn the_text_of_a_whole_answer_is_in_a_usual_place() {
        let tree = Tree::of_json(r#"{"choices": [{"message": {"content": "Hi"}}], "answer": 3}"#).unwrap();
        assert_eq!(of_json(&tree).unwrap().text.as_deref(), Some("$.choices[0].message.content"));
        assert_eq!(of_json(&Tree::Null), None);
    }
}
