//! `if`, `elif`, `else` and `conditions`.

use std::sync::Arc;

use rem_yaml::{Place, Problem};

use super::Compiler;
use crate::condition::Condition;
use crate::read::At;
use crate::tree::{Branch, Branches};

impl Compiler {
    /// `if …` with its `elif`s and `else`; `word` is what stands before the condition.
    pub(super) fn if_block(&mut self, word: &str, name: &str, at: &At<'_>) -> Option<Branches> {
        let first = self.branch(word, name, at);
        let mut branches = vec![first];
        let mut otherwise = Some(None);
        at.node.as_map()?;
        for (key, at) in at.entries() {
            if key.starts_with("elif ") {
                branches.push(self.branch("elif ", key, &at));
            } else if key == "else" {
                otherwise = self.tree(&at).map(|tree| Some(Arc::new(tree)));
            }
        }
        Some(Branches {
            branches: branches.into_iter().collect::<Option<Vec<_>>>()?,
            otherwise: otherwise?,
        })
    }

    fn branch(&mut self, word: &str, name: &str, at: &At<'_>) -> Option<Branch> {
        let condition = self.condition(word, name, at);
        let then = self.tree_without(at, |key| key == "else" || key.starts_with("elif "));
        Some(Branch {
            at: at.key_at.clone(),
            condition: condition?,
            then: Arc::new(then?),
        })
    }

    fn condition(&mut self, word: &str, name: &str, at: &At<'_>) -> Option<Condition> {
        let text = name.get(word.len()..).unwrap_or_default();
        match text.parse() {
            Ok(condition) => Some(condition),
            Err(error) => {
                let offset = word.chars().count() + error.offset;
                let mut place: Place = at.key_at.clone();
                place.column += u32::try_from(offset).unwrap_or(0);
                let problem =
                    Problem::new(&place, &at.path, format!("condition: {}", error.message));
                self.reader.problems.add(problem);
                None
            }
        }
    }

    /// `conditions`: a list of `if …`, further `if …` or `elif …`, and `else`;
    /// the first that holds is processed.
    pub(super) fn conditions(&mut self, at: &At<'_>) -> Option<Branches> {
        let Some(items) = at.node.as_seq() else {
            self.reader.wrong_help(
                at,
                format!("a list is expected, found {}", at.node.describe()),
                "write - if …: items, the last may be - else:",
            );
            return None;
        };
        let mut branches = Vec::new();
        let mut otherwise = None;
        let mut whole = true;
        for (index, node) in items.iter().enumerate() {
            let item = at.item(index, node);
            let entries = item.entries();
            let [(key, at)] = entries.as_slice() else {
                self.reader
                    .wrong(&item, "each item has one key, such as if load > 5");
                whole = false;
                continue;
            };
            let word = ["if ", "elif "]
                .into_iter()
                .find(|word| key.starts_with(word));
            match word {
                Some(word) => match self.branch(word, key, at) {
                    Some(branch) => branches.push(branch),
                    None => whole = false,
                },
                None if *key == "else" && index + 1 == items.len() => match self.tree(at) {
                    Some(tree) => otherwise = Some(Arc::new(tree)),
                    None => whole = false,
                },
                None if *key == "else" => {
                    self.reader
                        .wrong_key(at, "else must be the last item", None);
                    whole = false;
                }
                None => {
                    self.reader.wrong_key(
                        at,
                        format!("if, elif or else is expected, found {key}"),
                        None,
                    );
                    whole = false;
                }
            }
        }
        whole.then_some(Branches {
            branches,
            otherwise,
        })
    }
}
