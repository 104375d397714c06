//! The JSON schema of scenario files, for editors.

use crate::written::Scenario;

/// The schema as it is committed in `schema/scenario.schema.json`, with a newline at its end.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Scenario);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Regenerate with `UPDATE_SCHEMA=1 cargo test -p floodline-scenario schema`.
    #[test]
    fn the_committed_schema_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/scenario.schema.json");
        let current = super::json_schema();
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &current).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == current, "stale: run UPDATE_SCHEMA=1 cargo test -p floodline-scenario schema");
    }
}
