use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;

fn load(json: &Value) -> Tokenizer {
    Tokenizer::from_json(json.to_string().as_bytes(), "t.json").unwrap()
}

static LOADED: LazyLock<[Tokenizer; 3]> =
    LazyLock::new(|| [load(&byte_level()), load(&unigram()), load(&word_piece())]);

fn refused(json: &Value) -> String {
    Tokenizer::from_json(json.to_string().as_bytes(), "t.json").unwrap_err()
}

/// A file with the members that the format wants, those of `parts` in place of their absence.
fn file(model: Value, parts: Value) -> Value {
    let mut file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": model,
    });
    for (key, part) in parts.as_object().unwrap() {
        file[key] = part.clone();
    }
    file
}

fn vocabulary(tokens: &[&str]) -> Value {
    tokens.iter().enumerate().map(|(id, token)| (token.to_string(), Value::from(id))).collect::<Value>()
}

/// Byte-level byte pairs, as in GPT-2, Llama 3 and Qwen: every byte, "lo", "low" and " low".
fn byte_level() -> Value {
    let mut tokens: Vec<String> =
        tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet().into_iter().map(String::from).collect();
    tokens.sort();
    tokens.extend(["lo", "low", "Ġlow"].map(String::from));
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocabulary(&tokens), "merges": [["l", "o"], ["lo", "w"], ["Ġ", "low"]],
    });
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    file(model, json!({"pre_tokenizer": level}))
}

/// Pieces with scores, as in T5 and XLM-R: the likeliest cut wins.
fn unigram() -> Value {
    let model = json!({
        "type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [["<unk>", 0.0], ["▁", -2.0], ["▁low", -3.0], ["low", -4.0], ["er", -3.0], ["▁lower", -9.0],
            ["l", -8.0], ["o", -8.0], ["w", -8.0], ["e", -8.0], ["r", -8.0]],
    });
    let metaspace =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    file(model, json!({"pre_tokenizer": metaspace}))
}

/// Word pieces, as in BERT: the longest piece from the left.
fn word_piece() -> Value {
    let model = json!({
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary(&["[UNK]", "[CLS]", "low", "##er", "##est", "new", ","]),
    });
    let parts = json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "added_tokens": [{"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
    });
    file(model, parts)
}

#[test]
fn byte_pairs_over_bytes() {
    let tokenizer = load(&byte_level());
    for (text, tokens) in [
        ("", 0),
        ("low", 1),
        ("low low", 2),
        ("lower", 3),
        (" low  low", 3),
        // Four bytes, each a token.
        ("🌊", 4),
        ("\n", 1),
    ] {
        assert_eq!(tokenizer.try_count(text), Some(tokens), "{text:?}");
    }
}

#[test]
fn pieces_by_their_scores() {
    let tokenizer = load(&unigram());
    for (text, tokens) in [
        ("low", 1),
        // -3 and -3 beat -9.
        ("lower", 2),
        ("low lower", 3),
        ("lowlow", 2),
        // A run of the unknown is one token behind the mark of the word.
        ("жж", 2),
        ("", 0),
    ] {
        assert_eq!(tokenizer.try_count(text), Some(tokens), "{text:?}");
    }
}

#[test]
fn word_pieces() {
    let tokenizer = load(&word_piece());
    for (text, tokens) in [("Lower, lowest", 5), ("new", 1), ("newer lowlow", 3), ("", 0), ("  ", 0)] {
        assert_eq!(tokenizer.try_count(text), Some(tokens), "{text:?}");
    }
}

#[test]
fn nothing_is_added_around_a_text_and_special_tokens_in_it_are_text() {
    let mut json = word_piece();
    json["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}},
    });
    let tokenizer = load(&json);
    assert_eq!(tokenizer.count("low"), 1);
    // A bracket, three letters and a bracket, none of them known.
    assert_eq!(tokenizer.count("[CLS]"), 3);
}

/// The file of all-MiniLM-L6-v2 fills every text up to 128 tokens and cuts longer ones.
#[test]
fn a_file_that_pads_and_truncates_still_counts_what_is_there() {
    let mut json = byte_level();
    json["truncation"] =
        json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0});
    json["padding"] = json!({"strategy": {"Fixed": 4}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "!"});
    let tokenizer = load(&json);
    assert_eq!(tokenizer.count("low"), 1);
    assert_eq!(tokenizer.count("low low low low low low"), 6);
}

#[test]
fn what_is_no_tokenizer_is_refused_with_the_reason() {
    let of = |bytes: &[u8]| Tokenizer::from_json(bytes, "t.json").unwrap_err();
    assert!(of(b"").starts_with("is not JSON: EOF"), "{}", of(b""));
    assert!(of(b"\xff\xfe").starts_with("is not JSON: "));
    assert_eq!(refused(&json!([1])), "is no tokenizer.json of Hugging Face: it has no `model`");
    assert_eq!(
        refused(&json!({"tokenizer_class": "Qwen2Tokenizer"})),
        "is a tokenizer_config.json; the tokenizer itself is in tokenizer.json beside it"
    );
    let unknown = refused(&file(json!({"type": "Oracle"}), json!({})));
    assert!(unknown.starts_with("cannot be read as a tokenizer.json: "), "{unknown}");
}

#[test]
fn a_file_without_a_token_for_the_unknown_is_refused_rather_than_guessed_by() {
    let mut json = word_piece();
    json["model"]["vocab"] = vocabulary(&["low", "##er", "[CLS]"]);
    assert!(refused(&json).starts_with("cannot count every text: "), "{}", refused(&json));
}

#[test]
fn a_tokenizer_has_a_name_and_is_passed_between_threads() {
    fn passed<T: Clone + Send + Sync + 'static>(_: &T) {}
    let tokenizer = load(&unigram());
    passed(&tokenizer);
    assert_eq!(tokenizer.clone().name(), "t.json");
    assert_eq!(Tokenizer::for_model("Qwen/Qwen3-8B").name(), "qwen2");
    assert_eq!(Tokenizer::for_model("house-model").name(), "o200k_base");
    assert_eq!(Tokenizer::builtin(Vocabulary::O200k).count("hello world"), 2);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..proptest::prelude::ProptestConfig::default() })]

    #[test]
    fn any_text_can_be_counted(text: String) {
        for tokenizer in LOADED.iter() {
            proptest::prop_assert!(tokenizer.try_count(&text).is_some());
        }
        // Without merges that apply, bytes are counted one by one: never more than there are.
        proptest::prop_assert!(LOADED[0].count(&text) as usize <= text.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Tokenizer::from_json(&bytes, "t.json");
    }
}
