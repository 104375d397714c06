//! Templates and expressions of scenarios: minijinja, compiled once and filled in for each request.
//!
//! What a template refers to and is not there is an error and never an empty text; what is asked about in a condition may
//! be missing. JSON is made from JSON whose strings are templates, where a string that is exactly one expression keeps
//! the type of its value.

mod functions;
mod json;
mod names;

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

pub(crate) use functions::{found, lookup};
pub(crate) use json::JsonTemplate;

use crate::written::Wrong;

/// What all templates and expressions know.
static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut language = Environment::new();
    language.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    language.set_auto_escape_callback(|_| AutoEscape::None);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        language.set_syntax(syntax);
    }
    functions::add_to(&mut language);
    language
});

/// The name of the only template of an environment, which nobody gets to see.
const ONLY: &str = "template";

/// A text with expressions in it.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// Without any.
    Plain(String),
    /// With some; the environment holds it alone.
    Filled(Box<Environment<'static>>),
}

impl Template {
    /// Compiles a text.
    pub(crate) fn new(text: &str) -> Result<Template, Wrong> {
        if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            return Ok(Template::Plain(text.to_owned()));
        }
        let mut environment = LANGUAGE.clone();
        environment
            .add_template_owned(ONLY, text.to_owned())
            .map_err(|e| wrong("this template cannot be understood", &e))?;
        names::in_template(&LANGUAGE, text)?;
        Ok(Template::Filled(Box::new(environment)))
    }

    /// Fills it in.
    pub(crate) fn render(&self, context: &Value) -> Result<String, String> {
        match self {
            Template::Plain(text) => Ok(text.clone()),
            Template::Filled(environment) => environment
                .get_template(ONLY)
                .and_then(|template| template.render(context.clone()))
                .map_err(|e| explain(&e)),
        }
    }

    /// What it is where nothing is to be filled in.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self {
            Template::Plain(text) => Some(text),
            Template::Filled(_) => None,
        }
    }
}

/// An expression, such as a check or a condition.
#[derive(Debug)]
pub(crate) struct Expression {
    compiled: minijinja::Expression<'static, 'static>,
    /// As it is written.
    pub(crate) text: String,
}

impl Expression {
    /// Compiles an expression, written with or without braces around it.
    pub(crate) fn new(text: &str) -> Result<Expression, Wrong> {
        let inner = only_expression(text).unwrap_or(text.trim());
        let compiled = LANGUAGE
            .compile_expression_owned(inner.to_owned())
            .map_err(|e| wrong("this expression cannot be understood", &e))?;
        names::in_expression(&LANGUAGE, inner)?;
        Ok(Expression { compiled, text: inner.to_owned() })
    }

    /// Its value.
    pub(crate) fn value(&self, context: &Value) -> Result<Value, String> {
        self.compiled.eval(context.clone()).map_err(|e| explain(&e))
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, context: &Value) -> Result<bool, String> {
        Ok(self.value(context)?.is_true())
    }
}

/// The expression that a text is, if it is one and nothing else.
fn only_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    // `{{ a }} and {{ b }}` begins and ends alike.
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim())
}

fn wrong(what: &str, e: &Error) -> Wrong {
    Wrong {
        message: format!("{what}: {}", explain(e)),
        help: Some("templates and expressions are minijinja: {{ name }}, {{ list | length }}, a == b".into()),
    }
}

/// What is wrong with a template, without the library's own names.
fn explain(e: &Error) -> String {
    let detail = e.detail().unwrap_or_default();
    let said = match (e.kind(), detail) {
        (ErrorKind::UndefinedError, "") => "something in it is not defined".to_owned(),
        (_, "") => e.kind().to_string(),
        (_, detail) => detail.to_owned(),
    };
    match std::error::Error::source(e).map(ToString::to_string) {
        Some(cause) => format!("{said} ({cause})"),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn templates_are_filled_in_without_escaping() {
        let template = Template::new("Hi {{ name }}, <{{ n + 1 }}>\n").unwrap();
        assert_eq!(template.render(&context! { name => "A&B", n => 1 }).unwrap(), "Hi A&B, <2>\n");
        assert!(matches!(Template::new("{plain}").unwrap(), Template::Plain(text) if text == "{plain}"));
    }

    #[test]
    fn what_is_not_there_is_an_error_in_a_text_and_no_in_a_condition() {
        let why = Template::new("{{ nobody }}").unwrap().render(&context! {}).unwrap_err();
        assert!(why.contains("not defined") || why.contains("undefined"), "{why}");
        assert!(!Expression::new("nobody").unwrap().holds(&context! {}).unwrap());
        assert!(Expression::new("nobody is undefined").unwrap().holds(&context! {}).unwrap());
        assert!(Expression::new("nobody.name == 1").unwrap().holds(&context! {}).is_err());
    }

    #[test]
    fn mistakes_are_found_when_a_template_is_made() {
        assert!(Template::new("{{ a").unwrap_err().message.starts_with("this template cannot be understood"));
        assert!(Template::new("{{ a | nosuch }}").is_err() && Expression::new("a |").is_err());
        assert!(Expression::new("a ==").is_err());
    }

    #[test]
    fn an_expression_may_stand_in_braces() {
        let context = context! { text => "hello" };
        for text in ["text | length > 3", "{{ text | length > 3 }}", "text is containing('ell')"] {
            assert!(Expression::new(text).unwrap().holds(&context).unwrap(), "{text}");
        }
    }
}
