//! Takes secrets out of what a server says: it may repeat what it was sent.

/// The values that must not be written or shown.
pub(crate) struct Scrubber {
    /// In lower case, the longest first, for one may hold another.
    secrets: Vec<String>,
}

/// What stands in a secret's place.
const INSTEAD: &str = "[secret]";

/// Where a text was cut in the middle of a secret, so many characters of it are too many.
const TELLING: usize = 4;

impl Scrubber {
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Scrubber {
        let mut secrets: Vec<String> =
            secrets.filter(|s| !s.is_empty()).flat_map(forms).map(|form| form.to_ascii_lowercase()).collect();
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.dedup();
        Scrubber { secrets }
    }

    /// Replaces every secret, however its letters are cased, and the beginning of one at the end of a
    /// text that was cut there.
    pub(crate) fn scrub(&self, text: &mut String) {
        for secret in &self.secrets {
            // Lower case of ASCII alone: every position stays what it was.
            let lower = text.to_ascii_lowercase();
            let places: Vec<usize> = lower.match_indices(secret.as_str()).map(|(at, _)| at).collect();
            for at in places.into_iter().rev() {
                text.replace_range(at..at + secret.len(), INSTEAD);
            }
            scrub_end(secret, text);
        }
    }
}

/// A secret as servers repeat it: as it is, escaped for JSON with or without its slashes, and for URLs.
fn forms(secret: &str) -> [String; 4] {
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let url = secret.bytes().map(|byte| match unreserved(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    });
    [secret.to_owned(), json.replace('/', "\\/"), json, url.collect()]
}

fn scrub_end(secret: &str, text: &mut String) {
    let said = text.trim_end_matches('…').to_ascii_lowercase();
    let cut = secret.char_indices().map(|(at, _)| at).rev().filter(|&at| at >= TELLING);
    if let Some(length) = cut.into_iter().find(|&length| said.ends_with(&secret[..length])) {
        text.replace_range(said.len() - length..said.len(), INSTEAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(text: &str) -> String {
        let mut text = text.to_owned();
        Scrubber::of(["sk-Canary-42", "sk-Canary-42-long"].into_iter()).scrub(&mut text);
        text
    }

    #[test]
    fn every_secret_in_a_text_is_replaced() {
        assert_eq!(scrubbed("ä sk-Canary-42, sk-Canary-42-long!"), "ä [secret], [secret]!");
        assert_eq!(scrubbed("nothing here"), "nothing here");
    }

    #[test]
    fn a_secret_whose_letters_were_cased_anew_is_still_one() {
        assert_eq!(scrubbed("bearersk-canary-42 SK-CANARY-42"), "bearer[secret] [secret]");
    }

    #[test]
    fn the_beginning_of_a_secret_at_a_cut_is_replaced() {
        assert_eq!(scrubbed("your key sk-Canary…"), "your key [secret]…");
        assert_eq!(scrubbed("your key sk-C"), "your key [secret]");
        assert_eq!(scrubbed("a desk"), "a desk");
    }

    #[test]
    fn a_secret_that_was_escaped_is_still_one() {
        let scrubber = Scrubber::of([r#"a/b"c d+e"#].into_iter());
        for said in [r#"a/b"c d+e"#, r#"a/b\"c d+e"#, r#"a\/b\"c d+e"#, "a%2Fb%22c%20d%2Be"] {
            let mut text = format!("bad key {said}!");
            scrubber.scrub(&mut text);
            assert_eq!(text, "bad key [secret]!", "{said}");
        }
    }

    #[test]
    fn without_secrets_nothing_is_touched() {
        let mut text = "anything".to_owned();
        Scrubber::of(["", ""].into_iter()).scrub(&mut text);
        assert_eq!(text, "anything");
    }
}
