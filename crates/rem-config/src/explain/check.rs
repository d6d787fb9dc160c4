use crate::check::{
    Check, DnsAssertion, Encryption, HttpAssertion, HttpAuth, SnmpVersion, TcpExpect, Trust,
};
use crate::config::Machine;
use crate::contact::Text;
use crate::read::Definition;

use super::{Origin, Table, machine_origin, origin};

/// What a check looks at, with the place of each value.
pub(super) fn rows<'d>(
    table: &mut Table<'d>,
    check: &Check,
    definition: &'d Definition,
    machine: Option<&'d Machine>,
) {
    match check {
        Check::Run(run) => {
            let items = run.run.as_seq().map_or(0, <[_]>::len);
            let value = format!("{items} steps in {}", run.folder.display());
            table.row("run", value, origin(definition, "run"));
        }
        _ => table.row("check", check.kind(), origin(definition, "check")),
    }
    for (key, label, value) in values(check) {
        let from = match definition.written_at(key) {
            Some(place) => Origin::Written(place),
            None if key == "address" => machine.map_or(Origin::Default, |machine| {
                machine_origin(machine, "address")
            }),
            None => Origin::Default,
        };
        table.row(&label, value, from);
    }
}

/// Key, what it is called here, and its value; no secrets.
type Row = (&'static str, String, String);

fn values(check: &Check) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |key: &'static str, value: String| rows.push((key, key.to_owned(), value));
    match check {
        Check::LocalCpu
        | Check::LocalLoad
        | Check::LocalMemory
        | Check::LocalDiskIo
        | Check::LocalNetwork
        | Check::Run(_) => {}
        Check::LocalDisk { mounts } => row(
            "mounts",
            match mounts.is_empty() {
                true => "every real file system".to_owned(),
                false => mounts.join(", "),
            },
        ),
        Check::LocalUnits(units) => row(
            "units",
            match units.units.is_empty() {
                true => "every unit".to_owned(),
                false => units.units.join(", "),
            },
        ),
        Check::LocalProcesses(processes) => {
            let texts = [
                ("name", &processes.name),
                ("pattern", &processes.pattern),
                ("user", &processes.user),
            ];
            for (key, value) in texts {
                if let Some(value) = value {
                    row(key, format!("{value:?}"));
                }
            }
            row("min", processes.min.to_string());
            if let Some(max) = processes.max {
                row("max", max.to_string());
            }
        }
        Check::Log(log) => {
            row("path", log.path.display().to_string());
            for pattern in &log.patterns {
                let label = format!("pattern {}", pattern.name);
                rows.push(("patterns", label, format!("{:?}", pattern.pattern)));
            }
        }
        Check::Ping(ping) => {
            row("address", ping.address.to_string());
            row("count", ping.count.to_string());
            row("interval", ping.interval.to_string());
        }
        Check::Http(http) => {
            row("url", http.url.clone());
            row("method", http.method.clone());
            let secret = http.secret_headers.iter().map(|(name, _)| name);
            for name in http.headers.iter().map(|(name, _)| name).chain(secret) {
                // Values of headers are often secrets.
                rows.push(("headers", format!("header {name}"), "…".to_owned()));
            }
            if let Some(auth) = &http.auth {
                let value = match auth {
                    HttpAuth::Basic { user, password } => format!("{user}, {password}"),
                    HttpAuth::Bearer(token) => format!("bearer {token}"),
                };
                rows.push(("auth", "auth".to_owned(), value));
            }
            let mut expect = |label: &str, value: String| {
                rows.push(("expect", format!("expect {label}"), value));
            };
            expect("status", http.status.to_string());
            if let Some(contains) = &http.contains {
                expect("body", format!("{contains:?}"));
            }
            for assertion in &http.assertions {
                let (label, value) = http_assertion(assertion);
                expect(label, value);
            }
            for reading in &http.json {
                let label = format!("json {}", reading.field);
                rows.push(("json", label, reading.path.clone()));
            }
            let mut row = |key: &'static str, value: String| {
                rows.push((key, key.to_owned(), value));
            };
            row("follow_redirects", http.follow_redirects.to_string());
            trust("ca", &http.tls.trust, &mut row);
        }
        Check::Tcp(tcp) => {
            row("address", tcp.address.to_string());
            row("port", tcp.port.to_string());
            for (key, value) in [("send", &tcp.send), ("expect", &tcp.expect)] {
                if let Some(value) = value {
                    row(key, format!("{value:?}"));
                }
            }
            match tcp.encryption {
                Encryption::Never => {}
                Encryption::AtOnce => row("tls", "true".to_owned()),
                Encryption::After(protocol) => row("starttls", protocol.as_str().to_owned()),
            }
            if tcp.encryption != Encryption::Never {
                trust("ca", &tcp.tls.trust, &mut row);
            }
            for (number, step) in (1..).zip(&tcp.steps) {
                let expect = match &step.expect {
                    Some(TcpExpect::Text(text)) => format!("expect {text:?}"),
                    Some(TcpExpect::Matches(pattern)) => format!("matches {pattern:?}"),
                    None => String::new(),
                };
                let send = step.send.as_ref().map(|send| format!("send {send:?}"));
                let words: Vec<String> = send.into_iter().chain([expect]).collect();
                let value = words.join(" ").trim().to_owned();
                rows.push(("steps", format!("step {number}"), value));
            }
        }
        Check::Dns(dns) => {
            row("name", dns.name.clone());
            row("type", dns.kind.to_owned());
            row(
                "server",
                dns.server
                    .clone()
                    .unwrap_or_else(|| "the system's".to_owned()),
            );
            row("rcode", dns.rcode.to_owned());
            for assertion in &dns.assertions {
                let (label, value) = dns_assertion(assertion);
                rows.push(("expect", format!("expect {label}"), value));
            }
        }
        Check::Tls(tls) => {
            row("address", tls.address.to_string());
            row("port", tls.port.to_string());
            if let Some(protocol) = tls.starttls {
                row("starttls", protocol.as_str().to_owned());
            }
            if let Some(name) = &tls.server_name {
                row("server_name", name.clone());
            }
            if !tls.names.is_empty() {
                row("names", tls.names.join(", "));
            }
            row("warn_days", tls.warn_days.to_string());
            row("crit_days", tls.crit_days.to_string());
            trust("ca", &tls.trust, &mut row);
        }
        Check::Snmp(snmp) => {
            row("address", snmp.address.to_string());
            row("port", snmp.port.to_string());
            match &snmp.version {
                SnmpVersion::V1(community) | SnmpVersion::V2c(community) => {
                    let version = match snmp.version {
                        SnmpVersion::V1(_) => "1",
                        _ => "2c",
                    };
                    row("version", version.to_owned());
                    row("community", shown(community));
                }
                SnmpVersion::V3(user) => {
                    row("version", "3".to_owned());
                    row("user", user.name.clone());
                    for (key, value) in [
                        ("auth", user.auth.as_ref().map(|(_, from)| from)),
                        ("priv", user.privacy.as_ref().map(|(_, from)| from)),
                    ] {
                        if let Some(from) = value {
                            row(key, from.to_string());
                        }
                    }
                }
            }
            for object in &snmp.get {
                let label = format!("get {}", object.field);
                rows.push(("get", label, object.object.clone()));
            }
            for table in &snmp.tables {
                for column in &table.columns {
                    let label = format!("table {} {}", table.name, column.field);
                    rows.push(("table", label, column.object.clone()));
                }
            }
        }
        Check::Plugin(plugin) => {
            let words = plugin.command.iter().map(|word| {
                match word.is_empty() || word.contains(char::is_whitespace) {
                    true => format!("{word:?}"),
                    false => word.clone(),
                }
            });
            row("command", words.collect::<Vec<_>>().join(" "));
            for (name, value) in &plugin.environment {
                rows.push(("env", format!("env {name}"), shown(value)));
            }
        }
        Check::Exporter(exporter) => {
            row("url", exporter.url.clone());
            for (key, globs) in [("only", &exporter.only), ("without", &exporter.without)] {
                if !globs.is_empty() {
                    row(key, globs.join(", "));
                }
            }
        }
        Check::Passive(passive) => row("fresh", passive.fresh.to_string()),
    }
    rows
}

