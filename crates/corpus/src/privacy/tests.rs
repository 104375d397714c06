//! An adversarial corpus: what must go, in every dress that it comes in, and what must stay.

use super::*;

fn masked(text: &str) -> String {
    let cleaner = Cleaner::new(Kinds::all(), Names::of_lines("Erika Mustermann\nErika\nJosé\n田中"));
    let once = cleaner.prompt().mask(text);
    assert_eq!(cleaner.still_in(&once), None, "{text:?} became {once:?}");
    assert_eq!(cleaner.prompt().mask(&once), once, "{text:?}: masking twice is masking once");
    once
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, wanted)| {
            let got = masked(text);
            (got != *wanted).then(|| format!("{text:?}\n  wanted {wanted:?}\n  got    {got:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn unchanged(cases: &[&str]) {
    all(&cases.iter().map(|text| (*text, *text)).collect::<Vec<_>>());
}

#[test]
fn addresses_of_mail() {
    all(&[
        ("Write to bob@example.com.", "Write to <EMAIL_1>."),
        ("bob@example.com\nBOB@EXAMPLE.COM\nann@example.com", "<EMAIL_1>\n<EMAIL_1>\n<EMAIL_2>"),
        ("[mail me](mailto:bob.o'neil+tag@mail.example.co.uk)", "[mail me](mailto:<EMAIL_1>)"),
        ("'bob@example.com', <bob@example.com>, *bob@example.com*", "'<EMAIL_1>', <<EMAIL_1>>, *<EMAIL_1>*"),
        ("user=bob@example.com&x=1", "user=<EMAIL_1>&x=1"),
        ("jörg.müller@bücher.de", "<EMAIL_1>"),
        ("请发邮件到bob@example.com谢谢", "请发邮件到<EMAIL_1>谢谢"),
        ("почта:иван@пример.рф", "почта:<EMAIL_1>"),
        ("bob@example.com...", "<EMAIL_1>..."),
        ("\"bob smith\"@example.com", "<EMAIL_1>"),
        ("bob@[10.0.0.1]", "<EMAIL_1>"),
        ("bob＠example.com and b\u{200b}ob@example.com", "<EMAIL_1> and <EMAIL_1>"),
        ("?mail=bob%40example.com&ok=1", "?mail=<EMAIL_1>&ok=1"),
        (r"a\u0062ob\u0040example.com", "<EMAIL_1>"),
        (r#"{"a":"x\nbob@example.com\n"}"#, r#"{"a":"x\n<EMAIL_1>\n"}"#),
        (
            r#"{"a":"{\"b\":\"{\\\"mail\\\":\\\"bob@example.com\\\"}\"}"}"#,
            r#"{"a":"{\"b\":\"{\\\"mail\\\":\\\"<EMAIL_1>\\\"}\"}"}"#,
        ),
        (r#"{"bob@example.com": 1}"#, r#"{"<EMAIL_1>": 1}"#),
    ]);
}

#[test]
fn telephones() {
    all(&[
        ("+49 170 1234567", "<PHONE_1>"),
        ("call +1 (415) 555-2671.", "call <PHONE_1>."),
        ("+4915112345678, 004915112345678", "<PHONE_1>, <PHONE_2>"),
        ("0044 20 7946 0958", "<PHONE_1>"),
        ("+49 (0) 170 / 123 45 67", "<PHONE_1>"),
        ("(415) 555-2671 or 415-555-2672 or 415.555.2673", "<PHONE_1> or <PHONE_2> or <PHONE_3>"),
        ("1-800-555-0199", "<PHONE_1>"),
        ("reach me on 415 555 2671", "reach me on <PHONE_1>"),
        ("my number: 415 555 2671", "my number: <PHONE_1>"),
        (
            "030 1234567, 0170/1234567, 06 12 34 56 78, 01.23.45.67.89",
            "<PHONE_1>, <PHONE_2>, <PHONE_3>, <PHONE_4>",
        ),
        ("(030) 123456-78", "<PHONE_1>"),
        ("020 7946 0958", "<PHONE_1>"),
        ("(11) 91234-5678", "<PHONE_1>"),
        ("03-1234-5678 and 138 1234 5678", "<PHONE_1> and <PHONE_2>"),
        ("phone: 4155552671", "phone: <PHONE_1>"),
        (r#"{"phoneNumber":"4155552671"}"#, r#"{"phoneNumber":"<PHONE_1>"}"#),
        (r#"{"phone_number": 4155552671}"#, r#"{"phone_number": <PHONE_1>}"#),
        ("call 555-1234", "call <PHONE_1>"),
        ("tel:+14155552671", "tel:<PHONE_1>"),
        ("电话13812345678", "电话<PHONE_1>"),
        ("+49\u{a0}170\u{2011}1234567", "<PHONE_1>"),
        ("+٤٩ ١٧٠ ١٢٣٤٥٦٧", "<PHONE_1>"),
        ("tel. 612 345 678", "tel. <PHONE_1>"),
        ("2024-01-31 030 1234567", "2024-01-31 <PHONE_1>"),
    ]);
    unchanged(&[
        "on 2024-01-31 and 31.01.2024 and 01/31/2024, 2024-01-31 12:30:00",
        "2024-01-31T12:30:00+02:00",
        "sizes 256 512 1024 and 512 768 1024",
        "order 0123-4567-89 and invoice 415-555-2671",
        "ISBN 978-3-16-148410-0",
        "12345678 and 1700000000000 and 20240131",
        "version 1.2.3.4567, 10.20.300.4000",
        "0.1234567 0.25 -0.1234567",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-1234-1234-123456789012",
        "200-2000 tokens, 443-8443",
        "$1,234,567.89 and 1 234 567 bytes",
        "x+1234567 and 3+1234567",
        "00000001234",
        "192.168.100.1000",
    ]);
}

#[test]
fn cards() {
    all(&[
        ("4111 1111 1111 1111", "<CARD_1>"),
        ("4111-1111-1111-1111, 4111111111111111", "<CARD_1>, <CARD_1>"),
        ("378282246310005 or 3782 822463 10005", "<CARD_1> or <CARD_1>"),
        ("4111 1111 1111 1111 12/27", "<CARD_1> 12/27"),
        ("17 4111 1111 1111 1111 123", "17 <CARD_1> 123"),
        ("4111\u{a0}1111\u{a0}1111\u{a0}1111", "<CARD_1>"),
        (r#"{"card": 4111111111111111}"#, r#"{"card": <CARD_1>}"#),
        ("４１１１１１１１１１１１１１１１", "<CARD_1>"),
        ("6011 1111 1111 1117;5555555555554444", "<CARD_1>;<CARD_2>"),
    ]);
    unchanged(&[
        "4111 1111 1111 1112",
        "4111111111111112",
        "1700000000000, 1700000000000000000, 0.4111111111111111, 3.4111111111111111",
        "abc4111111111111111",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "0000 0000 0000 0000",
    ]);
}

#[test]
fn accounts() {
    all(&[
        ("DE89370400440532013000", "<IBAN_1>"),
        ("DE89 3704 0044 0532 0130 00 please", "<IBAN_1> please"),
        ("de89 3704 0044 0532 0130 00, GB82 WEST 1234 5698 7654 32.", "<IBAN_1>, <IBAN_2>."),
        ("IBAN:FR1420041010050500013M02606", "IBAN:<IBAN_1>"),
        ("DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00", "<IBAN_1>"),
        ("NO93 8601 1117 947", "<IBAN_1>"),
    ]);
    unchanged(&[
        "DE88370400440532013000",
        "XX89370400440532013000",
        "DE8937040044053201300",
        "IN 2024 THE END",
    ]);
}

#[test]
fn ip_addresses() {
    all(&[
        ("ssh 10.1.2.3", "ssh <IP_1>"),
        ("http://10.1.2.3:8080/x, 10.0.0.0/8", "http://<IP_1>:8080/x, <IP_2>/8"),
        ("from 203.0.113.9.", "from <IP_1>."),
        ("2001:db8::1 and [2001:DB8::1]:443", "<IP_1> and [<IP_1>]:443"),
        ("fe80::1ff:fe23:4567:890a%eth0", "<IP_1>%eth0"),
        ("::ffff:10.1.2.3", "<IP_1>"),
        ("node:10.1.2.3, cafe:10.1.2.3:80, node:2001:db8::1", "node:<IP_1>, cafe:<IP_1>:80, node:<IP_2>"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "<IP_1>"),
        ("addr=2001:db8::1;", "addr=<IP_1>;"),
    ]);
    unchanged(&[
        "v1.2.3.4, version 1.2.3.4, version: \"1.2.3.4\", requests==2.31.0.1",
        "127.0.0.1:8080, 0.0.0.0, ::1, ::, 255.255.255.0",
        "Chrome/120.0.0.0 Safari/537.36 Chrome/91.0.4472.124",
        "1.3.6.1.4.1, 256.1.1.1, 1.2.3",
        "std::fmt, a::b, dead::beef, Foo::new, crate::abc",
        "12:34:56, 00:1a:2b:3c:4d:5e, see section 3.1.2.4",
    ]);
}

#[test]
fn keys() {
    let aws = concat!("wJalrXUtnFEMI", "/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let jwt = concat!(
        "eyJhbGciOiJIUzI1NiJ9",
        ".eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    );
    all(&[
        ("sk-abcdefghijklmnop", "<KEY_1>"),
        ("key sk-ant-api03-AbCd1234_efgh-5678, ok", "key <KEY_1>, ok"),
        ("sk-proj-abc123DEF456ghi789.", "<KEY_1>."),
        (concat!("ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"), "<KEY_1>"),
        (concat!("github_pat_", "11ABCDEFG0abcdefghijkl_mnop"), "<KEY_1>"),
        (concat!("AKIA", "IOSFODNN7EXAMPLE"), "<KEY_1>"),
        (concat!("AIza", "SyA1234567890abcdefghijklmnopqrstuv"), "<KEY_1>"),
        (concat!("xoxb-", "123456789012-abcdefABCDEF"), "<KEY_1>"),
        (concat!("sk_live_", "51Habcdefghijkl"), "<KEY_1>"),
        (aws, "<KEY_1>"),
        (jwt, "<KEY_1>"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer <KEY_1>"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <KEY_1>"),
        ("curl -H 'authorization: bearer abcdef1234'", "curl -H 'authorization: bearer <KEY_1>'"),
        ("x-api-key: abcdef123456", "x-api-key: <KEY_1>"),
        ("password=hunter2", "password=<KEY_1>"),
        ("PASSWORD=letmein", "PASSWORD=<KEY_1>"),
        ("my password is Tr0ub4dor&3, thanks", "my password is <KEY_1>, thanks"),
        ("\"password\": \"correct horse battery staple\"", "\"password\": \"<KEY_1>\""),
        ("password: str = \"hunter22\"", "password: str = \"<KEY_1>\""),
        ("{'api_key': 'abcd1234'}", "{'api_key': '<KEY_1>'}"),
        (r#"{"args":"{\"token\": \"abcd-efgh-1\"}"}"#, r#"{"args":"{\"token\": \"<KEY_1>\"}"}"#),
        ("API key: abcd1234", "API key: <KEY_1>"),
        ("config[\"secret\"] = \"abcd1234\"", "config[\"secret\"] = \"<KEY_1>\""),
        ("postgres://app:s3cr3t@db.example.com/x", "postgres://<KEY_1>@db.example.com/x"),
        ("https://host/x?token=abcdefgh&y=1", "https://host/x?token=<KEY_1>&y=1"),
        ("https://host/x?y=1&amp;api_key=abcd1234", "https://host/x?y=1&amp;api_key=<KEY_1>"),
        ("https://host/x#access_token=abcdefgh", "https://host/x#access_token=<KEY_1>"),
        ("sk-abc123def456\nGHI789jkl012\nthanks", "<KEY_1>\nthanks"),
        ("\"sk-abc123def456\\nGHI789jkl012\"", "\"<KEY_1>\""),
        ("ghp_abcDEF12345\\\n  67890ghiJKL", "<KEY_1>"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc==\n-----END RSA PRIVATE KEY-----\nb",
            "a\n<KEY_1>\nb",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU", "<KEY_1>"),
        ("AAAAB3NzaC1yc2EAAAADAQABAAABgQC7xK9mZ2q1Vn8Lp0Rt me@host", "<KEY_1> me@host"),
        ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", "<KEY_1>"),
    ]);
    unchanged(&[
        "import sklearn; sk-learn-contrib-package; sk-circle12; task-oriented",
        "Bearer authentication, a bearer of bad news, Basic understanding",
        "max_tokens: 4096, \"token\": \"string\", prompt_tokens=12345678, token_limit: 100000",
        "password: str, token: Optional[str] = None, def login(user, password):",
        "connect(user=user, password=password, token=my_token, api_key=OPENAI_API_KEY)",
        "api_key=os.environ[\"OPENAI_API_KEY\"], token = get_token(), secret: ${SECRET}, password=<your password>",
        "Password: must be at least 8 characters. The token is expired. My password is not working.",
        "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "550e8400-e29b-41d4-a716-446655440000",
        "src/components/UserProfile2/ProfileHeaderContainer3/index.tsx",
        "getUserAccountByExternalIdentifierV2AndRegion XMLHttpRequest2ConstructorFactory",
        "SHA256withRSAandMGF1Padding",
        "sha512-Kx9yRk7wqPz3TnVbM2cLd8sFhG5jA1QeWuXo4iYtBv6NmZpRlCk0HgJfDsAaUeIo==",
        "ssh://git@github.com/a/b, git@github.com:a/b.git, https://${USER}:${PASS}@host/",
        "https://example.com/?code=200&key=name&page=2#token",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
        "\"password\": \"Enter your password\"",
    ]);
}

/// Regression: of several keys in one run of characters only as many went as there are rounds.
#[test]
fn every_key_of_a_run_goes() {
    let keys = [concat!("ghp_", "abcdefghijklmnop1234"); 9].join("/");
    assert_eq!(masked(&keys), ["<KEY_1>"; 9].join("/"));
}

#[test]
fn names_of_a_list() {
    all(&[
        ("Erika Mustermann and ERIKA and erika-mustermann", "<NAME_1> and <NAME_2> and <NAME_3>"),
        ("Erika's, José!", "<NAME_1>'s, <NAME_2>!"),
        ("erika@example.com", "<EMAIL_1>"),
        ("田中さん", "<NAME_1>さん"),
    ]);
    unchanged(&["Erikas Amerika Josef"]);
}

#[test]
fn what_overlaps_goes_as_one() {
    all(&[
        ("password=bob@example.com", "password=<KEY_1>"),
        ("tel: +49 170 1234567 bob@example.com", "tel: <PHONE_1> <EMAIL_1>"),
        ("postgres://app:pa55@word@db.example.com", "postgres://<KEY_1>@db.example.com"),
    ]);
}

#[test]
fn numbers_go_on_behind_placeholders_that_are_there() {
    let cleaner = Cleaner::new(Kinds::all(), Names::default());
    let mut masking = cleaner.prompt();
    let text = "<EMAIL_2> wrote to bob@example.com";
    masking.expect(text);
    assert_eq!(masking.mask(text), "<EMAIL_2> wrote to <EMAIL_3>");
    assert_eq!(masking.mask("BOB@example.com"), "<EMAIL_3>", "the same in another text");
    assert_eq!(masking.counts().of(Kind::Email), 2);
}

#[test]
fn kinds_that_are_kept_stay() {
    let cleaner = Cleaner::new(Kinds::all().without(Kind::Email), Names::default());
    assert_eq!(cleaner.prompt().mask("bob@example.com 10.1.2.3"), "bob@example.com <IP_1>");
}

/// Prose and programs as people send them to models.
#[test]
fn ordinary_texts_come_through_unchanged() {
    unchanged(&[PROSE, include_str!("find.rs"), include_str!("letters.rs"), include_str!("../logs/otel.rs")]);
}

const PROSE: &str = "Please review this. At 12:30:05 on 2024-01-31 the job 20240131-123005 (run 1700000000, build 1.22.333.4444) failed:\n\
    ```\nerror[E0308]: mismatched types --> src/main.rs:42:17\n  expected `HashMap<String, Vec<u8>>`, found `()`\n```\n\
    The matrix is [[1, 2, 3], [400, 500, 6000]], pi is 3.141592653589793, e = 2.718281828459045, 1e-10.\n\
    We ship 3-4 boxes @ $1,234.56 each; see https://example.com/docs/v2/guide?page=2&sort=name#section-3.\n\
    `git clone git@github.com:rust-lang/rust.git && cargo run --release -- --rate 20 --duration 5m`\n\
    | size | 128 | 256 | 512 | 1024 | 2048 | 4096 |\n| p50 | 12.5 | 13.1 | 14.9 | 20.2 | 33.3 | 61.0 |\n\
    commit 3f786850e387550fdab836ed7e6dc881de23001b, image logo@2x.png, @types/node@20.1.0, react@18.2.0\n\
    SELECT id, token_count FROM runs WHERE id BETWEEN 100000 AND 200000 AND key = 'name';\n\
    #include <vector>\nstd::vector<int> v{1, 2, 3}; a::b::c(d); x = y @ w.T\n\
    rgb(255, 128, 0) #ff8000 U+1F600 0xDEADBEEF 0b1010 1_000_000 ISO-8859-1 RFC 9110 ECMA-262\n\
    Room 101, floor 7, 90210 Beverly Hills, chapters 12-15, pages 100-200, GPT-4o-2024-08-06, llama-3.1-70b-instruct\n";

mod properties {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn config() -> ProptestConfig {
        ProptestConfig {
            rng_seed: RngSeed::Fixed(7),
            cases: 400,
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    /// Values of every kind, each with its check digits.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            ("[a-z][a-z0-9]{5,8}", "[a-z]{6,9}").prop_map(|(local, host)| format!("{local}@{host}.com")),
            "\\+49 1[5-7][0-9] [0-9]{7}",
            "0[1-9][0-9]{2}/[1-9][0-9]{6}",
            ("4[0-9]{14}", any::<bool>()).prop_map(|(digits, spaced)| card(&digits, spaced)),
            "[0-9]{18}".prop_map(|account| iban(&account)),
            "sk-[a-z]{2}[0-9]{3}[A-Za-z0-9]{20}",
            "ghp_[A-Za-z]{4}[0-9]{2}[A-Za-z0-9]{30}",
            "eyJ[A-Za-z0-9]{12}\\.eyJ[A-Za-z0-9]{12}\\.[A-Za-z0-9]{20}",
            (1u8..=254, 0u8..=255, 1u8..=254).prop_map(|(a, b, c)| format!("10.{a}.{b}.{c}")),
        ]
    }

    fn card(digits: &str, spaced: bool) -> String {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, b)| {
                let digit = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
                digit / 10 + digit % 10
            })
            .sum();
        let number = format!("{digits}{}", (10 - sum % 10) % 10);
        if !spaced {
            return number;
        }
        number
            .as_bytes()
            .chunks(4)
            .map(|c| String::from_utf8_lossy(c).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn iban(account: &str) -> String {
        let remainder =
            format!("{account}131400").bytes().fold(0u32, |r, b| (r * 10 + u32::from(b - b'0')) % 97);
        format!("DE{:02}{account}", 98 - remainder)
    }

    /// Every piece of six characters of a value, spaces left out.
    fn pieces(value: &str) -> Vec<String> {
        let plain: Vec<char> = value.chars().filter(|c| !c.is_whitespace()).collect();
        plain.windows(6).map(|w| w.iter().collect()).collect()
    }

    /// A text that holds a value in some dress.
    fn dressed(value: &str, dress: usize, before: &str, after: &str) -> String {
        match dress {
            0 => format!("{before} {value} {after}"),
            1 => format!("{before}\n{value}\n{after}"),
            2 => format!("[x](y:{value})"),
            3 => serde_json::json!({"a": [before, format!("x: {value}")], "b": value}).to_string(),
            4 => {
                serde_json::json!({"a": serde_json::json!({"b": value, "c": after}).to_string()}).to_string()
            }
            5 => format!("(\"{value}\"), '{value}'; <{value}>"),
            _ => format!("{value}, {value}. {before}"),
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn nothing_of_a_planted_value_is_left(
            value in value(), dress in 0usize..7, before in "[a-zA-Z,. ]{0,20}", after in "[a-zA-Z,. ]{0,20}",
        ) {
            let text = dressed(&value, dress, &before, &after);
            let masked = masked(&text);
            let plain: String = masked.chars().filter(|c| !c.is_whitespace()).collect();
            for piece in pieces(&value) {
                prop_assert!(!plain.contains(&piece) || before.contains(&piece), "{:?} of {:?} is left in {:?}", piece, value, masked);
            }
        }

        #[test]
        fn json_stays_json(value in value(), before in "\\PC{0,20}") {
            let inner = serde_json::json!({"v": format!("{before}\n{value}\t{before}"), "w": value}).to_string();
            let text = serde_json::json!({"a": inner, "b": [value]}).to_string();
            let outer: serde_json::Value = serde_json::from_str(&masked(&text)).expect("JSON");
            let inner = outer["a"].as_str().expect("a text");
            prop_assert!(serde_json::from_str::<serde_json::Value>(inner).is_ok(), "{}", inner);
        }

        #[test]
        fn any_text_can_be_masked(text in "\\PC{0,200}") {
            masked(&text);
        }

        #[test]
        fn any_marks_and_digits_can_be_masked(text in "[-+0-9a-fA-F:./@ ()<>=\"'\\\\%&?_\n\u{e9}\u{200b}skeyJ]{0,120}") {
            masked(&text);
        }
    }
}

#[test]
fn keys_alone_can_be_asked_for() {
    let text = "mail bob@example.com the key sk-abc123def456ghi789 or AKIAIOSFODNN7EXAMPL3";
    let found: Vec<&str> = super::keys(text).into_iter().map(|place| &text[place]).collect();
    assert_eq!(found, ["sk-abc123def456ghi789", "AKIAIOSFODNN7EXAMPL3"]);
}
