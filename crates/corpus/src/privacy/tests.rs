use super::*;

fn masked(text: &str) -> String {
    Cleaner::new(Kinds::all(), Names::default()).prompt().mask(text)
}
#[test]
fn probe() {
    for text in [
        "write to bob@example.com.",
        "call +49 170 1234567 or 0170/1234567, (415) 555-2671",
        "card 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00",
        "10.1.2.3:80 v1.2.3.4 127.0.0.1 2001:db8::1 std::fmt",
        r#"{"a":"{\"mail\":\"jo\\u0040example.com\"}"}"#,
        "postgres://u:p@host.com/db",
        "password=hunter2",
        "\"token\": \"abcd1234\"",
        "sk-abcdefghijkl1234\nMNOPqr5678",
    ] {
        println!("{}", masked(text));
    }
}
