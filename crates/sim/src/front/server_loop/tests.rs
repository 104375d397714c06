//! The loop step by step, on socket pairs: what one turn does and what it leaves for the next.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use super::super::config::Provides;
use super::super::connection::DRAIN;
use super::*;

fn new_loop() -> Loop {
    loop_with(Provides::default())
}

fn loop_with(provides: Provides) -> Loop {
    let entrance = Entrance::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (routes, behind) = Routes::new(vec![provides]);
    let providers = Providers::new(behind, false, false).unwrap();
    let (_, stop) = UnixStream::pair().unwrap();
    Loop::new(Poller::new().unwrap(), (entrance, None), stop, providers, routes, Arc::default()).unwrap()
}

/// A connection that no poller knows: its events are made by the test.
fn connect(server: &mut Loop) -> (u64, UnixStream) {
    let (ours, client) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    client.set_nonblocking(true).unwrap();
    let key = server.slots.insert(Box::new(Connection::new(ours.into())));
    (key, client)
}

/// Sends until the socket is full; how many bytes.
fn pour(client: &mut UnixStream) -> usize {
    let mut sent = 0;
    loop {
        match client.write(&[b'x'; 8_192]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

fn readable(key: u64) -> Ready {
    Ready { key, readable: true, writable: false, hangup: false }
}

fn unread(server: &mut Loop, key: u64) -> usize {
    let connection = server.slots.get_mut(key).unwrap();
    rustix::io::ioctl_fionread(connection.fd()).unwrap() as usize
}

#[test]
fn a_client_that_pours_is_read_once_and_waits_for_its_next_turn() {
    let mut server = new_loop();
    let (key, mut client) = connect(&mut server);
    client.write_all(b"POST / HTTP/1.1\r\ncontent-length: 60000000\r\n\r\n").unwrap();
    pour(&mut client);
    let before = unread(&mut server, key);
    assert!(before > READ);
    server.drive(key, readable(key));
    assert_eq!(unread(&mut server, key), before - READ);
    // Further events do not give it further turns.
    server.drive(key, readable(key));
    assert_eq!(server.turns, [key]);
    while !server.turns.is_empty() {
        server.take_turn();
    }
    assert_eq!(unread(&mut server, key), 0);
    assert!(!server.slots.get_mut(key).unwrap().readable);
}

#[test]
fn an_end_that_was_announced_once_is_found_after_everything_before_it() {
    let mut server = new_loop();
    let (key, mut client) = connect(&mut server);
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        "x".repeat(17_000)
    );
    for _ in 0..4 {
        let head = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
        client.write_all((head + &body).as_bytes()).unwrap();
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    server.drive(key, Ready { hangup: true, ..readable(key) });
    for _ in 0..50 {
        server.write_what_is_due();
        server.take_turn();
    }
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4);
    assert!(server.slots.get_mut(key).is_none());
}

#[test]
fn a_client_that_does_not_stop_after_an_error_is_cut_off() {
    let mut server = new_loop();
    let (key, mut client) = connect(&mut server);
    client.write_all(b"nonsense\r\n\r\n").unwrap();
    server.drive(key, readable(key));
    let mut sent = 0;
    while server.slots.get_mut(key).is_some() {
        sent += pour(&mut client);
        assert!(sent < 2 * DRAIN);
        server.drive(key, readable(key));
    }
    assert!(sent > DRAIN);

    let (key, mut client) = connect(&mut server);
    client.write_all(b"nonsense\r\n\r\n").unwrap();
    server.drive(key, readable(key));
    let (until, _) = *server.drains.back().unwrap();
    server.end_drains(Moment(until.0 - 1));
    assert!(server.slots.get_mut(key).is_some());
    server.end_drains(until);
    assert!(server.slots.get_mut(key).is_none());
}

#[test]
fn accepting_waits_after_any_error_that_may_last() {
    let mut server = new_loop();
    // It is no listener, and will not become one.
    let (no_listener, _other) = UnixStream::pair().unwrap();
    server.entrance.listen_on(no_listener.into());
    server.accept();
    assert!(server.accept_again.is_some_and(|at| at > Moment::START));
    assert_eq!(server.front.shared.stats().accept_failures, 1);
}

/// Regression: alarms of answers whose clients had left stayed until they were due.
#[test]
fn answers_that_are_no_more_leave_no_alarms() {
    let faults = serde_json::from_str(r#"["slow 1h"]"#).unwrap();
    let mut server = loop_with(Provides { faults, ..Provides::default() });
    let body = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}]}"#;
    let length = body.len();
    let request = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
    let ask = |server: &mut Loop| {
        let (key, mut client) = connect(server);
        client.write_all(request.as_bytes()).unwrap();
        server.drive(key, readable(key));
        server.write_what_is_due();
        (key, client)
    };
    let stays = [ask(&mut server), ask(&mut server), ask(&mut server)];
    for _ in 0..50 {
        let (key, client) = ask(&mut server);
        assert_eq!(server.alarms.iter().filter(|Reverse((_, of, _))| *of == key).count(), 1);
        drop(client);
        server.drive(key, Ready { hangup: true, ..readable(key) });
        assert!(server.slots.get_mut(key).is_none());
        server.housekeeping();
        assert!(server.alarms.len() <= 2 * stays.len(), "{}", server.alarms.len());
    }
    for (key, _) in &stays {
        assert!(server.alarms.iter().any(|Reverse((_, of, _))| of == key), "what goes on is kept");
    }
    for (key, client) in stays {
        drop(client);
        server.drive(key, Ready { hangup: true, ..readable(key) });
    }
    server.housekeeping();
    assert!(server.alarms.is_empty());
}

/// Regression: after one error nobody who runs the server was let in any more.
#[test]
fn those_who_run_it_are_let_in_after_an_error() {
    let mut server = new_loop();
    let (no_listener, _other) = UnixStream::pair().unwrap();
    server.admin = Some(no_listener.into());
    server.accept_admin();
    assert!(server.admin_again.is_some_and(|at| at > Moment::START));
    assert_eq!(server.front.shared.stats().accept_failures, 1);
    assert!(server.housekeeping().is_some_and(|wait| wait <= ACCEPT_AGAIN), "it comes back by itself");

    // What waits by then has been announced, and will not be again.
    let listener = net::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let _client = std::net::TcpStream::connect(net::local_addr(&listener).unwrap()).unwrap();
    server.admin = Some(listener);
    // Somebody leaves, and so there is a descriptor at once.
    let (key, _) = connect(&mut server);
    server.close(key);
    server.housekeeping();
    assert_eq!(server.slots.iter().filter(|(_, connection)| connection.admin).count(), 1);
    assert_eq!(server.admin_again, None);
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_that_cannot_wait_says_why_it_ended() {
    let mut server = new_loop();
    server.poller = Poller::broken();
    let shared = Arc::clone(&server.front.shared);
    assert_eq!(shared.failed(), None);
    server.run();
    assert!(shared.failed().is_some_and(|why| why.contains("Invalid argument")));
}
