//! A finding for a terminal.

use floodline_core::finding::Finding;

use super::sentences::{facts, headline, not_met, short, used};
use crate::Style;
use crate::format::one_line;
use crate::style::{Ink, wrap};

const NAME: usize = 14;

/// The page. `folder` is where files were left, if any were.
pub fn terminal(finding: &Finding, folder: Option<&str>, style: Style) -> String {
    let mut text = String::new();
    let mut line = |ink: Ink, words: &str| {
        text += &style.ink(ink, &style.spell(words));
        text.push('\n');
    };
    let model = finding.model.as_deref().map(|model| format!("  {model}")).unwrap_or_default();
    line(Ink::Faint, &format!("limits of {}{model}", finding.target));
    for words in wrap(&headline(finding), style.columns()) {
        line(Ink::Strong, &words);
    }
    let mut pair = |name: &str, words: &str| {
        for (index, words) in wrap(words, style.columns() - NAME - 2).iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            line(Ink::Plain, &format!("  {name:<NAME$}{words}"));
        }
    };
    for limit in &finding.limits {
        pair("", "");
        pair(limit.dimension.name(), &short(limit));
        for (name, words) in facts(limit) {
            pair(&format!("  {name}"), &words);
        }
    }
    pair("", "");
    if let Some(words) = not_met(finding) {
        pair("not met", &words);
    }
    pair("used", &used(finding));
    if let Some(why) = &finding.ended_early {
        pair("ended early", &format!("{}; what is not known is left open", one_line(why, 300)));
    }
    if let Some(folder) = folder {
        pair("files", folder);
        if finding.limits.iter().any(|limit| limit.value.is_some()) {
            pair("the same", &format!("floodline stub --like {folder}/finding.json"));
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}
