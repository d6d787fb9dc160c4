use std::collections::BTreeMap;
use std::path::PathBuf;

use redeye_cloud::Phase;
use rem_time::Span;

/// What one sort of layer does: named functions, each with a script for the way down,
/// one for the way up, and one that takes back what the way down has made.
#[derive(Clone, Debug)]
pub struct Handler {
    /// Its name, such as `ext4`.
    pub name: String,
    /// Its version; several may be used side by side.
    pub version: u32,
    /// Where its scripts lie.
    pub folder: PathBuf,
    /// What a layer may be told.
    pub parameters: BTreeMap<String, Parameter>,
    /// The functions by name.
    pub functions: BTreeMap<String, Function>,
}

/// Something a layer may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Whether it must be.
    pub required: bool,
    /// What it is otherwise; empty without.
    pub default: Option<String>,
}

/// One function of a handler. The first script counts whose condition holds; without
/// one there is nothing to do.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// On the way down.
    pub entry: Vec<Script>,
    /// Takes back what the entry has made, if the whole fails.
    pub undo: Vec<Script>,
    /// On the way up. It makes sure that nothing is held.
    pub exit: Vec<Script>,
}

/// Something that is run.
#[derive(Clone, Debug)]
pub struct Script {
    /// What.
    pub form: Form,
    /// Only if a parameter says so.
    pub when: Option<When>,
    /// Whether it stops all writing until the exit of its layer.
    pub holds: bool,
    /// Whether it may run twice.
    pub idempotent: bool,
    /// How long it may take.
    pub timeout: Span,
    /// How long it has to end after that.
    pub kill_after: Span,
}

/// A condition: a parameter is `true`, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// Which parameter.
    pub parameter: String,
    /// Whether it has to be `true`.
    pub is: bool,
}

/// How something is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A program with its arguments, without a shell.
    Argv(Vec<String>),
    /// A script file, by its first line or a given interpreter.
    Script {
        /// Where it lies.
        path: PathBuf,
        /// By what it is run.
        interpreter: Option<String>,
        /// Its arguments.
        args: Vec<String>,
    },
    /// A line for `/bin/sh`; values are in its environment, never in its text.
    Shell(String),
}

impl Handler {
    /// What is run for a phase of a function, with these parameters.
    pub fn script(
        &self,
        function: &str,
        phase: Phase,
        parameters: &BTreeMap<String, String>,
    ) -> Option<&Script> {
        let function = self.functions.get(function)?;
        let scripts = match phase {
            Phase::Entry => &function.entry,
            Phase::Undo => &function.undo,
            Phase::Exit => &function.exit,
        };
        scripts.iter().find(|script| {
            script.when.as_ref().is_none_or(|when| {
                let value = parameters.get(&when.parameter).map(String::as_str);
                (value == Some("true")) == when.is
            })
        })
    }
}

impl Form {
    /// The program and its arguments.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Argv(argv) => argv.clone(),
            Self::Script {
                path,
                interpreter,
                args,
            } => interpreter
                .iter()
                .cloned()
                .chain([path.display().to_string()])
                .chain(args.iter().cloned())
                .collect(),
            Self::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text.clone()],
        }
    }
}
