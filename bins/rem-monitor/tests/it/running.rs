//! The command and a monitor that really runs.

use rustix::process::Signal;
use serde_json::Value;

use crate::site::{Site, free_port, wait_for};

const PEOPLE: &str = "\
roles:
  web-oncall:
    users: [ann, bob]
    rotation: {every: 1w, at: mon 09:00, from: 2026-01-05, zone: Europe/Berlin}
users:
  ann: {name: Ann, zone: Europe/Berlin, contacts: [{mail: ann@example.com}]}
  bob: {name: Bob, contacts: [{mail: bob@example.com}]}
";

fn yaml(port: u16, monitors: &str) -> String {
    format!(
        "site: test\ndata: ./data\nlisten:\n  - {{http: \"127.0.0.1:{port}\"}}\n\
         import: conf.d/*.yaml\n\
         machines:\n  here: {{address: 127.0.0.1, local: true}}\n\
         packages:\n  all:\n    monitors:\n{monitors}\
         services:\n  all: {{packages: [all], owners: [{{role: web-oncall}}], deployments: {{prod: {{machines: [here]}}}}}}\n{PEOPLE}"
    )
}

const LOAD: &str = "      load: {check: local.load, every: 1s}\n";
const CLOSED: &str = "      closed:\n        check: tcp\n        port: 9\n        every: 1s\n        \
    levels: {shut: {when: status != ok, in: last, alert: port-shut}}\n";

fn site(monitors: &str) -> (Site, u16) {
    let port = free_port();
    let site = Site::new();
    std::fs::create_dir(site.path("conf.d")).unwrap();
    site.write("conf.d/none.yaml", "{}\n");
    site.write("monitor.yaml", &yaml(port, monitors));
    (site, port)
}

