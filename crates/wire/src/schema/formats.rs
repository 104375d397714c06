//! Strings of the formats that JSON Schema names.

use super::{Draw, text};

/// A string of this format; none if nobody knows it.
pub(super) fn example(format: &str, draw: Draw) -> Option<String> {
    let number = |part: u64, least: usize, most: usize| least + draw.part(part).below(most - least + 1);
    let date = || format!("{:04}-{:02}-{:02}", number(1, 1990, 2029), number(2, 1, 12), number(3, 1, 28));
    let time = || format!("{:02}:{:02}:{:02}Z", number(4, 0, 23), number(5, 0, 59), number(6, 0, 59));
    let word = |part: u64| text::words(draw.part(part), 1, 1);
    Some(match format {
        "date-time" => format!("{}T{}", date(), time()),
        "date" => date(),
        "time" => time(),
        "duration" => format!("P{}DT{}H", number(7, 1, 30), number(8, 0, 23)),
        "email" | "idn-email" => format!("{}@{}.example", word(9), word(10)),
        "hostname" | "idn-hostname" => format!("{}.example", word(11)),
        "ipv4" => format!("192.0.2.{}", number(12, 1, 254)),
        "ipv6" => format!("2001:db8::{:x}", number(13, 1, 0xffff)),
        "uri" | "iri" | "url" => format!("https://{}.example/{}", word(14), word(15)),
        "uri-reference" | "iri-reference" => format!("/{}", word(16)),
        "uri-template" => format!("/{}/{{id}}", word(17)),
        "json-pointer" => format!("/{}/{}", word(18), number(19, 0, 9)),
        "relative-json-pointer" => format!("1/{}", word(20)),
        "regex" => format!("^{}$", word(21)),
        "uuid" => {
            let (high, low) = (draw.part(22).0, draw.part(23).0);
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                high >> 32,
                (high >> 16) & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            )
        }
        _ => return None,
    })
}
