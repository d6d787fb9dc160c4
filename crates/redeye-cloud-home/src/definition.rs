use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redeye_cloud::{Id, Name, Scope};
use rem_time::Span;
use rem_yaml::{Problems, SecretError, SecretSource};

use crate::function::Function;
use crate::read;
use crate::template::Values;

/// A megavisor as its file describes it.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(crate) name: Name,
    pub(crate) version: u32,
    pub(crate) hardware_set: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) machines: BTreeMap<Id, BTreeMap<String, Setting>>,
    /// Pauses between two looks, the last one again and again.
    pub(crate) pauses: Vec<Span>,
    pub(crate) at_once: usize,
    pub(crate) rest: Span,
    /// Where scripts run, and where their relative paths begin.
    pub(crate) folder: PathBuf,
}

/// What a function has to be told of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) required: bool,
    pub(crate) secret: bool,
    pub(crate) default: Option<String>,
}

/// What a machine tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Plain(String),
    Secret(SecretSource),
}

/// Why there is no megavisor.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The file is wrong.
    #[error("{0}")]
    File(Problems),
    /// The file cannot be read.
    #[error("cannot read the megavisor's file: {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A value for all machines makes no sense.
    #[error("{name}: {message}")]
    Setting {
        /// Which parameter.
        name: String,
        /// Why not.
        message: String,
    },
    /// A secret cannot be read.
    #[error("machine {machine}: {parameter}: cannot read the secret: {source}")]
    Secret {
        /// Of which machine.
        machine: String,
        /// Which parameter.
        parameter: String,
        /// Why not.
        source: SecretError,
    },
}

impl Definition {
    /// Reads a megavisor's file. All mistakes are told at once, each with its place.
    ///
    /// # Errors
    /// [`HomeError::File`] and [`HomeError::Read`].
    pub fn load(path: &Path) -> Result<Self, HomeError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let text = std::fs::read_to_string(path).map_err(|source| HomeError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.to_string_lossy(), &text, &folder)
    }

    /// Reads a megavisor from a text; scripts are looked for in `folder`.
    ///
    /// # Errors
    /// [`HomeError::File`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, HomeError> {
        // Scripts run in the folder, where a relative path would lead elsewhere.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        read::definition(name, text, &folder).map_err(HomeError::File)
    }

    /// The same with the machines of another file: a map of their names, each with its
    /// parameters. They come in place of those of the megavisor's own file.
    ///
    /// # Errors
    /// [`HomeError::File`].
    pub fn with_machines(mut self, name: &str, text: &str) -> Result<Self, HomeError> {
        let machines = read::machines_of(name, text, &self.parameters);
        self.machines = machines.map_err(HomeError::File)?;
        Ok(self)
    }

    /// The same with another value for all machines that do not say their own, for
    /// instance the folder of the containers.
    ///
    /// # Errors
    /// [`HomeError::Setting`] if there is no such parameter, or it is a secret.
    pub fn with_setting(mut self, name: &str, value: &str) -> Result<Self, HomeError> {
        let refused = |message: String| HomeError::Setting {
            name: name.to_owned(),
            message,
        };
        let known: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let help = rem_yaml::suggest(name, known.iter().copied()).map_or_else(
            || format!("there are: {}", known.join(", ")),
            |word| format!("did you mean {word}?"),
        );
        let Some(parameter) = self.parameters.get_mut(name) else {
            return Err(refused(format!("no parameter of this megavisor; {help}")));
        };
        if parameter.secret {
            let message = "a secret belongs to each machine: write {env: NAME} or {file: path}";
            return Err(refused(message.into()));
        }
        parameter.default = Some(value.to_owned());
        Ok(self)
    }

    /// The same under another name, for instance where two accounts have the same sort
    /// of hardware.
    #[must_use]
    pub fn named(mut self, name: Name) -> Self {
        self.scope.megavisor = name.clone();
        self.name = name;
        self
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The values of a machine for its functions' templates; `env` looks an
    /// environment variable up. An unknown machine has the defaults.
    pub(crate) fn values(
        &self,
        machine: Option<&Id>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Values, HomeError> {
        let mut values = Values::default();
        for (name, parameter) in &self.parameters {
            if let Some(default) = &parameter.default {
                values.set(name, default);
            }
        }
        let Some(machine) = machine else {
            return Ok(values);
        };
        values.set("id", machine.as_str());
        for (name, setting) in self.machines.get(machine).into_iter().flatten() {
            match setting {
                Setting::Plain(text) => values.set(name, text),
                Setting::Secret(source) => {
                    let path = |path: &Path| std::fs::read(self.folder.join(path));
                    let secret = source.resolve(env, path);
                    let secret = secret.map_err(|source| HomeError::Secret {
                        machine: machine.to_string(),
                        parameter: name.clone(),
                        source,
                    })?;
                    values.set_secret(name, secret.expose());
                }
            }
        }
        Ok(values)
    }
}
