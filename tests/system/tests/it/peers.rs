//! The monitor among real peers: Prometheus, Alertmanager, a mail server, and a
//! network whose cable is cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::process::{Started, free_port, get, post, wait_for};
use crate::root;

/// A program of somebody else; killed when dropped.
struct Peer(Child);

impl Peer {
    #[track_caller]
    fn start(package: &str, program: &str, arguments: &[&str], folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("peer.log")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        match child {
            Ok(child) => Self(child),
            Err(error) => panic!("{program}: {error}: install the Debian package {package}"),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes every POST and keeps its body.
struct Receiver {
    port: u16,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || take_posts(stream, &kept));
            }
        });
        Self { port, bodies }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }

    /// The pages among what came.
    fn pages(&self) -> Vec<Value> {
        let mut bodies = self.bodies();
        bodies.retain(|body| matches!(body["kind"].as_str(), Some("page" | "digest")));
        bodies
    }
}

fn take_posts(stream: TcpStream, kept: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(text) = lower.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        if let Ok(body) = serde_json::from_slice(&body) {
            kept.lock().unwrap().push(body);
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

fn start(folder: &Path, yaml: &str) -> Started {
    let file = folder.join("monitor.yaml");
    std::fs::write(&file, yaml).unwrap();
    let mut started = Started::new("rem-monitor", &[file.to_str().unwrap()], folder);
    started.says("/system_monitor/monitor");
    started
}

#[track_caller]
fn rpc(port: u16, method: &str, params: &Value) -> Value {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = post(port, "/rpc", "application/json", &call.to_string()).unwrap();
    let answer = answer.json();
    assert!(answer["error"].is_null(), "{method}: {answer}");
    answer["result"].clone()
}

fn alerts(port: u16) -> Vec<Value> {
    let list = rpc(port, "alert.list", &json!({}));
    let list = list["alerts"]
        .as_array()
        .unwrap_or_else(|| panic!("{list}"));
    list.clone()
}

/// One machine that is watched and one person who gets webhooks.
fn small(port: u16, receiver: &Receiver, monitors: &str, more: &str) -> String {
    format!(
        "site: test\ndata: ./data\nlisten: [{{http: \"127.0.0.1:{port}\"}}]\n\
         machines: {{here: {{address: 127.0.0.1, local: true}}}}\n\
         packages:\n  all:\n    monitors:\n{monitors}\
         services:\n  all:\n    packages: [all]\n    deployments: {{prod: {{machines: [here]}}}}\n    \
         owners: [{{role: oncall, tries: 3, every: 5m}}]\n\
         roles: {{oncall: {{users: [ann]}}}}\n\
         users: {{ann: {{contacts: [{{webhook: \"{}\"}}]}}}}\n{more}",
        receiver.url()
    )
}

#[test]
fn prometheus_scrapes_the_monitor_and_every_value_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (port, prometheus) = (free_port(), free_port());
    let receiver = Receiver::start();
    let monitors = "      load: {check: local.load, every: 1s}\n";
    let _monitor = start(folder.path(), &small(port, &receiver, monitors, ""));
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - {{job_name: rem, static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]}}\n\
         - {{job_name: values, metrics_path: /metrics/values, static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]}}\n"
    );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let listen = format!("--web.listen-address=127.0.0.1:{prometheus}");
    let arguments = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=tsdb",
        &listen,
    ];
    let _peer = Peer::start("prometheus", "prometheus", &arguments, folder.path());

    let ask = |query: &str| -> Option<Vec<Value>> {
        let answer = get(prometheus, &format!("/api/v1/query?query={query}"))?;
        // It says 503 while it starts.
        (answer.status == 200).then_some(())?;
        let found = answer.json()["data"]["result"].as_array()?.clone();
        (!found.is_empty()).then_some(found)
    };
    let up = wait_for("both targets to be up", || {
        let up = ask("up")?;
        let all = up.len() == 2 && up.iter().all(|target| target["value"][1] == "1");
        all.then_some(up)
    });
    assert_eq!(up.len(), 2);
    let checks = wait_for("counted checks", || ask("rem_checks_total"));
    assert!(
        checks.iter().any(|one| one["value"][1] != "0"),
        "{checks:?}"
    );
    let load = wait_for("the load of this machine", || {
        ask("rem_value%7Bfield%3D%22load1%22%7D")
    });
    assert_eq!(load[0]["metric"]["machine"], "here", "{load:?}");
}

