use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};

use super::{DEPTH_MAX, scalar};
use crate::key_path::KeyPath;
use crate::node::{Node, Value};
use crate::place::Place;
use crate::problem::{Problem, Problems};

mod budget;
mod merge;

use budget::{Budget, Cost};

/// Puts a parser's events together to one [`Node`].
///
/// Mistakes that leave the rest readable (duplicate keys, unknown tags) go to
/// `problems`; the others end the file.
pub(super) struct Builder<'p> {
    file: Arc<str>,
    problems: &'p mut Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    done: Option<Node>,
    budget: Budget,
}

/// A list or map whose end is still to come.
struct Open {
    at: Place,
    anchor: usize,
    /// Written with brackets.
    flow: bool,
    kind: Kind,
}

enum Kind {
    Seq(Vec<Node>),
    Map {
        pairs: Vec<(Key, Node)>,
        key: Option<Key>,
    },
}

struct Key {
    /// `None` where the key was refused.
    text: Option<String>,
    at: Place,
    merge: bool,
}

struct Anchored {
    node: Node,
    cost: Cost,
    depth: usize,
}

type Ended = Box<Problem>;

impl<'p> Builder<'p> {
    pub(super) fn new(file: &Arc<str>, problems: &'p mut Problems) -> Self {
        Self {
            file: file.clone(),
            problems,
            open: Vec::new(),
            anchors: HashMap::new(),
            done: None,
            budget: Budget::default(),
        }
    }

    /// The document, unless nothing was written.
    pub(super) fn finish(self) -> Option<Node> {
        self.done.filter(|node| !node.is_null())
    }

    /// The keys that lead to where the parser is.
    pub(super) fn path(&self) -> KeyPath {
        path(&self.open)
    }

