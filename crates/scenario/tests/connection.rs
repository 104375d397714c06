//! How a target is connected to: what can be said of it, what does not go together, and where a proxy comes from.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use floodline_core::connection::{Connection, Connections, Dns, Http};
use floodline_scenario::{Overrides, QuickForm};
use support::World;

fn connection(world: &World, members: &str) -> Connection {
    let text = format!("target: {{url: 'https://api.example.com/v1', model: m{members}}}");
    world.resolve(&text).unwrap().plan.target.connection
}

/// What is wrong with a target that has these members.
fn error(members: &str) -> String {
    World::new().error(&format!("target: {{url: 'https://api.example.com/v1', model: m, {members}}}"))
}

#[test]
fn nothing_said_is_the_usual_and_takes_no_room_in_the_plan() {
    let resolved = World::new().resolve("target: {url: 'https://h/v1', model: m}").unwrap();
    assert!(resolved.plan.target.connection.is_usual());
    let json = serde_json::to_value(&resolved.plan).unwrap();
    assert!(json["target"].get("connection").is_none());
}

#[test]
fn every_key_is_read() {
    let all = ", http: 2, connections: 4, proxy: 'http://10.0.0.1:3128', source_addresses: [10.0.0.7, 10.0.0.8], \
               dns: per_connection, compression: true";
    assert_eq!(
        connection(&World::new(), all),
        Connection {
            http: Http::Two,
            connections: Connections::PerWorker(4),
            proxy: Some("10.0.0.1:3128".into()),
            source_addresses: vec!["10.0.0.7".parse().unwrap(), "10.0.0.8".parse().unwrap()],
            dns: Dns::PerConnection,
            compression: true,
        }
    );
    let per_request =
        connection(&World::new(), ", http: 1.1, connections: per_request, proxy: none, dns: once");
    assert_eq!(per_request, Connection { connections: Connections::PerRequest, ..Connection::default() });
}

#[test]
fn what_does_not_go_together_is_said() {
    for (members, message) in [
        ("http: 3", "`3` is not a version of HTTP: expected 1 or 2"),
        ("connections: 4", "a number of connections needs HTTP/2"),
        ("http: 2, connections: 0", "there must be at least one connection"),
        ("http: 2, connections: 100000", "100000 connections for each worker are too many"),
        ("http: 2, connections: per_request", "HTTP/2 is many requests on one connection"),
        ("connections: closed", "`closed` is not a way to keep connections"),
        ("dns: never", "`never` is not when names can be looked up: expected once or per_connection"),
        ("source_addresses: [eth0]", "`eth0` is not an IP address"),
        ("source_addresses: [0.0.0.0]", "nothing can be sent from 0.0.0.0"),
        ("source_addresses: [10.0.0.7, 'fd00::7']", "source addresses are IPv4 or IPv6, not both"),
        ("source_addresses: [10.0.0.7, 10.0.0.7]", "10.0.0.7 is given twice"),
        ("proxy: 'socks5://h:1080'", "SOCKS proxies are not supported"),
        ("proxy: 'http://h/path'", "the URL of a proxy ends with its host and port"),
    ] {
        let error = error(members);
        assert!(error.contains(message), "{error}");
    }
    let plain = "target: {url: 'http://h/v1', model: m, http: 2, proxy: 'http://p:1'}";
    let error = World::new().error(plain);
    assert!(error.contains("HTTP/2 without TLS cannot go through a proxy, and `proxy` names one"), "{error}");
}

#[test]
fn the_environment_names_a_proxy_for_each_scheme() {
    let world = World::new().env("HTTPS_PROXY", "http://secure:1").env("http_proxy", "plain:2");
    let proxy = |world: &World, url: &str| {
        let text = format!("target: {{url: '{url}', model: m}}");
        world.resolve(&text).unwrap().plan.target.connection.proxy
    };
    assert_eq!(proxy(&world, "https://h/v1").as_deref(), Some("secure:1"));
    assert_eq!(proxy(&world, "http://h/v1").as_deref(), Some("plain:2"));
    let all = World::new().env("all_proxy", "http://all:3").env("HTTPS_PROXY", "");
    assert_eq!(proxy(&all, "https://h/v1").as_deref(), Some("all:3"));
    assert_eq!(proxy(&World::new(), "https://h/v1"), None);
    for here in
        ["http://127.0.0.1:8000/v1", "http://127.9.9.9/v1", "http://[::1]/v1", "http://localhost:1/v1"]
    {
        assert_eq!(proxy(&world, here), None, "{here}");
    }
    let excepted = world.env("NO_PROXY", "corp.example, h");
    assert_eq!(proxy(&excepted, "https://h/v1"), None);
    assert_eq!(proxy(&excepted, "https://api.corp.example/v1"), None);
    assert_eq!(proxy(&excepted, "https://other/v1").as_deref(), Some("secure:1"));
}

