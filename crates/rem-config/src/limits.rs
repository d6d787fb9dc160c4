use std::collections::BTreeMap;

/// How many checks may run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over everything; 512 unless told.
    pub checks_at_once: usize,
    /// At one machine; 16 unless told.
    pub per_target: usize,
    /// Of one kind of check; 32 of `run` and 64 of `plugin` unless told.
    pub per_kind: BTreeMap<&'static str, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            checks_at_once: 512,
            per_target: 16,
            per_kind: BTreeMap::from([("plugin", 64), ("run", 32)]),
        }
    }
}