#[test]
fn alertmanager_hands_its_alerts_on_and_they_page_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let (port, alertmanager) = (free_port(), free_port());
    let receiver = Receiver::start();
    let monitors = "      load: {check: local.load, every: 1m}\n";
    let more = "alerts: {DiskFull: {clear_delay: 0s}}\n";
    let _monitor = start(folder.path(), &small(port, &receiver, monitors, more));
    let config = format!(
        "route: {{receiver: rem, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers: [{{name: rem, webhook_configs: [{{url: \"http://127.0.0.1:{port}/api/v2/webhook\", send_resolved: true}}]}}]\n"
    );
    std::fs::write(folder.path().join("am.yml"), config).unwrap();
    let listen = format!("--web.listen-address=127.0.0.1:{alertmanager}");
    let arguments = [
        "--config.file=am.yml",
        "--storage.path=am",
        "--cluster.listen-address=",
        &listen,
    ];
    let program = "prometheus-alertmanager";
    let _peer = Peer::start(program, program, &arguments, folder.path());
    wait_for("Alertmanager", || {
        get(alertmanager, "/-/ready").filter(|answer| answer.status == 200)
    });
    let tell = |ends: &str| {
        let alert = format!(
            "[{{\"labels\":{{\"alertname\":\"DiskFull\",\"instance\":\"db-7\"}},\
             \"annotations\":{{\"summary\":\"/var is full\"}}{ends}}}]"
        );
        let answer = post(alertmanager, "/api/v2/alerts", "application/json", &alert);
        assert_eq!(answer.unwrap().status, 200);
    };
    tell("");
    let page = wait_for("a page", || receiver.pages().first().cloned());
    assert!(page.to_string().contains("/var is full"), "{page}");
    let open = alerts(port);
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0]["alert"], "DiskFull", "{open:?}");

    tell(",\"endsAt\":\"2020-01-01T00:00:00Z\"");
    let over = wait_for("the end", || {
        let open = alerts(port);
        open.iter()
            .all(|alert| alert["display"] != "communicating")
            .then_some(open)
    });
    assert!(over.len() <= 1, "{over:?}");
}

/// Two network namespaces with a cable between them; gone when dropped.
struct Lab {
    here: String,
    there: String,
}

impl Lab {
    /// The far end has these addresses.
    #[track_caller]
    fn new(addresses: &[&str]) -> Self {
        let id = std::process::id();
        let lab = Self {
            here: format!("rem-a-{id}"),
            there: format!("rem-b-{id}"),
        };
        let (a, b) = (&lab.here, &lab.there);
        ip(&["netns", "add", a]);
        ip(&["netns", "add", b]);
        ip(&[
            "link", "add", "cable", "netns", a, "type", "veth", "peer", "name", "cable", "netns", b,
        ]);
        ip(&["-n", a, "addr", "add", "10.99.7.254/24", "dev", "cable"]);
        for address in addresses {
            ip(&["-n", b, "addr", "add", address, "dev", "cable"]);
        }
        for side in [a, b] {
            ip(&["-n", side, "link", "set", "cable", "up"]);
        }
        lab
    }

