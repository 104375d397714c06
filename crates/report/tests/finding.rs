//! What people read of a finding.

use floodline_core::finding::{
    Claim, FORMAT, Finding, FoundAlgorithm, FoundDimension, FoundLimit, FoundPrecharge, FoundScope,
    FoundWait, NotMet, VERSION,
};
use floodline_core::limits::{Limits, Settlement, Start};
use floodline_report::{Style, finding};

const STYLE: Style = Style { colour: false, width: 100, unicode: true };

fn limit(dimension: FoundDimension) -> FoundLimit {
    FoundLimit {
        dimension,
        value: Some(30.0),
        interval: Some((30.0, 30.0)),
        window_s: Some(3.0),
        algorithm: FoundAlgorithm::FixedWindow,
        burst: None,
        precharge: FoundPrecharge::None,
        settlement: None,
        scope: FoundScope::Key,
        refusals_count: None,
        status: Some(429),
        retry_after: FoundWait::Short,
        start: Some(Start::Epoch),
        every_s: None,
        leaky: false,
        approximate: false,
        stated_value: Some(600),
        stated_dimension: Some("rpm".into()),
        confidence: 0.98,
    }
}

fn two() -> Finding {
    let tokens = FoundLimit {
        value: Some(2_999.4),
        interval: Some((2_990.2, 3_007.0)),
        algorithm: FoundAlgorithm::Bucket,
        burst: Some(3_000.0),
        precharge: FoundPrecharge::PromptPlusMaxTokens,
        settlement: Some(Settlement::Refund),
        scope: FoundScope::Shared,
        refusals_count: Some(true),
        retry_after: FoundWait::Exact,
        start: None,
        stated_value: Some(5_000),
        stated_dimension: None,
        confidence: 0.69,
        ..limit(FoundDimension::Tpm)
    };
    Finding {
        format: FORMAT.into(),
        version: VERSION,
        target: "http://127.0.0.1:8080/v1/chat/completions".into(),
        model: Some("m".into()),
        limits: vec![limit(FoundDimension::Rpm), tokens],
        not_met: NotMet { concurrency: Some(16), ..NotMet::default() },
        requests_used: 347,
        spent_usd: None,
        took_s: 28.2,
        confidence: 0.69,
        ended_early: Some("the time that it may take was up".into()),
    }
}

#[test]
fn a_finding_on_a_terminal() {
    insta::assert_snapshot!(finding::terminal(&two(), Some("runs/x"), STYLE));
}

#[test]
fn a_finding_as_markdown() {
    let found = two();
    insta::assert_snapshot!(finding::markdown(&found, found.limits().ok().as_ref()));
}

#[test]
fn nothing_found() {
    let found = Finding {
        limits: Vec::new(),
        not_met: NotMet {
            concurrency: Some(64),
            requests: Some(1_200),
            tokens: Some(310_000),
            claimed: vec![Claim { dimension: FoundDimension::Rpm, value: 5_000 }],
        },
        ended_early: None,
        ..two()
    };
    insta::assert_snapshot!(finding::terminal(&found, None, STYLE));
}

#[test]
fn a_page_escapes_what_comes_from_elsewhere() {
    let found = Finding { target: "http://h/<script>".into(), ..two() };
    let page = finding::page(&found, None);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
}

#[test]
fn limits_as_yaml_are_those_of_the_finding() {
    let limits = two().limits().unwrap();
    let yaml = finding::limits_yaml(&limits);
    insta::assert_snapshot!(yaml);
    // The same through JSON, as `--like` reads it.
    let again: Finding = serde_json::from_str(&serde_json::to_string(&two()).unwrap()).unwrap();
    assert_eq!(again.limits().unwrap(), limits);
    let kept: Limits = serde_json::from_value(serde_json::to_value(&limits).unwrap()).unwrap();
    assert_eq!(kept, limits);
}
