use proptest::prelude::*;

use super::*;
use crate::time::{Moment, Span};

fn line(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn json(text: &str) -> Result<Fault, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn wrong(text: &str) -> String {
    text.parse::<Fault>().unwrap_err().to_string()
}

#[test]
fn an_end_beyond_the_clock_is_no_end() {
    assert!(wrong("outage from 200000d for 200000d").contains("five hundred years"));
    assert!(line("outage from 200000d").when.times.lasting.is_none());
}

#[test]
fn a_line_says_what_a_mapping_says() {
    for (short, mapping) in [
        (
            "status 529 rate 5% from 10s until 40s model gpt-4o",
            r#"{"kind":"status","status":529,"rate":"5%","from":"10s","until":"40s","model":"gpt-4o"}"#,
        ),
        ("timeout", r#"{"kind":"timeout"}"#),
        ("slow 2s", r#"{"kind":"slow","delay":"2s"}"#),
        ("slow x1.5 rate 0.25%", r#"{"kind":"slow","factor":1.5,"rate":"0.25%"}"#),
        (
            "stall after 20 tokens for 10s nth 3,7",
            r#"{"kind":"stall","after_tokens":20,"for":"10s","nth":[3,7]}"#,
        ),
        ("stall", r#"{"kind":"stall","after_tokens":1}"#),
        ("disconnect close after 0", r#"{"kind":"disconnect","how":"close","after_tokens":0}"#),
        ("end-early after_tokens 4 nth 10..20", r#"{"kind":"end_early","after_tokens":4,"nth":["10..20"]}"#),
        ("malformed framing every-nth 10", r#"{"kind":"malformed","what":"framing","every_nth":10}"#),
        ("error rate_limited after 2 tokens", r#"{"kind":"error","error":"rate_limited","after_tokens":2}"#),
        ("length 20", r#"{"kind":"length","after_tokens":20}"#),
        ("content_type text/plain", r#"{"kind":"content_type","content_type":"text/plain"}"#),
        ("refuse rate 10%", r#"{"kind":"refuse","rate":"10%"}"#),
        ("outage from 1m for 30s", r#"{"kind":"outage","from":"1m","for":"30s"}"#),
        ("outage from 1m until 90s every 5m", r#"{"kind":"outage","from":"60s","for":"30s","every":"5m"}"#),
        (
            "status 503 retry_after 5s key ${env:KEY_A} message Try again later.",
            r#"{"kind":"status","status":503,"retry_after":"5s","key":"env:KEY_A","message":"Try again later."}"#,
        ),
    ] {
        assert_eq!(Ok(line(short)), json(mapping), "{short}");
    }
}

#[test]
fn a_stall_has_its_own_length_and_ends_by_until() {
    let fault = line("stall for 10s from 5s until 8s");
    assert_eq!(fault.kind, Kind::Stall { after_tokens: 1, lasting: Some(Span::from_secs(10)) });
    assert_eq!(fault.when.times.lasting, Some(Span::from_secs(3)));
}

#[test]
fn what_is_written_is_read_again() {
    let all = serde_json::from_str::<Faults>(
        r#"["status 400", {"kind":"refuse"}, "slow 4x", "error overloaded after 3", "stall after 0", "length 1"]"#,
    );
    let text = serde_json::to_string(&all.unwrap()).unwrap();
    assert_eq!(
        text,
        r#"[{"kind":"status","status":400},{"kind":"refuse"},{"kind":"slow","factor":4},"#.to_owned()
            + r#"{"kind":"error","error":"overloaded","after_tokens":3},{"kind":"stall","after_tokens":0},"#
            + r#"{"kind":"length"}]"#
    );
}

#[test]
fn errors_say_what_would_be_right() {
    for (text, expected) in [
        ("", "a fault needs a `kind`: write one of status, timeout, slow,"),
        ("stal", "`stal` is no kind of fault: did you mean `stall`?"),
        ("latency 2s", "did you mean `slow`?"),
        ("status", "needs its `status`: such as status: 529"),
        ("status 200", "200 is no status of an error: write one from 400 to 599"),
        ("status x", "`x` is not a whole number"),
        ("status 500 rat 5%", "a fault has no field `rat`: did you mean `rate`?"),
        ("status 500 rate", "`rate` has no value"),
        ("status 500 rate 5", "`5` is no share of requests: write a percentage"),
        ("status 500 rate 0%", "`0%` is no share"),
        ("status 500 rate 101%", "`101%` is no share"),
        ("status 500 rate 5% rate 6%", "`rate` is given twice: keep one"),
        ("status 500 nth 0", "requests are counted from 1"),
        ("status 500 nth 7..3", "`7..3` runs backwards"),
        ("status 500 every_nth 1", "write 2 or more"),
        ("status 500 nth 3 every_nth 2", "two ways to count"),
        ("status 500 from 10s until 10s", "it ends at 10.0 s, before it begins at 10.0 s"),
        ("status 500 from 10", "`10` is not a duration"),
        ("status 500 until 10s for 2s", "both say when it ends"),
        ("status 500 every 1m", "what repeats needs an end: add `for` or `until`"),
        ("status 500 for 1m every 1m", "without a pause"),
        ("timeout after 3 tokens", "`after_tokens` says nothing to a fault of kind `timeout`: leave it out"),
        ("slow", "needs a `delay` or a `factor`"),
        ("slow 2s factor 3", "keep one of the two"),
        ("slow 1x", "`1x` is no factor of a slow answer"),
        ("slow 0s", "`delay` must be above zero"),
        ("disconnect sideways", "`sideways` is no `how` of a fault: write reset or close"),
        ("error", "needs its `error`: write error: overloaded"),
        ("length 0", "an answer of no tokens is none"),
        ("content_type html", "`html` is no media type"),
        ("refuse model m", "before anything is known of its requests: leave `model` out"),
        ("outage rate 5%", "an outage strikes everything"),
    ] {
        let said = wrong(text);
        assert!(said.contains(expected), "{text:?}: {said}");
    }
    assert!(json(r#"{"kind":"status","status":500,"nth":[]}"#).unwrap_err().contains("empty"));
    assert!(json("7").unwrap_err().contains("a fault, such as {kind: status"));
    let many = format!("[{}\"timeout\"]", "\"timeout\",".repeat(MAX_FAULTS));
    assert!(
        serde_json::from_str::<Faults>(&many).unwrap_err().to_string().contains("101 faults are too many")
    );
}

#[test]
fn a_key_is_never_repeated() {
    let said = wrong("status 500 key sk-secret-value");
    assert!(said.contains("${env:NAME}") && !said.contains("secret-value"), "{said}");
    let mut faults =
        Faults::new(vec![line("timeout key env:A"), line("timeout key 00000000000000ff")]).unwrap();
    assert_eq!(faults.clone().resolve_keys(|_| None), Err("A".into()));
    faults.resolve_keys(|name| (name == "A").then_some(7)).unwrap();
    let keys: Vec<_> = faults.iter().map(|fault| fault.when.key.clone()).collect();
    assert_eq!(keys, [Some(Key::Hash(7)), Some(Key::Hash(255))]);
}

#[test]
fn times_are_half_open_and_repeat() {
    let at = |seconds| Moment(Span::from_secs(seconds).0);
    let times = line("timeout from 10s until 15s every 1m").when.times;
    for (seconds, within) in
        [(0, false), (10, true), (14, true), (15, false), (69, false), (70, true), (75, false)]
    {
        assert_eq!(times.contain(at(seconds)), within, "{seconds}");
    }
    assert!(times.contain(Moment(at(15).0 - 1)) && !times.contain(Moment(at(10).0 - 1)));
    let changes = [(0, 10), (9, 10), (10, 15), (14, 15), (15, 70), (70, 75), (75, 130)];
    assert!(changes.into_iter().all(|(now, next)| times.next_change(at(now)) == Some(at(next))));
    let once = line("timeout from 10s").when.times;
    assert_eq!((once.next_change(at(3)), once.next_change(at(10))), (Some(at(10)), None));
    assert_eq!(line("timeout").when.times.next_change(at(0)), None);
}

#[test]
fn models_and_keys_are_told_apart() {
    let means = |text: &str, key, model| line(text).when.means(Moment(0), key, model);
    assert!(means("timeout model gpt-4o", 1, "gpt-4o") && !means("timeout model gpt-4o", 1, "gpt-4o-mini"));
    assert!(means("timeout model gpt-4o*", 1, "gpt-4o-mini") && !means("timeout model gpt-4o*", 1, "gpt-3"));
    assert!(means("timeout key 0000000000000001", 1, "m") && !means("timeout key 0000000000000001", 2, "m"));
    assert!(!means("timeout key env:UNSET", 1, "m"), "a reference that nobody resolved strikes nobody");
}

fn times() -> impl Strategy<Value = Times> {
    let span = || (1u64..100_000).prop_map(Span::from_millis);
    (0u64..100_000, proptest::option::of(span()), proptest::option::of(span())).prop_map(
        |(from, lasting, pause)| Times {
            from: Span::from_millis(from),
            lasting,
            every: lasting.and_then(|lasting| Some(lasting + pause?)),
        },
    )
}

fn fault() -> impl Strategy<Value = Fault> {
    let after_tokens = 0u32..50;
    let kind = prop_oneof![
        (400u16..600, proptest::option::of("[a-z]{1,9}( [a-z]{1,9}){0,3}")).prop_map(|(status, message)| {
            Kind::Status {
                status,
                message: message.map(Into::into),
                retry_after: Some(Span::from_millis(1_500)),
            }
        }),
        Just(Kind::Timeout),
        (1_001u64..99_999).prop_map(|factor| Kind::Slow(Slow::Thousandths(factor))),
        (1u64..9_999).prop_map(|ms| Kind::Slow(Slow::By(Span::from_millis(ms)))),
        after_tokens.clone().prop_map(|after_tokens| Kind::Stall { after_tokens, lasting: None }),
        after_tokens.clone().prop_map(|after_tokens| Kind::Disconnect { after_tokens, how: Cut::Close }),
        after_tokens.clone().prop_map(|after_tokens| Kind::EndEarly { after_tokens }),
        after_tokens.clone().prop_map(|after_tokens| Kind::Malformed { after_tokens, what: Harm::Framing }),
        after_tokens.prop_map(|after_tokens| Kind::Error { after_tokens, error: Failure::ServerError }),
        (1u32..50).prop_map(|after_tokens| Kind::Length { after_tokens }),
        Just(Kind::ContentType { content_type: "text/html".into() }),
    ];
    let nth = prop_oneof![
        (2u64..99).prop_map(Nth::Every),
        proptest::collection::vec((1u64..50, 0u64..9), 1..4)
            .prop_map(|list| Nth::Listed(list.into_iter().map(|(from, more)| (from, from + more)).collect())),
    ];
    let rate = (1u32..=1_000_000).prop_map(|millionths| Rate::of_millionths(millionths).unwrap());
    let key = prop_oneof![any::<u64>().prop_map(Key::Hash), Just(Key::Env("KEY_1".into()))];
    let model = proptest::option::of("[a-z0-9.:/-]{1,12}[*]?").prop_map(|name| name.map(Into::into));
    (kind, times(), proptest::option::of(nth), rate, model, proptest::option::of(key)).prop_map(
        |(kind, times, nth, rate, model, key)| Fault { kind, when: When { times, nth, rate, model, key } },
    )
}

proptest! {
    #[test]
    fn every_fault_comes_back_from_its_line_and_its_mapping(fault in fault()) {
        prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault.clone()), "{}", fault);
        let mapping = serde_json::to_string(&fault).unwrap();
        prop_assert_eq!(json(&mapping), Ok(fault), "{}", mapping);
    }

    #[test]
    fn no_line_makes_the_reader_panic(text in "\\PC{0,80}", tail in "[a-z0-9_ .%{}$:,-]{0,60}") {
        let _ = text.parse::<Fault>();
        let _ = format!("status 500 {tail}").parse::<Fault>();
        let _ = format!("slow {tail}").parse::<Fault>();
    }

    #[test]
    fn times_change_when_they_say_so(times in times(), now in 0u64..400_000) {
        let now = Moment(Span::from_millis(now).0);
        let within = times.contain(now);
        match times.next_change(now) {
            None => prop_assert_eq!(times.contain(now + Span::from_secs(1_000)), within),
            Some(next) => {
                prop_assert!(next > now);
                prop_assert_ne!(times.contain(next), within);
                prop_assert_eq!(times.contain(Moment(next.0 - 1)), within);
                prop_assert_eq!(times.contain(Moment(now.0 + (next.0 - now.0) / 2)), within);
            }
        }
    }
}