    fn cable(&self, state: &str) {
        ip(&["-n", &self.there, "link", "set", "cable", state]);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for side in [&self.here, &self.there] {
            let _ = Command::new("ip").args(["netns", "del", side]).status();
        }
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output();
    let done =
        done.unwrap_or_else(|error| panic!("ip: {error}: install the Debian package iproute2"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {}: {said}", arguments.join(" "));
}

#[test]
fn a_cut_cable_is_one_page_and_what_lies_behind_it_is_held() {
    let behind = ["10.99.7.11/24", "10.99.7.12/24", "10.99.7.13/24"];
    let lab = Lab::new(&[&["10.99.7.1/24"], &behind[..]].concat());
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let receiver = Receiver::start();
    let webs: String = (1..=3)
        .map(|n| {
            format!(
                "  web-0{n}: {{address: 10.99.7.1{n}, location: /lab/rack, depends: [{{group: network, need: 1, of: [\"machine:switch\"]}}]}}\n"
            )
        })
        .collect();
    let yaml = format!(
        "site: lab\ndata: ./data\nlisten: [{{http: \"127.0.0.1:{port}\"}}]\n\
         observers: {{probe: {{location: /lab, netns: {}}}}}\n\
         machines:\n  switch: {{address: 10.99.7.1, location: /lab/rack}}\n{webs}\
         packages:\n  reachable:\n    monitors:\n      ping:\n        check: ping\n        every: 1s\n        timeout: 500ms\n        \
         scope: near\n        levels: {{down: {{when: status != ok, in: 2 of last 2, alert: unreachable}}}}\n\
         alerts: {{unreachable: {{subject: machine, title: \"{{machine}} does not answer\", clear_delay: 1s}}}}\n\
         services:\n  lab:\n    packages: [reachable]\n    deployments: {{prod: {{machines: [switch, web-01, web-02, web-03]}}}}\n    \
         owners: [{{role: oncall, tries: 3, every: 5m}}]\n\
         roles: {{oncall: {{users: [ann]}}}}\nusers: {{ann: {{contacts: [{{webhook: \"{}\"}}]}}}}\n",
        lab.here,
        receiver.url()
    );
    let _monitor = start(folder.path(), &yaml);
    let states = || -> Vec<String> {
        let list = rpc(port, "monitor.list", &json!({}));
        let list = list.as_array().cloned().unwrap_or_default();
        let states = list.iter().filter_map(|one| one["state"].as_str());
        states.map(str::to_owned).collect()
    };
    wait_for("everything to answer", || {
        let states = states();
        (states.len() == 4 && states.iter().all(|state| state == "ok")).then_some(())
    });

    lab.cable("down");
    let open = wait_for("four alerts", || {
        let open = alerts(port);
        (open.len() == 4).then_some(open)
    });
    assert_eq!(open.len(), 4);
    wait_for("the page", || receiver.pages().first().cloned());
    let held = wait_for("three to be held", || {
        let open = alerts(port);
        let held = open
            .iter()
            .filter(|alert| alert["held_by"] == "machine:switch");
        (held.count() == 3).then_some(open)
    });
    let switch = held
        .iter()
        .find(|alert| alert["subject"] == "machine:switch")
        .unwrap();
    assert_eq!(switch["hides"], 3, "{switch}");
    let pages = receiver.pages();
    assert_eq!(pages.len(), 1, "one root cause, one page: {pages:?}");
    assert!(pages[0].to_string().contains("switch"), "{pages:?}");

    lab.cable("up");
    wait_for("all to be well", || {
        let open = alerts(port);
        open.iter()
            .all(|alert| alert["display"] != "communicating" && alert["display"] != "held")
            .then_some(())
    });
    assert_eq!(receiver.pages().len(), 1, "{:?}", receiver.pages());
}

#[test]
fn a_mail_is_answered_and_the_alert_is_acknowledged_over_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let receiver = Receiver::start();
    let script = root().join("crates/rem-notify/tests/peers/smtp.py");
    let mut command = Command::new("/usr/bin/python3");
    // It ends when nobody holds its stdin any more.
    command.arg(&script).stdin(Stdio::piped());
    let mut server = Started::of(command);
    let said = server.says("\"port\"");
    let said: Value = serde_json::from_str(&said).unwrap();
    let smtp = said["port"].as_u64().unwrap();
    let closed = free_port();
    let monitors = format!(
        "      port:\n        check: tcp\n        port: {closed}\n        every: 1s\n        \
         levels: {{down: {{when: status != ok, in: 2 of last 2, alert: port-down}}}}\n"
    );
    let more = format!(
        "notify: {{smtp: {{url: \"smtp://127.0.0.1:{smtp}\", from: rem@example.com}}, \
         self_test: {{comes_back: [mail]}}}}\n"
    );
    let yaml = small(port, &receiver, &monitors, &more).replace(
        &format!("webhook: \"{}\"", receiver.url()),
        "mail: ann@example.com",
    );
    let mut monitor = start(folder.path(), &yaml);
    let mail = mail_of(&server.says("\"mail\""));
    let subject = header(&mail, "Subject");
    assert!(subject.contains("[REM "), "{mail}");
    let reply_to = header(&mail, "Reply-To");
    let reply = format!(
        "From: ann@example.com\nTo: {reply_to}\nSubject: Re: {subject}\nIn-Reply-To: {}\nMessage-ID: <1@ann>\n\nack done\n\n> {}\n",
        header(&mail, "Message-ID"),
        mail.replace('\n', "\n> ")
    );
    pipe_mail(port, &reply);
    let acknowledged = |port| {
        let open = alerts(port);
        let own = open.iter().find(|alert| alert["alert"] == "port-down")?;
        (own["display"] == "acknowledged").then(|| own.clone())
    };
    wait_for("the acknowledgement", || acknowledged(port));

    // The self-test goes to our own address, and has arrived when the pipe brings it.
    assert_eq!(rpc(port, "contact.test", &json!({})), json!(true));
    let test = wait_for("the self-test", || {
        let lines = server.all().into_iter();
        let mut mails = lines.filter(|line| line.contains("\"mail\""));
        mails.find_map(|line| {
            let mail = mail_of(&line);
            (header(&mail, "X-REM-Kind") == "self-test").then_some(mail)
        })
    });
    assert_eq!(header(&test, "To"), "rem@example.com");
    let state = |port| rpc(port, "oncall.now", &json!({}))["self_tests"][0]["state"].clone();
    wait_for("the test to be taken over", || {
        (state(port) == "under_way").then_some(())
    });
    pipe_mail(port, &test);
    assert_eq!(state(port), "arrived");

    monitor.signal(rustix::process::Signal::KILL);
    monitor.ends();
    let _monitor = start(folder.path(), &yaml);
    assert_eq!(state(port), "arrived");
    let own = wait_for("the alert after the crash", || acknowledged(port));
    assert_eq!(own["subject"], "monitor:here/all/port");
    let pages = server
        .all()
        .into_iter()
        .filter(|line| line.contains("\"mail\"") && header(&mail_of(line), "Subject") == subject);
    assert_eq!(pages.count(), 1, "nobody is paged again");
}

/// Hands a mail on as a mail server's pipe does.
#[track_caller]
fn pipe_mail(port: u16, mail: &str) {
    let mut child = Command::new(crate::process::binary("rem-monitor"))
        .args(["mail-reply", "--url", &format!("http://127.0.0.1:{port}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(mail.as_bytes()).unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The text of a mail that the server says it took.
fn mail_of(line: &str) -> String {
    let said: Value = serde_json::from_str(line).unwrap();
    let text = said["mail"]["data"].as_str().unwrap();
    text.replace("\r\n", "\n")
}

fn header(mail: &str, name: &str) -> String {
    let mut found = String::new();
    let mut inside = false;
    for line in mail.lines() {
        if line.is_empty() {
            break;
        }
        if inside && line.starts_with([' ', '\t']) {
            found.push(' ');
            found.push_str(line.trim());
            continue;
        }
        inside = false;
        if let Some(value) = line.strip_prefix(&format!("{name}: ")) {
            found = value.trim().to_owned();
            inside = true;
        }
    }
    found
}
