//! Which names of samples are taken.

#[cfg(test)]
mod tests;

/// A pattern of names that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an empty pattern of names")]
pub struct NameGlobError;

#[derive(Clone, Debug)]
pub(super) struct Names {
    only: Vec<String>,
    without: Vec<String>,
}

impl Names {
    pub(super) fn new(only: &[String], without: &[String]) -> Result<Self, NameGlobError> {
        match only.iter().chain(without).any(String::is_empty) {
            true => Err(NameGlobError),
            false => Ok(Self {
                only: only.to_vec(),
                without: without.to_vec(),
            }),
        }
    }

    pub(super) fn take(&self, name: &str) -> bool {
        let is_any = |globs: &[String]| globs.iter().any(|glob| matches(glob, name));
        (self.only.is_empty() || is_any(&self.only)) && !is_any(&self.without)
    }
}

/// `*` is any text, `?` any one byte. At most the product of both lengths.
fn matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut at, mut in_name) = (0, 0);
    // Where to go back to: behind the last star, and one byte further on.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    at = behind;
                    in_name = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(|byte| *byte == b'*')
}
