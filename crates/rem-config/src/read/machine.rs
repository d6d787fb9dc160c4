use rem_yaml::{At, Located, Problems};

use crate::config::Machine;
use crate::host::Host;
use crate::name::MachineName;

use super::{depends, written};

pub(super) fn read(
    name: &Located<MachineName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Machine> {
    let mut map = at.map(problems)?;
    let address = map
        .get("address")
        .and_then(|at| address(&name.value, &at, problems));
    let location = map.optional("location", problems);
    let local = map.with_default("local", false, problems);
    let depends = depends::read(map.get("depends"), problems);
    map.finish(problems);
    Some(Machine {
        name: name.value.clone(),
        address,
        location,
        local,
        depends,
        place: name.place.clone(),
        written: written(at),
    })
}

fn address(name: &MachineName, at: &At<'_>, problems: &mut Problems) -> Option<Host> {
    let text = at.text(problems)?;
    if text.contains("{machine.address}") {
        problems.add(
            at.problem("an address that contains itself")
                .help("write an IP address or a DNS name; {machine} is the machine's name"),
        );
        return None;
    }
    host(&text.replace("{machine}", name.as_str()), at, problems)
}

/// A host, or the problem that it is none.
fn host(text: &str, at: &At<'_>, problems: &mut Problems) -> Option<Host> {
    match Host::parse(text) {
        Ok(host) => Some(host),
        Err(why) => {
            problems.add(
                at.problem(format!("not an address: {text}: {why}")).help(
                    "write an IP address or a DNS name, such as 192.0.2.11 or web.example.com",
                ),
            );
            None
        }
    }
}
