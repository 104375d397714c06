//! Every way in which an answer can come, and the one outcome that each of them is.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use floodline_core::record::{AttemptEnd, TokenSource};
use floodline_core::{Finish, Outcome, Span};
use support::{Peer, STREAM, chunk, done, endpoint, finish, plan, run, run_script, server, token};

/// The outcome of one request that is answered with these bytes, after which the server closes.
fn answered(bytes: impl Into<Vec<u8>>) -> floodline_core::Record {
    let bytes = bytes.into();
    let mut records = run_script(1, move |_, mut peer: Peer| {
        peer.request();
        peer.say(&bytes);
    });
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn a_whole_stream_is_ok_and_its_tokens_are_counted_by_vocabulary_without_usage() {
    let r = answered([STREAM, &token("Hello"), &token(" world"), &finish(), &done()].concat());
    assert_eq!((r.outcome, r.finish, r.status), (Outcome::Ok, Some(Finish::Stop), Some(200)));
    assert_eq!(
        (r.output_tokens, r.token_source),
        (Some(2), Some(TokenSource::Tokenizer("o200k_base".into())))
    );
    assert!(r.scheduled <= r.sent.unwrap() && r.sent <= r.first_token && r.first_token <= r.last);
    assert_eq!(r.arrivals.events(), 2);
}

#[test]
fn usage_is_believed_before_anything_is_counted() {
    let usage = chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":41}}\n\n");
    let r = answered([STREAM, &token("Hello"), &finish(), &usage, &done()].concat());
    assert_eq!(
        (r.input_tokens, r.output_tokens, r.token_source),
        (Some(7), Some(41), Some(TokenSource::Usage))
    );
    // Both counts are kept, to be compared.
    assert_eq!((r.planned_input_tokens, r.counted_tokens), (Some(3), Some(1)));
}

#[test]
fn a_tool_call_is_not_held_against_the_servers_count() {
    let call = chunk(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":\
         {\"arguments\":\"{}\"}}]}}]}\n\n",
    );
    let usage = chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":41}}\n\n");
    let r = answered([STREAM, &call, &finish(), &usage, &done()].concat());
    assert_eq!((r.output_tokens, r.counted_tokens), (Some(41), None));
}

#[test]
fn a_stream_without_finish_and_end_mark_is_truncated() {
    let cut = answered([STREAM, &token("Hello")].concat());
    assert_eq!((cut.outcome, cut.output_tokens), (Outcome::Truncated, Some(1)));
    assert!(cut.first_token.is_some());
    // Also when its framing ends as it should.
    assert_eq!(answered([STREAM, &token("Hello"), "0\r\n\r\n"].concat()).outcome, Outcome::Truncated);
}

#[test]
fn a_stream_with_a_finish_reason_is_ok_though_it_lacks_its_end() {
    assert_eq!(answered([STREAM, &token("Hello"), &finish()].concat()).outcome, Outcome::Ok);
}

#[test]
fn a_stream_that_says_it_is_done_is_not_waited_for_any_longer() {
    let (tell, told) = std::sync::mpsc::channel();
    let records = run_script(1, move |_, mut peer| {
        peer.request();
        peer.say([STREAM, &token("Hello"), &finish(), &chunk("data: [DONE]\n\n")].concat());
        // Neither the framing nor the connection ends; idle and request limits are far away.
        tell.send(peer.wait_for_close()).unwrap();
    });
    assert_eq!(told.recv(), Ok(true), "the client ended it, not the server");
    assert_eq!((records[0].outcome, records[0].last), (Outcome::Ok, records[0].arrivals.last()));
}

#[test]
fn an_error_inside_a_stream_is_judged_by_its_code() {
    let error = chunk(
        "data: {\"error\":{\"message\":\"slow down\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}\n\n",
    );
    let r = answered([STREAM, &token("Hello"), &error, &done()].concat());
    assert_eq!((r.outcome, r.error.as_deref()), (Outcome::RateLimited, Some("slow down")));
}

#[test]
fn junk_is_malformed() {
    assert_eq!(answered([STREAM, &chunk("data: <html>\n\n"), &done()].concat()).outcome, Outcome::Malformed);
    assert_eq!(answered([STREAM, "nonsense\r\n"].concat()).outcome, Outcome::Malformed);
    assert_eq!(answered("SSH-2.0-OpenSSH_9.2\r\n").outcome, Outcome::Malformed);
}

