use std::num::NonZeroU16;

use rem_yaml::{At, Loader, Located, Problems};

use crate::config::{Interface, Package, Transport};
use crate::name::{InterfaceName, PackageName};

use super::{Declared, declare, depends, monitor, settled};

pub(super) fn read(
    name: &Located<PackageName>,
    at: &At<'_>,
    loader: &Loader,
    problems: &mut Problems,
) -> Option<Package> {
    let mut map = at.map(problems)?;
    let mut interfaces = Declared::new();
    declare(
        &mut interfaces,
        "interface",
        map.get("interfaces"),
        problems,
        interface,
    );
    let interfaces: Vec<Interface> = settled(interfaces).into_values().collect();
    let mut monitors = Declared::new();
    declare(
        &mut monitors,
        "monitor",
        map.get("monitors"),
        problems,
        |name, at, problems| monitor::read(name, at, &interfaces, loader, problems),
    );
    let depends = depends::read(map.get("depends"), problems);
    map.finish(problems);
    Some(Package {
        name: name.value.clone(),
        interfaces,
        depends,
        place: name.place.clone(),
        monitors: settled(monitors),
    })
}

fn interface(
    name: &Located<InterfaceName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Interface> {
    const TRANSPORTS: [(&str, Transport); 2] = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
    let mut map = at.map(problems)?;
    let listen = match map.get("listen") {
        Some(at) => at.one_of(&TRANSPORTS, problems),
        None => Some(Transport::Tcp),
    };
    let port = map.required("port", problems);
    let kind = map.optional("kind", problems);
    map.finish(problems);
    // An interface that is wrong still exists: whoever refers to it is not to blame.
    Some(Interface {
        name: name.value.clone(),
        listen: listen.unwrap_or(Transport::Tcp),
        port: port.unwrap_or(NonZeroU16::MIN),
        kind,
    })
}
