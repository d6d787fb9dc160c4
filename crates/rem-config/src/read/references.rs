use rem_yaml::{Located, Problems, suggest};

use crate::name::Name;

use super::{Declared, Draft};

impl Draft {
    /// Refuses names that stand for nothing, and what may be there only once.
    pub(super) fn references(&self, problems: &mut Problems) {
        for service in self
            .services
            .values()
            .filter_map(|(_, service)| service.as_ref())
        {
            for package in &service.packages {
                exists(package, "package", &self.packages, problems);
            }
            for machine in service
                .deployments
                .iter()
                .flat_map(|deployment| &deployment.machines)
            {
                exists(machine, "machine", &self.machines, problems);
            }
        }
        let mut local = self
            .machines
            .values()
            .filter_map(|(_, machine)| machine.as_ref())
            .filter(|machine| machine.local);
        let Some(first) = local.next() else { return };
        for second in local {
            let (_, place) = second
                .written
                .iter()
                .find(|(key, _)| key == "local")
                .map_or((String::new(), second.place.clone()), Clone::clone);
            let at = Located {
                value: (),
                place,
                key_path: rem_yaml::KeyPath::root()
                    .key("machines")
                    .key(second.name.as_str())
                    .key("local"),
            };
            problems.add(
                at.problem(format!(
                    "two machines are local: {} and {}",
                    first.name, second.name
                ))
                .help("local: true belongs to the one machine the monitor runs on"),
            );
        }
    }
}

fn exists<N: Name, T>(
    name: &Located<N>,
    what: &str,
    declared: &Declared<N, T>,
    problems: &mut Problems,
) {
    if declared.contains_key(&name.value) {
        return;
    }
    let word: &str = name.value.borrow();
    let known = || declared.keys().map(|name| -> &str { name.borrow() });
    let help = match suggest(word, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("declare it under {what}s"),
    };
    problems.add(
        name.problem(format!("no {what} is called {word}"))
            .help(help),
    );
}