#[test]
fn a_proxy_that_is_written_goes_before_the_environment_and_applies_everywhere() {
    let world = World::new().env("HTTPS_PROXY", "http://environment:1").env("NO_PROXY", "*");
    assert_eq!(connection(&world, ", proxy: none").proxy, None);
    assert_eq!(connection(&world, ", proxy: 'http://written:2'").proxy.as_deref(), Some("written:2"));
    let here = "target: {url: 'http://127.0.0.1:8000/v1', model: m, proxy: 'http://127.0.0.1:3128'}";
    let plan = world.resolve(here).unwrap().plan;
    assert_eq!(plan.target.connection.proxy.as_deref(), Some("127.0.0.1:3128"));
}

#[test]
fn a_proxys_credentials_come_from_the_environment_and_are_written_nowhere() {
    let world = World::new()
        .env("HTTPS_PROXY", "http://me:canary-password@proxy.example:3128")
        .env("MINE", "http://me:canary-password@proxy.example:3128");
    for members in ["", ", proxy: env", ", proxy: '${env:MINE}'"] {
        let text = format!("target: {{url: 'https://h/v1', model: m{members}}}");
        let resolved = world.resolve(&text).unwrap();
        let plan = serde_json::to_string(&resolved.plan).unwrap();
        assert!(plan.contains("\"proxy\":\"proxy.example:3128\""), "{plan}");
        assert!(!format!("{resolved:?}{:?}{plan}", resolved.targets[0].secrets).contains("canary"));
        let told = resolved.targets[0].secrets.proxy_authorization.as_ref().unwrap();
        assert_eq!(told.expose(), "Basic bWU6Y2FuYXJ5LXBhc3N3b3Jk");
        assert_eq!(
            resolved.targets[0].secrets.values().collect::<Vec<_>>(),
            ["canary-password", "bWU6Y2FuYXJ5LXBhc3N3b3Jk"]
        );
    }
    let literal = error("proxy: 'http://me:canary@proxy.example:3128'");
    assert!(
        literal.contains("must not be written in a scenario") && literal.contains("${env:NAME}"),
        "{literal}"
    );
    assert!(!literal.contains("canary"), "{literal}");
    let wrong = World::new().env("HTTPS_PROXY", "https://me:canary@h:1");
    let error = wrong.error("target: {url: 'https://h/v1', model: m}");
    assert!(error.contains("`HTTPS_PROXY` is no proxy to go through"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn the_built_in_provider_is_reached_as_it_can_be() {
    let text = "target: {url: 'https://h/v1', model: m, http: 2, connections: 4, proxy: '${env:NONE}'}";
    let overrides = Overrides { url: Some("stub:".into()), ..Overrides::default() };
    let resolved = World::new().resolve_with(text, &overrides).unwrap();
    assert!(resolved.plan.target.connection.is_usual());
    assert_eq!(resolved.warnings.len(), 2, "{:?}", resolved.warnings);
}

#[test]
fn the_quick_form_can_say_so_too() {
    let form = QuickForm {
        url: Some("https://h/v1".into()),
        model: Some("m".into()),
        http2: true,
        proxy: Some("http://10.0.0.1:3128".into()),
        ..QuickForm::default()
    };
    let plan = World::new().quick(&form).unwrap().plan;
    assert_eq!(plan.target.connection.http, Http::Two);
    assert_eq!(plan.target.connection.proxy.as_deref(), Some("10.0.0.1:3128"));
    let again = World::new().resolve(&form.to_yaml()).unwrap().plan;
    assert_eq!(again.target.connection, plan.target.connection);
    let form = QuickForm { http2: false, proxy: Some("none".into()), no_keep_alive: true, ..form };
    let again = World::new().resolve(&form.to_yaml()).unwrap().plan;
    assert_eq!(again.target.connection.connections, Connections::PerRequest);
}