    /// The innermost `[` or `{` that is still open, and where it is.
    pub(super) fn open_bracket(&self) -> Option<(char, &Place)> {
        let open = self.open.last().filter(|open| open.flow)?;
        match open.kind {
            Kind::Seq(_) => Some(('[', &open.at)),
            Kind::Map { .. } => Some(('{', &open.at)),
        }
    }

    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Ended> {
        let at = self.place(span);
        match event {
            Event::DocumentStart(..) if self.done.is_some() => Err(self
                .ended(&at, "a second document starts here")
                .help("one document a file: remove the line `---`, or move the rest to its own file")
                .into()),
            Event::Scalar(text, style, anchor, tag) => {
                // The parser reports a value that is not written as `~`.
                let text = if span.is_empty() { Cow::Borrowed("") } else { text };
                if self.expects_key() {
                    self.key(text, style, anchor, tag.as_deref(), at)
                } else {
                    let value = match style {
                        ScalarStyle::Plain => scalar::resolve(&text),
                        ScalarStyle::SingleQuoted
                        | ScalarStyle::DoubleQuoted
                        | ScalarStyle::Literal
                        | ScalarStyle::Folded => Value::Str(text.to_string()),
                    };
                    let value = self.tagged(value, &text, tag.as_deref(), &at);
                    let mut node = Node::new(value, at);
                    node.text_from = text_from(&node, style, span);
                    self.complete(node, anchor)
                }
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &at);
                self.push(at, anchor, style, Kind::Seq(Vec::new()))
            }
            Event::MappingStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", &at);
                self.push(at, anchor, style, Kind::Map { pairs: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.pop(),
            Event::Alias(id) => self.alias(id, at),
            Event::UnresolvedAlias(name) => Err(self
                .ended(&at, format!("no anchor &{name} above this"))
                .help("text that starts with * needs quotes; an alias needs an anchor such as `&name` before it")
                .into()),
            _ => Ok(()),
        }
    }

    fn place(&self, span: Span) -> Place {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place::new(
            self.file.clone(),
            small(span.start.line()),
            small(span.start.col() + 1),
        )
    }

    fn ended(&self, at: &Place, message: impl Into<String>) -> Problem {
        Problem::new(at, &self.path(), message)
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                kind: Kind::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Place,
    ) -> Result<(), Ended> {
        self.tagged(Value::Null, "", tag.filter(|tag| !is_str(tag)), &at);
        self.spend(Cost::one(text.len()), &at)?;
        let plain = matches!(style, ScalarStyle::Plain);
        if anchor != 0 {
            let node = Node::new(Value::Str(text.to_string()), at.clone());
            self.remember(anchor, &node)?;
        }
        let empty = plain && text.is_empty();
        if empty {
            let problem = self
                .ended(&at, "a key is missing before the colon")
                .help("write `key: value`");
            self.problems.add(problem);
        }
        let merge = plain && text == "<<";
        self.set_key(Key {
            text: (!empty).then(|| text.into_owned()),
            at,
            merge,
        });
        Ok(())
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Open {
            kind: Kind::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(new);
        }
    }

    fn push(
        &mut self,
        at: Place,
        anchor: usize,
        style: StructureStyle,
        kind: Kind,
    ) -> Result<(), Ended> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.too_deep(&at));
        }
        self.spend(Cost::one(0), &at)?;
        let flow = style == StructureStyle::Flow;
        self.open.push(Open {
            at,
            anchor,
            flow,
            kind,
        });
        Ok(())
    }

    fn pop(&mut self) -> Result<(), Ended> {
        let Some(Open {
            at, anchor, kind, ..
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let value = match kind {
            Kind::Seq(items) => Value::Seq(items),
            Kind::Map { pairs, .. } => {
                let path = || path(&self.open);
                Value::Map(merge::map(pairs, path, self.problems))
            }
        };
        let node = Node::new(value, at);
        self.remember(anchor, &node)?;
        self.place_node(node);
        Ok(())
    }

    /// A scalar is complete: account for it and put it where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Ended> {
        let text_bytes = node.as_str().map_or(0, str::len);
        self.spend(Cost::one(text_bytes), &node.at)?;
        self.remember(anchor, &node)?;
        self.place_node(node);
        Ok(())
    }

    fn place_node(&mut self, node: Node) {
        if self.expects_key() {
            let key = self.key_from(node);
            return self.set_key(key);
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.done = Some(node),
            Some(Kind::Seq(items)) => items.push(node),
            Some(Kind::Map { pairs, key }) => {
                if let Some(key) = key.take() {
                    pairs.push((key, node));
                }
            }
        }
    }

    /// An alias, a list or a map in the place of a key.
    fn key_from(&mut self, node: Node) -> Key {
        let text = match node.value {
            Value::Str(text) => Some(text),
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Null | Value::Seq(_) | Value::Map(_) => {
                let found = node.describe();
                let problem = self
                    .ended(&node.at, format!("a key must be text, found {found}"))
                    .help("text that starts with { or [ needs quotes: \"{machine}\"");
                self.problems.add(problem);
                None
            }
        };
        Key {
            text,
            at: node.at,
            merge: false,
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Ended> {
        if anchor == 0 {
            return Ok(());
        }
        let (cost, depth) = Cost::of(node);
        self.spend(cost, &node.at)?;
        self.budget.uses_aliases();
        let node = node.clone();
        self.anchors.insert(anchor, Anchored { node, cost, depth });
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Place) -> Result<(), Ended> {
        let Some(&Anchored { cost, depth, .. }) = self.anchors.get(&id) else {
            return Err(self
                .ended(&at, "an alias of the value it is part of")
                .help("a value cannot contain itself; name another anchor")
                .into());
        };
        if self.open.len() + depth > DEPTH_MAX {
            return Err(self.too_deep(&at));
        }
        self.spend(cost, &at)?;
        let mut node = self.anchors[&id].node.clone();
        node.defined = Some(Box::new(std::mem::replace(&mut node.at, at)));
        node.text_from = None;
        self.place_node(node);
        Ok(())
    }

    fn spend(&mut self, cost: Cost, at: &Place) -> Result<(), Ended> {
        self.budget.spend(cost).map_err(|limit| {
            let problem = Problem::new(at, &path(&self.open), limit);
            problem
                .help("split the file; aliases of aliases of aliases multiply")
                .into()
        })
    }

    fn too_deep(&self, at: &Place) -> Ended {
        let message = format!("more than {DEPTH_MAX} lists and maps within each other");
        Problem::new(at, &KeyPath::root(), message)
            .help("nest less deeply")
            .into()
    }

    /// The value a tag asks for; a tag that disagrees or is not ours is a problem.
    fn tagged(&mut self, value: Value, text: &str, tag: Option<&Tag>, at: &Place) -> Value {
        let Some(tag) = tag else { return value };
        if is_str(tag) {
            return Value::Str(text.to_owned());
        }
        let agrees = match (tag.core_suffix(), &value) {
            (Some("null"), Value::Null)
            | (Some("bool"), Value::Bool(_))
            | (Some("int"), Value::Int(_))
            | (Some("float"), Value::Float(_)) => true,
            (Some("float"), Value::Int(number)) => return Value::Float(*number as f64),
            _ => false,
        };
        if !agrees {
            self.refuse_tag(tag, at);
        }
        value
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, kind: &str, at: &Place) {
        match tag {
            Some(tag) if tag.core_suffix() != Some(kind) => self.refuse_tag(tag, at),
            _ => {}
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, at: &Place) {
        let problem = self
            .ended(at, format!("the tag {} does not fit here", tag.original()))
            .help("remove it; text that starts with ! needs quotes");
        self.problems.add(problem);
    }
}

fn is_str(tag: &Tag) -> bool {
    tag.core_suffix() == Some("str") || tag.original() == "!"
}

fn path(open: &[Open]) -> KeyPath {
    open.iter()
        .fold(KeyPath::root(), |path, open| match &open.kind {
            Kind::Seq(items) => path.item(items.len()),
            Kind::Map { key, .. } => match key.as_ref().and_then(|key| key.text.as_deref()) {
                Some(text) => path.key(text),
                None => path,
            },
        })
}

/// How far behind its beginning a scalar's text starts, if it is written letter by
/// letter on one line.
fn text_from(node: &Node, style: ScalarStyle, span: Span) -> Option<u8> {
    let marks = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded => return None,
    };
    let letters = node.as_str()?.chars().count();
    let columns = span.end.col().checked_sub(span.start.col())?;
    let one_line = span.start.line() == span.end.line();
    (one_line && columns == letters + 2 * usize::from(marks)).then_some(marks)
}
