//! The environment of programs and shells: how values get into a command
//! without being spliced into its text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A value with more bytes is left out: the kernel refuses longer ones, and a
/// program that wants it all reads standard input.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Names in small letters that programs take as instructions.
const NOT_PLAIN: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "rsync_proxy",
];

/// The engine's environment, then values of the pipe data, then the caller's.
///
/// A value `load` comes as `PROCBLOCK_LOAD` and as `load`. The plain name is
/// given to names in small letters only, because data must not be able to set
/// `PATH` or `LD_PRELOAD`, and never over one that is there.
pub(super) fn of(
    base: &[(String, String)],
    own: &[(String, String)],
    data: &Map<String, Value>,
    tag: &str,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in data {
        let value = crate::template::plain(value);
        if value.len() > VALUE_BYTES_MAX || value.contains('\0') {
            continue;
        }
        let upper = name.to_ascii_uppercase();
        if is_name(name)
            || upper
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_. -".contains(c))
        {
            let upper = upper.replace(['.', ' ', '-'], "_");
            env.insert(format!("PROCBLOCK_{upper}"), value.clone());
        }
        if is_name(name) {
            env.insert(name.clone(), value);
        }
    }
    env.insert("PROCBLOCK_TAG".into(), tag.into());
    for (name, value) in base.iter().chain(own) {
        env.insert(name.clone(), value.clone());
    }
    env
}

/// Small letters, digits and `_`, starting with a letter.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !NOT_PLAIN.contains(&name)
}
