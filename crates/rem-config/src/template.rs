use rem_yaml::suggest;

use crate::config::{Interface, Machine};
use crate::host::Host;
use crate::name::{MonitorName, PackageName, SiteName};

#[cfg(test)]
mod tests;

/// Text with things to fill in: `http://{machine.address}/`. `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Fill(Fill),
}

#[derive(Clone, Debug, PartialEq)]
enum Fill {
    Site,
    Machine,
    MachineAddress,
    Package,
    Monitor,
    InterfacePort(u16),
}

/// What is filled in.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'c> {
    pub(crate) site: &'c SiteName,
    pub(crate) machine: &'c Machine,
    pub(crate) package: &'c PackageName,
    pub(crate) monitor: &'c MonitorName,
}

/// What a template is going to be, which decides how an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Becomes {
    Text,
    Url,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The machine has no address, and the template wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAddress;

const NAMES: [&str; 5] = ["site", "machine", "machine.address", "package", "monitor"];

impl Template {
    /// Reads a text; the interfaces are those of the package it is written in.
    pub(crate) fn parse(text: &str, interfaces: &[Interface]) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                plain.push_str(&from[..1]);
                rest = &from[2..];
                continue;
            }
            if from.starts_with('}') {
                return Err(Fault::new(
                    "a } that closes nothing",
                    "write }} for a brace",
                ));
            }
            let Some(end) = from.find('}') else {
                return Err(Fault::new(
                    "a { that is never closed",
                    "write {{ for a brace",
                ));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Fill(Fill::parse(&from[1..end], interfaces)?));
            rest = &from[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The text for one machine.
    pub(crate) fn fill(&self, subject: Subject<'_>, becomes: Becomes) -> Result<String, NoAddress> {
        let address = || subject.machine.address.as_ref().ok_or(NoAddress);
        self.parts
            .iter()
            .map(|part| {
                Ok(match part {
                    Part::Text(text) => text.clone(),
                    Part::Fill(Fill::Site) => subject.site.to_string(),
                    Part::Fill(Fill::Machine) => subject.machine.name.to_string(),
                    Part::Fill(Fill::MachineAddress) => match becomes {
                        Becomes::Text => address()?.to_string(),
                        Becomes::Url => address()?.in_url(),
                    },
                    Part::Fill(Fill::Package) => subject.package.to_string(),
                    Part::Fill(Fill::Monitor) => subject.monitor.to_string(),
                    Part::Fill(Fill::InterfacePort(port)) => port.to_string(),
                })
            })
            .collect()
    }
}

impl Fill {
    fn parse(name: &str, interfaces: &[Interface]) -> Result<Self, Fault> {
        let name = name.trim();
        match name {
            "site" => return Ok(Self::Site),
            "machine" => return Ok(Self::Machine),
            "machine.address" => return Ok(Self::MachineAddress),
            "package" => return Ok(Self::Package),
            "monitor" => return Ok(Self::Monitor),
            _ => {}
        }
        let ports = || {
            interfaces
                .iter()
                .map(|i| format!("interfaces.{}.port", i.name))
        };
        if let Some((interface, _)) = interfaces
            .iter()
            .zip(ports())
            .find(|(_, port)| port == name)
        {
            return Ok(Self::InterfacePort(interface.port.get()));
        }
        let ports: Vec<String> = ports().collect();
        let wanted = name
            .strip_prefix("interfaces.")
            .map(|rest| rest.strip_suffix(".port").unwrap_or(rest));
        let message = match wanted {
            Some(interface) if !interfaces.iter().any(|i| i.name.as_str() == interface) => {
                format!("this package has no interface {interface}")
            }
            _ => format!("nothing to fill in is called {{{name}}}"),
        };
        let known = || NAMES.into_iter().chain(ports.iter().map(String::as_str));
        let help = match suggest(name, known()) {
            Some(near) => format!("did you mean {{{near}}}?"),
            None => {
                let known: Vec<String> = known().map(|name| format!("{{{name}}}")).collect();
                format!("known here: {}; write {{{{ for a brace", known.join(", "))
            }
        };
        Err(Fault::new(message, help))
    }
}

impl Subject<'_> {
    /// Tries `try_with` on a machine that exists nowhere.
    pub(crate) fn example<T>(try_with: impl FnOnce(Subject<'_>) -> T) -> Option<T> {
        let machine = Machine::example()?;
        Some(try_with(Subject {
            site: &SiteName::new("site").ok()?,
            machine: &machine,
            package: &PackageName::new("package").ok()?,
            monitor: &MonitorName::new("monitor").ok()?,
        }))
    }
}

impl Machine {
    fn example() -> Option<Self> {
        Some(Self {
            name: crate::name::MachineName::new("machine").ok()?,
            address: Some(Host::example()),
            location: None,
            local: true,
            depends: Vec::new(),
            place: rem_yaml::Place::whole_file("example"),
            written: Vec::new(),
        })
    }
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }
}