#[test]
fn an_answer_that_is_no_stream_is_malformed_and_has_no_ttft() {
    let r = answered("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!((r.outcome, r.first_token), (Outcome::Malformed, None));
    assert!(r.error.unwrap().contains("text/html"));
}

#[test]
fn refusals_are_told_apart() {
    let refusal = |status: &str, body: &str| {
        answered(format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .outcome
    };
    assert_eq!(refusal("401 Unauthorized", "{\"error\":{\"message\":\"no\"}}"), Outcome::ClientError);
    assert_eq!(refusal("429 Too Many Requests", "{\"error\":{\"message\":\"wait\"}}"), Outcome::RateLimited);
    assert_eq!(
        refusal("429 Too Many Requests", "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"pay\"}}"),
        Outcome::QuotaExceeded
    );
    assert_eq!(refusal("529 Overloaded", "{}"), Outcome::Overloaded);
    assert_eq!(refusal("500 Internal Server Error", "oops"), Outcome::ServerError);
}

#[test]
fn a_stream_that_stalls_times_out_and_keeps_what_came() {
    let port = server(|_, mut peer| {
        peer.request();
        peer.say([STREAM, &token("Hello")].concat());
        peer.wait_for_close();
    });
    let mut plan = plan(1);
    plan.timeouts.idle = Span::from_millis(100);
    let left = run(plan, endpoint(format!("http://127.0.0.1:{port}/v1"))).unwrap();
    let r = &left.records[0];
    assert_eq!(r.outcome, Outcome::Timeout);
    assert!(r.first_token.is_some());
    // The last byte is the last byte; when patience ended is the attempt's to say.
    assert_eq!(r.last, r.first_token);
    assert!(r.attempts[0].last.since(r.first_token.unwrap()) >= Span::from_millis(100));
    assert_eq!(r.output_tokens, Some(1));
}

#[test]
fn an_answer_that_takes_too_long_times_out_although_it_keeps_coming() {
    let port = server(|_, mut peer| {
        peer.request();
        peer.say(STREAM);
        // The socket's own buffer is the pace: it ends when the client closes.
        while std::io::Write::write_all(&mut peer.0, token("x").as_bytes()).is_ok() {}
    });
    let mut plan = plan(1);
    plan.timeouts.request = Span::from_millis(150);
    let left = run(plan, endpoint(format!("http://127.0.0.1:{port}/v1"))).unwrap();
    assert_eq!(left.records[0].outcome, Outcome::Timeout);
}

#[test]
fn connections_are_kept_and_used_again() {
    let answer = [STREAM, &token("Hello"), &finish(), &done()].concat();
    let records = run_script(3, move |connection, mut peer| {
        assert_eq!(connection, 0, "one connection serves all three");
        while peer.request().is_some() {
            peer.say(&answer);
        }
    });
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok));
    assert_eq!(records.iter().filter(|r| r.connect.is_some()).count(), 1);
}

#[test]
fn a_kept_connection_that_the_server_closed_is_replaced_once_and_recorded() {
    let answer = [STREAM, &token("Hello"), &finish(), &done()].concat();
    let records = run_script(2, move |connection, mut peer| {
        peer.request();
        peer.say(&answer);
        if connection == 0 {
            // Takes the second request and closes without a word.
            peer.request();
        }
    });
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    let ends: Vec<AttemptEnd> = records[1].attempts.iter().map(|a| a.end).collect();
    assert_eq!(ends, [AttemptEnd::Reconnect, AttemptEnd::Outcome(Outcome::Ok)]);
}

#[test]
fn a_server_that_never_answers_on_a_new_connection_is_a_failed_connection() {
    let records = run_script(1, |_, mut peer| {
        peer.request();
    });
    assert_eq!(records[0].outcome, Outcome::Connection);
}

#[test]
fn an_early_answer_counts_although_the_request_was_not_taken_whole() {
    let r = answered("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    assert_eq!((r.outcome, r.status), (Outcome::ClientError, Some(413)));
}

#[test]
fn whole_answers_have_latency_but_no_ttft() {
    let body = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}],\
                \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let port = server(move |_, mut peer| {
        peer.request();
        peer.say(&answer);
    });
    let mut endpoint = endpoint(format!("http://127.0.0.1:{port}/v1"));
    endpoint.stream = false;
    let left = run(plan(1), endpoint).unwrap();
    let r = &left.records[0];
    assert_eq!((r.outcome, r.finish, r.output_tokens), (Outcome::Ok, Some(Finish::Stop), Some(1)));
    assert_eq!(r.first_token, None);
    assert!(r.last > r.sent);
}

#[test]
fn bodies_delimited_by_length_and_by_close_are_streams_too() {
    let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n";
    let close =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\u{feff}: hello\r\n{events}");
    assert_eq!(answered(close).outcome, Outcome::Ok);
    let length = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{events}",
        events.len()
    );
    assert_eq!(answered(length).outcome, Outcome::Ok);
}
