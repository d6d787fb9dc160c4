use serde_json::{Map, Value, json};

use rem_yaml::suggest;

mod help;
mod read;
#[cfg(test)]
mod tests;

/// The `__usage` of a file: who wrote it, what it takes, how long it stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Whether the file has a `__usage` at all. Without one every `--name value`
    /// is taken, and the rest becomes `args`.
    pub is_declared: bool,
    /// Name of the block.
    pub name: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Where more is told about it.
    pub website: Option<String>,
    /// What it does.
    pub info: Option<String>,
    /// The author's public key.
    pub pubkey: Option<String>,
    /// Processed once, then it stays until the lock `__running` is released.
    pub longrunning: bool,
    /// Holds the process id while it stays.
    pub pidfile: Option<String>,
    /// The directory it runs in.
    pub cwd: Option<String>,
    /// Arguments in their order.
    pub args: Vec<UsageArg>,
    /// Options by name.
    pub options: Vec<UsageOption>,
}

/// An argument of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageArg {
    /// The name of its value in the data.
    pub name: String,
    /// For the help text.
    pub info: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Its value where it is not given.
    pub default: Option<Value>,
    /// It takes all arguments that are left, as a list.
    pub remaining: bool,
}

/// An option of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageOption {
    /// `--name`, and the name of its value in the data.
    pub name: String,
    /// `-l`.
    pub letter: Option<char>,
    /// Whether it takes a value.
    pub kind: OptionKind,
    /// For the help text.
    pub info: Option<String>,
    /// Its value where it is not given.
    pub default: Option<Value>,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Nothing: it is true when given.
    Flag,
    /// A text.
    Value,
    /// A number.
    Number,
}

/// Arguments that do not fit a block's `__usage`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// An option that the block does not declare.
    #[error("unknown option {option}{}", did_you_mean(suggestion))]
    UnknownOption {
        /// As it was given.
        option: String,
        /// The option that was probably meant.
        suggestion: Option<String>,
    },
    /// An option without its value.
    #[error("a value is missing after {option}")]
    ValueMissing {
        /// As it was given.
        option: String,
    },
    /// A flag with a value.
    #[error("{option} takes no value")]
    ValueNotTaken {
        /// As it was given.
        option: String,
    },
    /// A number was expected.
    #[error("{option} takes a number, found: {value}")]
    NotANumber {
        /// As it was given.
        option: String,
        /// The value.
        value: String,
    },
    /// A required argument that is not there.
    #[error("argument is missing: {name}")]
    ArgumentMissing {
        /// Its name.
        name: String,
    },
    /// More arguments than the block takes.
    #[error("unexpected argument: {argument}")]
    UnexpectedArgument {
        /// The first one too many.
        argument: String,
    },
}

impl Usage {
    /// Reads arguments of a command line into data that seeds a run.
    ///
    /// # Errors
    /// The first argument that does not fit.
    pub fn parse<S: AsRef<str>>(&self, args: &[S]) -> Result<Map<String, Value>, UsageError> {
        let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
        match self.is_declared {
            true => self.parse_declared(&args),
            false => Ok(parse_free(&args)),
        }
    }

