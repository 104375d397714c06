//! Short, medium and long prompts, by their real tokens, and keeping a part of a corpus.

use serde::Serialize;

use crate::corpus::{Corpus, Prompt};

/// How long a prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A question.
    Short,
    /// A page or several.
    Medium,
    /// Whole documents, or long conversations.
    Long,
}

impl Category {
    /// All of them, the shortest first.
    pub const ALL: [Category; 3] = [Category::Short, Category::Medium, Category::Long];

    /// The name that a scenario and a summary call it by.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Short => "short",
            Category::Medium => "medium",
            Category::Long => "long",
        }
    }

    /// The category of a name.
    pub fn from_name(name: &str) -> Option<Category> {
        Category::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// Where the categories end, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    short: u32,
    medium: u32,
}

impl Default for Bounds {
    /// Short below 256 tokens, medium below 2,048.
    fn default() -> Bounds {
        Bounds { short: 256, medium: 2048 }
    }
}

impl Bounds {
    /// Prompts below `short` tokens are short, others below `medium` are medium; `None` if that leaves no
    /// room for short or for medium ones.
    pub fn new(short: u32, medium: u32) -> Option<Bounds> {
        (0 < short && short < medium).then_some(Bounds { short, medium })
    }

    /// The category of a prompt of so many tokens.
    pub fn category(self, tokens: u32) -> Category {
        match tokens {
            short if short < self.short => Category::Short,
            medium if medium < self.medium => Category::Medium,
            _ => Category::Long,
        }
    }

    /// Below how many tokens prompts are short.
    pub fn short(self) -> u32 {
        self.short
    }

    /// Below how many tokens prompts are medium.
    pub fn medium(self) -> u32 {
        self.medium
    }
}

/// Which prompts are kept. What is not said does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those of a category.
    pub category: Option<Category>,
    /// Where the categories end.
    pub bounds: Bounds,
    /// The fewest tokens, inclusive.
    pub at_least: Option<u32>,
    /// The most tokens, inclusive.
    pub at_most: Option<u32>,
}

impl Selection {
    /// Whether a prompt is kept. One that was not counted fits only a selection that asks for nothing.
    pub fn fits(&self, prompt: Prompt<'_>) -> bool {
        let Selection { category, bounds, at_least, at_most } = *self;
        match prompt.tokens {
            Some(tokens) => {
                category.is_none_or(|category| bounds.category(tokens) == category)
                    && at_least.is_none_or(|least| tokens >= least)
                    && at_most.is_none_or(|most| tokens <= most)
            }
            None => category.is_none() && at_least.is_none() && at_most.is_none(),
        }
    }
}

impl Corpus {
    /// Keeps what fits a selection, which may be nothing; to be called when the tokens are counted.
    pub fn select(&mut self, selection: &Selection) {
        self.retain(|prompt| selection.fits(prompt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exclusive_above() {
        let bounds = Bounds::default();
        for (tokens, category) in [
            (0, Category::Short),
            (255, Category::Short),
            (256, Category::Medium),
            (2047, Category::Medium),
            (2048, Category::Long),
            (u32::MAX, Category::Long),
        ] {
            assert_eq!(bounds.category(tokens), category, "{tokens}");
        }
        assert_eq!(Bounds::new(10, 20).unwrap().category(10), Category::Medium);
        assert_eq!([Bounds::new(0, 20), Bounds::new(20, 20)], [None, None]);
    }

    #[test]
    fn names_and_categories_are_one_to_one() {
        for category in Category::ALL {
            assert_eq!(Category::from_name(category.name()), Some(category));
        }
        assert_eq!(Category::from_name("huge"), None);
    }

    #[test]
    fn a_selection_keeps_what_fits_all_of_it() {
        let kept = |selection: Selection| {
            let mut corpus = Corpus::default();
            for tokens in [10, 300, 500, 3000] {
                corpus.push(None, |_| {});
                corpus.set_tokens(corpus.len() - 1, tokens, None);
            }
            corpus.push(None, |_| {});
            corpus.select(&selection);
            corpus.prompts().map(|prompt| prompt.tokens).collect::<Vec<_>>()
        };
        let all = Selection::default();
        assert_eq!(kept(all), [Some(10), Some(300), Some(500), Some(3000), None]);
        let medium = Selection { category: Some(Category::Medium), ..all };
        assert_eq!(kept(medium), [Some(300), Some(500)]);
        assert_eq!(kept(Selection { at_least: Some(500), ..medium }), [Some(500)]);
        assert_eq!(kept(Selection { at_most: Some(299), ..medium }), []);
        assert_eq!(kept(Selection { at_least: Some(300), at_most: Some(3000), ..all }).len(), 3);
    }
}
