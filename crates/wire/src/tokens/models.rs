//! Which vocabulary a model uses, by its name.
//!
//! Names come with the vendor or the host in front (`Qwen/Qwen3-8B`, `accounts/fireworks/models/…`,
//! `us.deepseek.r1-v1:0`) and in any case. Within a family, only generations that are known to share the
//! vocabulary are taken; a wrong vocabulary would be worse than an admitted stand-in.

use super::Vocabulary;

/// The vocabulary of a model, if it is known and in the binary.
pub(super) fn vocabulary(model: &str) -> Option<Vocabulary> {
    let model = model.to_ascii_lowercase();
    let model = model.rsplit('/').next().unwrap_or(&model);
    openai(model).or_else(|| {
        // Bedrock puts the region and the vendor in front: `us.deepseek.r1-v1:0`, `qwen.qwen3-32b-v1:0`.
        let (vendor, name) = [("deepseek.", "deepseek-"), ("qwen.", ""), ("mistral.", ""), ("zai.", "")]
            .into_iter()
            .find_map(|(mark, instead)| Some((instead, model.split_once(mark)?.1)))
            .filter(|(_, name)| name.starts_with(|c: char| c.is_ascii_alphabetic()))
            .unwrap_or(("", model));
        let name = match vendor {
            "" => name.to_owned(),
            vendor => format!("{vendor}{name}"),
        };
        qwen(&name).or_else(|| deepseek(&name)).or_else(|| mistral(&name)).or_else(|| glm(&name))
    })
}

fn openai(model: &str) -> Option<Vocabulary> {
    match tiktoken::model_to_encoding(model)? {
        // Harmony adds special tokens, which ordinary text never contains.
        "o200k_base" | "o200k_harmony" => Some(Vocabulary::O200k),
        "cl100k_base" => Some(Vocabulary::Cl100k),
        _ => None,
    }
}

/// Qwen 1.5 to 3. Hosted names without a generation (`qwen-max`) move on, and from 3.5 on the vocabulary is another.
fn qwen(model: &str) -> Option<Vocabulary> {
    // DeepSeek's distillations into Qwen 2.5 keep its vocabulary.
    let distilled = model.starts_with("deepseek-r1-distill-qwen");
    let reasoner = model == "qwq" || ["qwq-", "qwq:", "qvq-"].iter().any(|name| model.starts_with(name));
    let version = model.strip_prefix("qwen").map(|rest| rest.trim_start_matches('-')).and_then(generation);
    let taken = distilled || reasoner || matches!(version, Some((1 | 2, Some(5)) | (2 | 3, None)));
    taken.then_some(Vocabulary::Qwen2)
}

/// DeepSeek from V3 on.
fn deepseek(model: &str) -> Option<Vocabulary> {
    let rest = model.strip_prefix("deepseek-")?;
    let versioned = |mark: char| rest.strip_prefix(mark).and_then(generation);
    let taken = match rest {
        "chat" | "reasoner" => true,
        // Ollama serves distillations into other models under the name of R1.
        _ if rest.starts_with("r1:") => rest.starts_with("r1:671b"),
        _ if rest.contains("distill") || rest.contains("qwen") || rest.contains("llama") => false,
        _ => {
            versioned('r').is_some_and(|(r, _)| r == 1)
                || versioned('v').is_some_and(|(v, _)| matches!(v, 3 | 4))
        }
    };
    taken.then_some(Vocabulary::DeepseekV3)
}

/// Mistral's models since NeMo, but not those that still came with a SentencePiece model.
fn mistral(model: &str) -> Option<Vocabulary> {
    const SENTENCEPIECE: [&str; 12] = [
        "-7b",
        "8x7b",
        "8x22b",
        "-22b",
        "tiny",
        "medium-2312",
        "small-2402",
        "small-2409",
        "small-instruct-2409",
        "large-2402",
        "large-2407",
        "large-2411",
    ];
    let name = model.strip_prefix("open-").unwrap_or(model);
    let family = ["mistral-", "ministral-", "magistral-", "devstral-", "pixtral-", "voxtral-"];
    if !family.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let named = name.contains("nemo") || !name.starts_with("mistral-");
    // Of models called only Mistral, those with a size word or a date of which the vocabulary is known.
    let sized = ["small", "medium", "large"].iter().any(|size| name.contains(size));
    let old = SENTENCEPIECE.iter().any(|old| name.contains(old))
        || ["large-instruct-2407", "large-instruct-2411"].iter().any(|old| name.contains(old));
    ((named || sized) && !old).then_some(Vocabulary::Tekken)
}

/// GLM-4 and 5; ChatGLM before them had another.
fn glm(model: &str) -> Option<Vocabulary> {
    let rest = model.strip_prefix("glm")?.trim_start_matches('-');
    match generation(rest.strip_prefix('z').map_or(rest, |_| "4"))? {
        (4, _) => Some(Vocabulary::Glm4),
        (5, _) => Some(Vocabulary::Glm5),
        _ => None,
    }
}