    fn parse_declared(&self, args: &[&str]) -> Result<Map<String, Value>, UsageError> {
        let mut data = Map::new();
        let mut plain = Vec::new();
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            if arg == "--" {
                plain.extend(args.by_ref());
            } else if arg.len() > 1 && arg.starts_with('-') && !is_number(arg) {
                let (name, value) = match arg.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (arg, None),
                };
                let option = self.find(name)?;
                let value = option.value(name, value, &mut args)?;
                data.insert(option.name.clone(), value);
            } else {
                plain.push(arg);
            }
        }
        self.place_args(plain, &mut data)?;
        for option in &self.options {
            if !data.contains_key(&option.name) {
                let missing = match option.kind {
                    OptionKind::Flag => Some(Value::Bool(false)),
                    OptionKind::Value | OptionKind::Number => None,
                };
                if let Some(value) = option.default.clone().or(missing) {
                    data.insert(option.name.clone(), value);
                }
            }
        }
        Ok(data)
    }

    fn place_args(
        &self,
        plain: Vec<&str>,
        data: &mut Map<String, Value>,
    ) -> Result<(), UsageError> {
        let mut plain = plain.into_iter();
        for arg in &self.args {
            if arg.remaining {
                let rest: Vec<&str> = plain.by_ref().collect();
                if rest.is_empty() && arg.required {
                    let name = arg.name.clone();
                    return Err(UsageError::ArgumentMissing { name });
                }
                data.insert(arg.name.clone(), json!(rest));
                continue;
            }
            match (plain.next(), &arg.default) {
                (Some(value), _) => {
                    data.insert(arg.name.clone(), json!(value));
                }
                (None, Some(default)) => {
                    data.insert(arg.name.clone(), default.clone());
                }
                (None, None) if arg.required => {
                    let name = arg.name.clone();
                    return Err(UsageError::ArgumentMissing { name });
                }
                (None, None) => {}
            }
        }
        match plain.next() {
            Some(argument) => Err(UsageError::UnexpectedArgument {
                argument: argument.into(),
            }),
            None => Ok(()),
        }
    }

    fn find(&self, given: &str) -> Result<&UsageOption, UsageError> {
        let found = match given.strip_prefix("--") {
            Some(name) => self
                .options
                .iter()
                .find(|option| option.name == name || option.name.replace('_', "-") == name),
            None => {
                let mut letters = given.chars().skip(1);
                let letter = letters.next().filter(|_| letters.next().is_none());
                self.options
                    .iter()
                    .find(|option| letter.is_some() && option.letter == letter)
            }
        };
        found.ok_or_else(|| {
            let names = self.options.iter().map(|option| option.name.as_str());
            UsageError::UnknownOption {
                option: given.into(),
                suggestion: suggest(given.trim_start_matches('-'), names).map(str::to_owned),
            }
        })
    }
}

impl UsageOption {
    fn value<'a>(
        &self,
        given: &str,
        inline: Option<&'a str>,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<Value, UsageError> {
        let option = || given.to_owned();
        if self.kind == OptionKind::Flag {
            return match inline {
                None => Ok(Value::Bool(true)),
                Some(_) => Err(UsageError::ValueNotTaken { option: option() }),
            };
        }
        let text = inline
            .or_else(|| rest.next())
            .ok_or_else(|| UsageError::ValueMissing { option: option() })?;
        if self.kind == OptionKind::Value {
            return Ok(json!(text));
        }
        number(text).ok_or_else(|| UsageError::NotANumber {
            option: option(),
            value: text.into(),
        })
    }
}

/// Without `__usage`: `--k v` and `-k v` are pairs until the first plain
/// argument; the rest is `args`. A `--k` that ends the line or stands before
/// another option is true.
fn parse_free(args: &[&str]) -> Map<String, Value> {
    let mut data = Map::new();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        let name = arg.trim_start_matches('-');
        if !arg.starts_with('-') || name.is_empty() || is_number(arg) {
            break;
        }
        at += 1;
        if let Some((name, value)) = name.split_once('=') {
            data.insert(name.into(), json!(value));
            continue;
        }
        let value = args
            .get(at)
            .filter(|value| !value.starts_with('-') || is_number(value));
        let value = match value {
            Some(value) => {
                at += 1;
                json!(value)
            }
            None => Value::Bool(true),
        };
        data.insert(name.into(), value);
    }
    if args.get(at) == Some(&"--") {
        at += 1;
    }
    data.insert("args".into(), json!(&args[at.min(args.len())..]));
    data
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(json!(whole));
    }
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    Some(json!(number))
}

/// A negative number is no option.
fn is_number(arg: &str) -> bool {
    number(arg).is_some()
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(name) => format!(", did you mean --{name}?"),
        None => String::new(),
    }
}