fn ids(site: &Site) -> Vec<String> {
    let status = site.run(&["status", "--all", "--output", "json"]).json();
    let monitors = status["monitors"].as_array().unwrap();
    monitors
        .iter()
        .map(|monitor| monitor["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_alert_is_seen_acknowledged_and_explained_from_the_command_line() {
    let (site, _) = site(&format!("{LOAD}{CLOSED}"));
    let mut monitor = site.start();
    let alert = wait_for("the alert", || {
        let alerts = site.run(&["alerts", "--output", "json"]).ends(0).json();
        alerts["alerts"].get(0).cloned()
    });
    let number = alert["number"].to_string();
    site.run(&["alerts"]).ends(0).says("port-shut");
    site.run(&["status"])
        .ends(1)
        .says("port-shut")
        .says("here/all/closed");
    site.run(&["look", "here/all/load"]).ends(0).says("load1");
    site.run(&["look", "here/all/closed"])
        .ends(1)
        .says("critical");
    site.run(&["look", "here/all/lod"])
        .ends(1)
        .says("did you mean here/all/load?");
    site.run(&["levels", "here/all/closed"])
        .ends(0)
        .says("shut: true");
    site.run(&["ack", &number, "--comment", "on it", "--by", "nobody"])
        .ends(1)
        .says("there is no user nobody");
    site.run(&["ack", &number, "--comment", "on it"])
        .ends(0)
        .says("acknowledged");
    site.run(&["alert", &number])
        .ends(0)
        .says("Acknowledged")
        .says("on it");
    let timeline = site.run(&["alert", &number, "--output", "json"]).json();
    assert!(
        timeline["timeline"]
            .as_array()
            .is_some_and(|lines| lines.len() > 1),
        "{timeline:#}"
    );
    site.run(&["explain", &number]).ends(0).says("port-shut");
    let hold = site
        .run(&[
            "hold",
            "add",
            "--match",
            "machine = here",
            "--for",
            "2h",
            "--why",
            "new disks",
        ])
        .ends(0);
    let hold = hold.out.trim();
    site.run(&["hold", "list"])
        .ends(0)
        .says("new disks")
        .says(hold);
    site.run(&["silence", "end", hold]).ends(0);
    for verb in [
        &["states"][..],
        &["jobs"],
        &["hold", "list"],
        &["swap", "list"],
        &["oncall", "edits"],
        &["contacts", "broken"],
        &["levels", "here/all/load"],
    ] {
        site.run(verb).ends(0);
        site.run(&[verb, &["--output", "json"]].concat())
            .ends(0)
            .json();
    }
    site.run(&["contacts", "test"]).ends(0);
    monitor.signal(Signal::TERM);
    assert_eq!(monitor.ends(), Some(0));
}

#[test]
fn who_is_on_call_is_the_same_with_and_without_a_running_monitor() {
    let (site, _) = site(LOAD);
    let _monitor = site.start();
    let at = [
        "oncall",
        "web-oncall",
        "--at",
        "2026-12-24T18:00:00Z",
        "--output",
        "json",
    ];
    let who = |answer: Value| answer["roles"][0]["now"].clone();
    let running = who(site.run(&at).ends(0).json());
    let alone = who(site
        .run(&[&at[..], &["--file", "monitor.yaml"]].concat())
        .ends(0)
        .json());
    assert_eq!(running, alone);
    assert!(running == serde_json::json!(["ann"]) || running == serde_json::json!(["bob"]));

    let shifts = [
        "oncall",
        "shifts",
        "web-oncall",
        "--from",
        "2026-12-01T00:00:00Z",
    ];
    site.run(&shifts).ends(0).says("web-oncall");
    site.run(&[&shifts[..], &["--file", "monitor.yaml"]].concat())
        .ends(0)
        .says("web-oncall");
    site.run(&["oncall", "web-oncal", "--file", "monitor.yaml"])
        .ends(1)
        .says("did you mean web-oncall?");
    site.run(&["oncall", "ics", "--user", "ann", "--file", "monitor.yaml"])
        .ends(0)
        .says("BEGIN:VCALENDAR");

    site.run(&["oncall", "vacation", "--until", "2027-02-01T00:00:00Z"])
        .ends(0)
        .says("change 1");
    site.run(&["oncall", "edits"]).ends(0).says("ann");
    let now = who(site.run(&["oncall", "--output", "json"]).ends(0).json());
    assert_eq!(now, serde_json::json!(["bob"]));
    site.run(&["oncall", "withdraw", "1"]).ends(0);
}

#[test]
fn a_file_that_changes_is_read_again_by_itself_and_a_broken_one_changes_nothing() {
    let (site, port) = site(LOAD);
    let mut monitor = site.start();
    assert_eq!(ids(&site), ["here/all/load"]);
    site.write(
        "monitor.yaml",
        &yaml(
            port,
            &format!("{LOAD}      memory: {{check: local.memory, every: 1s}}\n"),
        ),
    );
    monitor.says("reloaded: 1 monitor added");
    assert_eq!(ids(&site), ["here/all/load", "here/all/memory"]);

    site.write(
        "monitor.yaml",
        &yaml(port, "      load: {chek: local.load}\n"),
    );
    monitor.says("not reloaded, everything goes on as it was");
    assert_eq!(ids(&site), ["here/all/load", "here/all/memory"]);
    site.run(&["status"])
        .ends(1)
        .says("the file was not read at")
        .says("monitor.yaml:");
    site.run(&["reload"]).ends(1).says("neither check nor run");

    site.write("monitor.yaml", &yaml(port, LOAD));
    monitor.says("reloaded: 1 monitor removed");
    site.write(
        "conf.d/more.yaml",
        "machines: {there: {address: 127.0.0.2}}\n",
    );
    monitor.says("reloaded: ");
    site.run(&["reload"]).ends(0).says("nothing changed");
    monitor.signal(Signal::HUP);
    monitor.says("reloaded: nothing changed");
}

#[test]
fn listeners_change_while_the_monitor_runs() {
    let (site, port) = site(LOAD);
    let mut monitor = site.start();
    let other = free_port();
    site.write("monitor.yaml", &yaml(other, LOAD));
    monitor.says("reloaded: 1 listener added");
    assert_eq!(ids(&site), ["here/all/load"], "at the new address");
    let old = format!("http://127.0.0.1:{port}");
    wait_for("the old address to close", || {
        (site.run(&["states", "--url", &old]).code == Some(3)).then_some(())
    });

    // The same port with other settings: it has to close before it opens again.
    let text = yaml(other, LOAD).replace(
        &format!("{{http: \"127.0.0.1:{other}\"}}"),
        &format!("{{http: \"127.0.0.1:{other}\", tls: {{self_signed: true}}}}"),
    );
    site.write("monitor.yaml", &text);
    monitor.says("reloaded: 1 listener changed");
    assert_eq!(
        ids(&site),
        ["here/all/load"],
        "with the monitor's own certificate"
    );

    // An address that is taken changes nothing.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    site.write("monitor.yaml", &yaml(port, LOAD));
    monitor.says("not reloaded, everything goes on as it was");
    site.write("monitor.yaml", &text);
    monitor.says("reloaded: nothing changed");
    assert_eq!(ids(&site), ["here/all/load"]);
}

#[test]
fn a_new_file_is_taken_in_wherever_an_import_looks_for_it() {
    let (site, port) = site(LOAD);
    let text = yaml(port, LOAD).replace(
        "import: conf.d/*.yaml\n",
        "import: [conf.d/*.yaml, \"sites/*/*.conf\"]\n",
    );
    std::fs::create_dir(site.path("sites")).unwrap();
    site.write("monitor.yaml", &text);
    std::fs::remove_file(site.path("conf.d/none.yaml")).unwrap();
    let mut monitor = site.start();
    // Into a folder that held no file of the configuration, and into one that was not there.
    site.write(
        "conf.d/more.yaml",
        "machines: {there: {address: 127.0.0.2}}\n",
    );
    monitor.says("reloaded: dependencies changed");
    std::fs::create_dir(site.path("sites/new")).unwrap();
    site.write(
        "sites/new/a.conf",
        "machines: {far: {address: 127.0.0.3}}\n",
    );
    monitor.says("reloaded: dependencies changed");

    // An import of a file that is not there is a mistake until it appears.
    site.write(
        "monitor.yaml",
        &text.replace("import: [", "import: [late/one.yaml, "),
    );
    monitor.says("not reloaded, everything goes on as it was");
    std::fs::create_dir(site.path("late")).unwrap();
    site.write("late/one.yaml", "machines: {late: {address: 127.0.0.4}}\n");
    monitor.says("reloaded: dependencies changed");
    std::fs::remove_file(site.path("sites/new/a.conf")).unwrap();
    monitor.says("reloaded: dependencies changed");
}

#[test]
fn levels_are_replayed_beside_the_monitor_that_runs() {
    let (site, _) = site(CLOSED);
    let mut monitor = site.start();
    let replay = ["replay", "monitor.yaml", "--from", "1h"];
    wait_for("the alert in what is stored", || {
        let ran = site.run(&replay).ends(0);
        ran.out.contains("port-shut").then_some(())
    });
    site.write(
        "edited.yaml",
        &std::fs::read_to_string(site.path("monitor.yaml"))
            .unwrap()
            .replace("alert: port-shut", "alert: port-gone"),
    );
    let compared = site.run(&[
        "replay",
        "edited.yaml",
        "--against",
        "monitor.yaml",
        "--from",
        "1h",
        "--output",
        "json",
    ]);
    let differences = compared.ends(0).json();
    let difference = |key: &str| {
        let all = differences.as_array().unwrap().iter();
        let mut found = all.filter_map(|one| one[key]["alert"].as_str());
        found.next().map(str::to_owned)
    };
    assert_eq!(difference("new").as_deref(), Some("port-gone"));
    assert_eq!(difference("gone").as_deref(), Some("port-shut"));
    site.run(&["look", "here/all/closed"])
        .ends(1)
        .says("this host");
    monitor.signal(Signal::TERM);
    assert_eq!(monitor.ends(), Some(0));
    site.run(&replay).ends(0).says("port-shut");
}