/// The version at the start of a name: (2, Some(5)) of `2.5-72b`, `2p5-72b` or `2.5:7b`; (3, None) of
/// `3-32b`. None if it is a size (`72b`) or no number.
fn generation(text: &str) -> Option<(u32, Option<u32>)> {
    let (major, rest) = number(text)?;
    let minor = rest.strip_prefix(['.', 'p']).and_then(number);
    let rest = minor.map_or(rest, |(_, rest)| rest);
    let ends = rest.is_empty() || rest.starts_with(['-', ':', '_', '@']);
    // GLM writes `4v`, `4.5v` and `4plus`; of a size, the letter is a b.
    let variant = rest.starts_with(|c: char| c.is_ascii_lowercase() && c != 'b' && c != 'm');
    (ends || variant).then_some((major, minor.map(|(n, _)| n)))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(expected: Option<Vocabulary>, models: &[&str]) {
        for model in models {
            assert_eq!(vocabulary(model), expected, "{model}");
        }
    }

    #[test]
    fn models_of_openai() {
        let o200k = [
            "gpt-4o-mini",
            "gpt-4.1",
            "gpt-5",
            "openai/gpt-oss-120b",
            "o3",
            "GPT-4o",
            "openrouter/openai/gpt-5",
        ];
        all(Some(Vocabulary::O200k), &o200k);
        all(
            Some(Vocabulary::Cl100k),
            &["gpt-4-turbo", "gpt-3.5-turbo", "azure/gpt-35-turbo", "text-embedding-3-small"],
        );
    }

    #[test]
    fn models_of_alibaba() {
        all(
            Some(Vocabulary::Qwen2),
            &[
                "qwen2.5-72b-instruct",
                "Qwen/Qwen2.5-72B-Instruct-Turbo",
                "Qwen/Qwen3-235B-A22B-Instruct-2507",
                "Qwen/Qwen3-Coder-480B-A35B-Instruct",
                "qwen3:32b",
                "qwen2:7b",
                "Qwen1.5-14B-Chat",
                "accounts/fireworks/models/qwen2p5-72b-instruct",
                "qwen.qwen3-32b-v1:0",
                "Qwen/QwQ-32B",
                "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
            ],
        );
        all(None, &["qwen3.5-397b-a17b", "qwen-max", "Qwen/Qwen-7B", "qwen", "qwen72b", "qwen4-8b"]);
    }

    #[test]
    fn models_of_deepseek() {
        all(
            Some(Vocabulary::DeepseekV3),
            &[
                "deepseek-chat",
                "deepseek-reasoner",
                "deepseek-ai/DeepSeek-V3",
                "deepseek-ai/DeepSeek-V3.2-Exp",
                "deepseek/deepseek-r1",
                "deepseek-r1-0528",
                "deepseek-r1:671b",
                "us.deepseek.r1-v1:0",
                "deepseek-v4-pro",
            ],
        );
        all(
            None,
            &[
                "deepseek-r1:70b",
                "deepseek-r1-distill-llama-70b",
                "DeepSeek-R1-0528-Qwen3-8B",
                "deepseek-coder-33b-instruct",
                "deepseek-v2.5",
                "deepseek-llm-67b-chat",
            ],
        );
    }

    #[test]
    fn models_of_mistral() {
        all(
            Some(Vocabulary::Tekken),
            &[
                "mistral-small-latest",
                "mistral-medium-2505",
                "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
                "mistralai/Mistral-Nemo-Instruct-2407",
                "open-mistral-nemo",
                "ministral-8b-2410",
                "magistral-medium-latest",
                "mistralai/Devstral-Small-2507",
                "pixtral-12b-2409",
                "mistral-large-latest",
            ],
        );
        all(
            None,
            &[
                "mistralai/Mistral-7B-Instruct-v0.3",
                "mistral:7b",
                "mistralai/Mixtral-8x7B-Instruct-v0.1",
                "open-mixtral-8x22b",
                "mistral.mistral-large-2407-v1:0",
                "mistral-large-2411",
                "mistralai/Mistral-Large-Instruct-2411",
                "mistralai/Mistral-Small-Instruct-2409",
                "pixtral-large-2411",
                "codestral-22b",
                "mistral",
            ],
        );
    }

    #[test]
    fn models_of_zhipu() {
        all(
            Some(Vocabulary::Glm4),
            &[
                "glm-4-plus",
                "glm-4.5-air",
                "zai-org/GLM-4.6",
                "THUDM/GLM-Z1-32B-0414",
                "glm-4v",
                "glm-4-9b-chat",
                "glm4:9b",
            ],
        );
        all(Some(Vocabulary::Glm5), &["glm-5", "z-ai/glm-5.2"]);
        all(None, &["chatglm3-6b", "glm-10b", "glm-6"]);
    }

    #[test]
    fn other_models_have_none_here() {
        all(
            None,
            &[
                "llama-3.1-8b",
                "meta-llama/Llama-3.3-70B-Instruct",
                "moonshotai/Kimi-K2-Instruct",
                "kimi-k2",
                "MiniMax-M2",
                "claude-sonnet-4-5",
                "gemini-2.5-pro",
                "floodline-stub",
                "m",
                "",
                "/",
                "qwen.",
                "deepseek-",
            ],
        );
    }

    proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..proptest::prelude::ProptestConfig::default() })]

        #[test]
        fn any_name_is_looked_up(name: String) {
            let _ = vocabulary(&name);
        }

        #[test]
        fn case_and_provider_change_nothing(name in "(qwen|deepseek|mistral|glm|gpt)-?[0-9a-z.:-]{0,12}") {
            let found = vocabulary(&name);
            proptest::prop_assert_eq!(vocabulary(&name.to_ascii_uppercase()), found);
            proptest::prop_assert_eq!(vocabulary(&format!("some/{name}")), found);
        }
    }
}
