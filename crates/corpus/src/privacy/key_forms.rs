//! What keys look like.

/// How a vendor's keys begin, and the fewest characters that follow.
pub(super) const BEGINNINGS: [(&str, usize); 42] = [
    ("github_pat_", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("glpat-", 12),
    ("gldt-", 12),
    ("glrt-", 12),
    ("AKIA", 12),
    ("ASIA", 12),
    ("AIza", 20),
    ("ya29.", 16),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxo-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xoxe.", 8),
    ("xapp-", 8),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("pk_live_", 8),
    ("pk_test_", 8),
    ("whsec_", 12),
    ("hf_", 16),
    ("gsk_", 16),
    ("xai-", 16),
    ("pplx-", 16),
    ("tvly-", 12),
    ("nvapi-", 16),
    ("r8_", 16),
    ("npm_", 20),
    ("pypi-", 24),
    ("SG.", 20),
    ("shpat_", 16),
    ("dop_v1_", 16),
    ("lin_api_", 16),
    ("PMAK-", 16),
];

/// Whether a string is more likely drawn by lot than put together from words.
pub(super) fn looks_random(text: &str) -> bool {
    let classes = Classes::of(text);
    let mixed =
        classes.digits > 0 && classes.upper + classes.lower > 0 || classes.upper > 1 && classes.lower > 1;
    mixed && classes.letters_in_words * 2 < text.len()
}

/// Whether a string without a known beginning is a key all the same: long, of all classes of characters, most of them
/// different, and not made of words.
pub(super) fn is_drawn_by_lot(text: &str) -> bool {
    let classes = Classes::of(text);
    text.len() >= 24
        && classes.upper > 1
        && classes.lower > 1
        && classes.digits > 0
        && classes.letters_in_words * 5 < text.len() * 2
        && entropy(text) >= 3.5
}

struct Classes {
    upper: usize,
    lower: usize,
    digits: usize,
    /// Letters in runs of three small ones at least, and capitals before such a run.
    letters_in_words: usize,
}

impl Classes {
    fn of(text: &str) -> Classes {
        let bytes = text.as_bytes();
        let count = |belongs: fn(&u8) -> bool| bytes.iter().filter(|b| belongs(b)).count();
        let mut letters_in_words = 0;
        let mut run = 0;
        for (i, byte) in bytes.iter().enumerate() {
            if !byte.is_ascii_lowercase() {
                run = 0;
                continue;
            }
            run += 1;
            letters_in_words += match run {
                3 => 3 + usize::from(i >= 3 && bytes[i - 3].is_ascii_uppercase()),
                4.. => 1,
                _ => 0,
            };
        }
        Classes {
            upper: count(u8::is_ascii_uppercase),
            lower: count(u8::is_ascii_lowercase),
            digits: count(u8::is_ascii_digit),
            letters_in_words,
        }
    }
}

/// Shannon's entropy of a string's bytes, in bits for each.
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = text.len() as f64;
    let share = |&n: &u32| f64::from(n) / length;
    counts.iter().filter(|&&n| n > 0).map(|n| -share(n) * libm::log2(share(n))).sum()
}

/// Whether a name says that its value is a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    const ENDINGS: [&str; 33] = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "passwort",
        "kennwort",
        "pwd",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "authkey",
        "accountkey",
        "sharedkey",
        "signingkey",
        "encryptionkey",
        "masterkey",
        "licensekey",
        "licencekey",
        "servicekey",
        "accesskeyid",
        "credential",
        "credentials",
        "authorization",
        "passwordhash",
        "keyid",
        "contraseña",
        "otp",
        "authcode",
        "apisecret",
        "subscriptionkey",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending)) && name != "keyid"
        || name == "pass"
        || name == "cookie"
}

/// The same for a name in a URL's query, where short ones are usual; these only if their value looks like a secret.
pub(super) fn is_short_secret_name(name: &str) -> bool {
    const NAMES: [&str; 9] =
        ["key", "code", "sig", "signature", "sas", "k", "auth", "sid", "x-amz-signature"];
    NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a value only stands for one: `${TOKEN}`, `<your key>`, `****`, a placeholder of ours.
pub(super) fn is_stand_in(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let same = |c: char| value.chars().all(|v| v == c || v == '-');
    value.starts_with(['<', '$', '{', '%', '['])
        || lower.starts_with("your")
        || [
            "...",
            "…",
            "[redacted]",
            "redacted",
            "changeme",
            "null",
            "none",
            "undefined",
            "true",
            "false",
            "nil",
        ]
        .contains(&lower.as_str())
        || value.ends_with("...")
        || value.ends_with('…')
        || ['*', 'x', 'X', '.', '•', '_'].into_iter().any(same)
        || lower.starts_with("env:")
        || lower.starts_with("os.environ")
}
