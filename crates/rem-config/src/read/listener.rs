use std::net::SocketAddr;

use rem_yaml::{At, KeyPath, Loader, Problem, Problems, Value};

use crate::listener::{Auth, Listener, Tls};
use crate::people::Person;

use super::{account, existing_file};

/// A listener as it is written; who else may use it is known when all files are read.
pub(super) struct Draft {
    listener: Listener,
    auth: Option<account::Draft>,
}

impl Draft {
    /// With the people of the file, where it asks for a sign-in.
    pub(super) fn with<'p>(
        self,
        people: impl Iterator<Item = &'p Person>,
        problems: &mut Problems,
    ) -> Listener {
        let auth = self.auth.map(|auth| auth.with(people, problems));
        Listener {
            auth: auth.unwrap_or(Auth::None),
            ..self.listener
        }
    }
}

pub(super) fn read(at: &At<'_>, loader: &Loader, problems: &mut Problems) -> Option<Draft> {
    let mut map = at.map(problems)?;
    let address = match map.get("http") {
        Some(at) => address(&at, problems),
        None => {
            problems.add(map.missing("http").help("add `http: 127.0.0.1:2001`"));
            None
        }
    };
    let tls = map.get("tls").map(|at| tls(&at, loader, problems));
    let auth = map.get("auth").map(|at| account::auth(&at, problems));
    map.finish(problems);
    let address: SocketAddr = address?;
    if auth.is_none() && !address.ip().is_loopback() {
        problems.add(
            at.problem(format!(
                "{address} is reachable from elsewhere, and nothing says who may use it"
            ))
            .help("add `auth:` with users or tokens, or `auth: none` to let in everybody"),
        );
        return None;
    }
    let listener = Listener {
        address,
        tls: match tls {
            Some(tls) => Some(tls?),
            None => None,
        },
        auth: Auth::None,
        place: at.place().clone(),
    };
    let auth = match auth {
        Some(auth) => Some(auth?),
        None => None,
    };
    Some(Draft { listener, auth })
}

fn address(at: &At<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    const WANTED: &str = "an address and port such as 127.0.0.1:2001";
    if let Value::Int(port) = at.node().value {
        problems.add(at.expected(WANTED).help(format!("write 127.0.0.1:{port}")));
        return None;
    }
    let Some((host, port)) = at.node().as_str().and_then(|text| text.rsplit_once(':')) else {
        return at.read(problems);
    };
    let likely = match host {
        "" | "*" => format!("0.0.0.0:{port}"),
        "localhost" => format!("127.0.0.1:{port}"),
        _ => return at.read(problems),
    };
    problems.add(at.expected(WANTED).help(format!("write {likely}")));
    None
}

fn tls(at: &At<'_>, loader: &Loader, problems: &mut Problems) -> Option<Tls> {
    const HELP: &str = "write {cert: file, key: file} or {self_signed: true}";
    let mut map = at.map(problems)?;
    let self_signed: Option<bool> = map.optional("self_signed", problems);
    let mut file = |key: &'static str, what: &str, problems: &mut Problems| {
        let at = map.get(key)?;
        existing_file(&at, what, loader, problems)
    };
    let cert = file("cert", "certificate", problems);
    let key = file("key", "key", problems);
    let (has_cert, has_key) = (map.has("cert"), map.has("key"));
    map.finish(problems);
    match (self_signed, has_cert, has_key) {
        (Some(true), false, false) => Some(Tls::SelfSigned),
        (None | Some(false), true, true) => Some(Tls::Files {
            cert: cert?,
            key: key?,
        }),
        (Some(true), _, _) => {
            problems.add(at.problem("self-signed, and with files").help(HELP));
            None
        }
        (None | Some(false), _, _) => {
            problems.add(at.problem("expected a certificate and its key").help(HELP));
            None
        }
    }
}

/// Refuses two listeners that could not both have their address.
pub(super) fn refuse_twice(listeners: &[Listener], problems: &mut Problems) {
    for (index, second) in listeners.iter().enumerate() {
        let clash = listeners[..index]
            .iter()
            .find(|first| clash(first.address, second.address));
        if let Some(first) = clash {
            let message = match first.address == second.address {
                true => format!(
                    "{} is listened on twice, first at {}",
                    second.address, first.place
                ),
                false => format!(
                    "{} is part of {}, which is listened on at {}",
                    second.address, first.address, first.place
                ),
            };
            let path = KeyPath::root().key("listen");
            let problem = Problem::new(&second.place, &path, message);
            problems.add(problem.help("choose another port, or remove one of the two"));
        }
    }
}

fn clash(first: SocketAddr, second: SocketAddr) -> bool {
    let all = first.ip().is_unspecified() || second.ip().is_unspecified();
    first.port() != 0
        && first.port() == second.port()
        && first.is_ipv4() == second.is_ipv4()
        && (all || first.ip() == second.ip())
}
