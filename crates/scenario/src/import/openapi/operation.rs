//! Operations of a description, with what they inherit from their path and from the whole.

use super::super::tree::Tree;

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// References that lead to references: longer chains are circles.
const LONGEST_CHAIN: usize = 16;

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    /// Its `operationId`, else method and path.
    pub(super) name: String,
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
    tree: &'a Tree,
    has_json: bool,
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// `path`, `query`, `header` or `cookie`.
    pub(super) place: &'a str,
    pub(super) required: bool,
    pub(super) tree: &'a Tree,
}

/// The body of an operation.
pub(super) struct BodyOf<'a> {
    pub(super) content_type: &'a str,
    pub(super) media: &'a Tree,
    pub(super) form: bool,
}

/// All operations, in the order of the file.
pub(super) fn all(whole: &Tree) -> Vec<Operation<'_>> {
    let paths = whole.get("paths").and_then(Tree::members).unwrap_or_default();
    let mut operations = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with('/')) {
        let item = followed(whole, item);
        for (key, tree) in item.members().unwrap_or_default() {
            let Some(method) = METHODS.into_iter().find(|method| method == key) else { continue };
            if tree.members().is_some() {
                operations.push(Operation::of(whole, path, item, method, tree));
            }
        }
    }
    operations
}

/// What a reference within the document leads to; what it says itself if it leads nowhere.
pub(super) fn followed<'a>(whole: &'a Tree, tree: &'a Tree) -> &'a Tree {
    let mut at = tree;
    for _ in 0..LONGEST_CHAIN {
        let Some(reference) = at.str_of("$ref").and_then(|path| path.strip_prefix("#/")) else { break };
        let step = |tree: &'a Tree, name: &str| {
            let name = name.replace("~1", "/").replace("~0", "~");
            match name.parse::<usize>() {
                Ok(at) if !tree.items().is_empty() => tree.items().get(at),
                _ => tree.get(&name),
            }
        };
        match reference.split('/').try_fold(whole, step) {
            Some(found) => at = found,
            None => break,
        }
    }
    at
}

impl<'a> Operation<'a> {
    fn of(
        whole: &'a Tree,
        path: &'a str,
        item: &'a Tree,
        method: &'static str,
        tree: &'a Tree,
    ) -> Operation<'a> {
        let mut parameters: Vec<Parameter<'a>> = Vec::new();
        for holder in [item, tree] {
            for one in holder.get("parameters").map(Tree::items).unwrap_or_default() {
                let tree = followed(whole, one);
                let (Some(name), Some(place)) = (tree.str_of("name"), tree.str_of("in")) else { continue };
                let required = place == "path" || tree.get("required").and_then(Tree::as_bool) == Some(true);
                parameters.retain(|other| (other.name, other.place) != (name, place));
                parameters.push(Parameter { name, place, required, tree });
            }
        }
        let id = tree.str_of("operationId").map(str::trim).filter(|id| !id.is_empty());
        let name = id.map_or_else(|| format!("{method} {path}"), str::to_owned);
        let mut operation = Operation { name, method, path, parameters, tree, has_json: false };
        operation.has_json = operation.body(whole).is_some_and(|body| !body.form);
        operation
    }

    /// Whether it is called so.
    pub(super) fn is(&self, id: &str) -> bool {
        self.name == id || format!("{} {}", self.method, self.path).eq_ignore_ascii_case(id)
    }

    /// Whether a request can be made of it without knowing more: it has a JSON body, or asks without parameters.
    pub(super) fn is_ready(&self) -> bool {
        self.has_json || self.method == "get" && !self.parameters.iter().any(|parameter| parameter.required)
    }

    pub(super) fn has_body(&self) -> bool {
        self.tree.get("requestBody").is_some()
    }

    /// Its body, if that is JSON or a form.
    pub(super) fn body(&self, whole: &'a Tree) -> Option<BodyOf<'a>> {
        let body = followed(whole, self.tree.get("requestBody")?);
        let content = body.get("content")?.members()?;
        let found = |word: &str| content.iter().find(|(name, _)| name.contains(word));
        let ((content_type, media), form) = match found("json") {
            Some(json) => (json, false),
            None => (found("x-www-form-urlencoded")?, true),
        };
        Some(BodyOf { content_type, media: followed(whole, media), form })
    }

    /// What it answers with when all is well, by content type.
    pub(super) fn answers(&self, whole: &'a Tree) -> Option<&'a Tree> {
        let answers = self.tree.get("responses")?.members()?;
        let good = answers.iter().find(|(status, _)| status.starts_with('2'));
        let good = good.or_else(|| answers.iter().find(|(status, _)| status == "default"))?;
        followed(whole, &good.1).get("content")
    }

    /// Names and trees of the schemes that it is secured by.
    pub(super) fn security(&self, whole: &'a Tree) -> Vec<(&'a str, &'a Tree)> {
        let wanted = self.tree.get("security").or_else(|| whole.get("security"));
        let first =
            wanted.and_then(|wanted| wanted.items().first()).and_then(Tree::members).unwrap_or_default();
        let schemes = whole.at(&["components", "securitySchemes"]);
        let scheme =
            |(name, _): &'a (String, Tree)| Some((name.as_str(), followed(whole, schemes?.get(name)?)));
        first.iter().filter_map(scheme).collect()
    }
}