fn shown(text: &Text) -> String {
    match text {
        Text::Plain(_) => "…".to_owned(),
        Text::Secret(source) => source.to_string(),
    }
}

fn trust(key: &'static str, trust: &Trust, row: &mut impl FnMut(&'static str, String)) {
    match trust {
        Trust::Public => {}
        Trust::PublicAnd(path) => row(key, path.display().to_string()),
        Trust::Only(path) => row(key, format!("only {}", path.display())),
        Trust::Anybody => row("verify", "false".to_owned()),
    }
}

fn http_assertion(assertion: &HttpAssertion) -> (&'static str, String) {
    match assertion {
        HttpAssertion::BodyContains(text) => ("body", format!("{text:?}")),
        HttpAssertion::BodyLacks(text) => ("body_lacks", format!("{text:?}")),
        HttpAssertion::BodyMatches(pattern) => ("body_matches", format!("{pattern:?}")),
        HttpAssertion::BodyMatchesNot(pattern) => ("body_matches_not", format!("{pattern:?}")),
        HttpAssertion::HeaderPresent(name) => ("header", name.clone()),
        HttpAssertion::HeaderAbsent(name) => ("no header", name.clone()),
        HttpAssertion::HeaderEquals(name, value) => ("header", format!("{name}: {value:?}")),
        HttpAssertion::HeaderMatches(name, pattern) => {
            ("header", format!("{name} matches {pattern:?}"))
        }
        HttpAssertion::Json(test) => ("json", test.clone()),
        HttpAssertion::FinalUrl(url) => ("url", url.clone()),
        HttpAssertion::FinalUrlMatches(pattern) => ("url_matches", format!("{pattern:?}")),
    }
}

fn dns_assertion(assertion: &DnsAssertion) -> (&'static str, String) {
    match assertion {
        DnsAssertion::Exactly(records) => ("exactly", records.join(", ")),
        DnsAssertion::Contains(record) => ("contains", record.clone()),
        DnsAssertion::Lacks(record) => ("lacks", record.clone()),
        DnsAssertion::Matches(pattern) => ("matches", format!("{pattern:?}")),
        DnsAssertion::AtLeast(count) => ("at_least", count.to_string()),
        DnsAssertion::AtMost(count) => ("at_most", count.to_string()),
    }
}
