//! What OpenAPI does not tell of the Go types.
pub fn named(_definition: &str, _field: &str) -> Option<&'static str> { None }
pub fn drops_zero(_definition: &str, _field: &str, _type: &str) -> bool { false }
pub fn unused(_table: &str) -> Vec<String> { Vec::new() }
