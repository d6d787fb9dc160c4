use std::io;
use std::path::{Path, PathBuf};

use super::List;

/// Whether the name has a `*` or `?`.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// The existing paths that match, relative to `folder`.
/// An unreadable folder that is named without wildcards is an error, one that a
/// wildcard led to is passed over.
pub(super) fn expand(
    folder: &Path,
    pattern: &str,
    list: &List,
) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = vec![PathBuf::new()];
    let mut by_wildcard = false;
    for step in Path::new(pattern).components() {
        let name = step.as_os_str().to_string_lossy();
        if !is_pattern(&name) {
            found.iter_mut().for_each(|path| path.push(step));
            continue;
        }
        let mut matching = Vec::new();
        for parent in found {
            let listed = folder.join(&parent);
            let inside = match list(&listed) {
                Ok(inside) => inside,
                Err(_) if by_wildcard => continue,
                Err(error) => return Err((listed, error)),
            };
            let names = inside.iter().filter_map(|path| path.file_name());
            matching.extend(
                names
                    .filter(|file| matches(&name, &file.to_string_lossy()))
                    .map(|file| parent.join(file)),
            );
        }
        by_wildcard = true;
        found = matching;
    }
    found.sort();
    Ok(found)
}

/// A name that starts with a dot is matched only by a pattern that does.
fn matches(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !pattern.starts_with('.');
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    !hidden && matches_chars(&pattern, &name)
}

/// Goes back to the last `*` only, so that the time is bounded by the product of the lengths.
fn matches_chars(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
