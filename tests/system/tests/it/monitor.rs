//! `rem-monitor` as an operator has it: start, look at the page, reload, end.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Started, free_port, get, post, run, wait_for};
use crate::root;

const PAGE: &str = "/system_monitor/monitor.json";

fn write_file(folder: &Path, port: u16, monitors: &str) -> String {
    let text = format!(
        "site: test\ndata: ./data\nlisten:\n  - {{http: \"127.0.0.1:{port}\"}}\n\
         machines:\n  here: {{address: 127.0.0.1, local: true}}\n\
         packages:\n  all:\n    monitors:\n{monitors}\
         services:\n  all: {{packages: [all], deployments: {{prod: {{machines: [here]}}}}}}\n"
    );
    let file = folder.join("monitor.yaml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn start(folder: &Path, file: &str) -> Started {
    let mut started = Started::new("rem-monitor", &[file], folder);
    started.says("/system_monitor/monitor");
    started
}

fn cards(page: &Value) -> Vec<Value> {
    let machines = page["machines"].as_array().unwrap();
    machines
        .iter()
        .flat_map(|machine| machine["cards"].as_array().unwrap().clone())
        .collect()
}

fn card(port: u16, id: &str) -> Option<Value> {
    let page = get(port, PAGE)?.json();
    cards(&page).into_iter().find(|card| card["id"] == id)
}

/// Waits until a monitor has been looked at and gives its card.
#[track_caller]
fn looked_at(port: u16, id: &str) -> Value {
    wait_for(id, || card(port, id).filter(|card| !card["at"].is_null()))
}

#[test]
fn the_example_shows_this_machine_and_says_why_a_target_fails() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let source = root().join("examples/monitor");
    let text = std::fs::read_to_string(source.join("monitor.yaml")).unwrap();
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    for script in std::fs::read_dir(source.join("scripts")).unwrap() {
        let script = script.unwrap();
        std::fs::copy(
            script.path(),
            folder.path().join("scripts").join(script.file_name()),
        )
        .unwrap();
    }
    let file = folder.path().join("monitor.yaml");
    std::fs::write(&file, text.replace("2001", &port.to_string())).unwrap();
    let mut started = start(folder.path(), file.to_str().unwrap());

    let page = wait_for("every monitor to be looked at", || {
        let page = get(port, PAGE)?.json();
        cards(&page)
            .iter()
            .all(|card| !card["at"].is_null())
            .then_some(page)
    });
    let of = |id: &str| {
        cards(&page)
            .into_iter()
            .find(|card| card["id"] == id)
            .unwrap()
    };
    for (id, field, unit) in [
        ("this-machine/linux/cpu", "used", "%"),
        ("this-machine/linux/load", "load1", ""),
        ("this-machine/linux/memory", "used", "B"),
        ("this-machine/linux/disk", "used_percent", "%"),
        ("this-machine/linux/network", "rx_bytes", "B/s"),
        ("this-machine/reachable/ping", "rtt_avg", "s"),
        ("this-machine/dropstar/page", "duration", "s"),
        ("this-machine/fortune/dice", "sum", ""),
    ] {
        let card = of(id);
        let readings = card["readings"].as_array().unwrap();
        let reading = readings.iter().find(|reading| reading["field"] == field);
        let reading = reading.unwrap_or_else(|| panic!("{id} has no {field}: {card:#}"));
        assert_eq!(reading["unit"], unit, "{id}");
        assert!(
            reading["value"].is_number(),
            "{id} {field} has no value: {card:#}"
        );
        assert!(
            !card["beats"].as_array().unwrap().is_empty(),
            "{id} has no bar"
        );
    }
    let broken = of("this-machine/broken-on-purpose/http");
    assert_eq!(broken["state"], "critical");
    assert!(
        broken["message"].as_str().unwrap().contains("refused"),
        "{broken:#}"
    );
    assert_eq!(
        page["problems"][0]["id"],
        "this-machine/broken-on-purpose/http"
    );

    started.signal(Signal::TERM);
    assert_eq!(started.ends(), Some(0));
}

#[test]
fn starting_again_goes_on_with_the_same_graphs_and_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let monitors = "      load: {check: local.load, every: 1s}\n      \
                    closed: {check: tcp, port: 9, every: 1s}\n";
    let file = write_file(folder.path(), port, monitors);
    // Row by row: a page's graph has several seconds in one.
    let known = |port| {
        looked_at(port, "here/all/load");
        let params = json!({"name": "here/all/load", "points": 10_000});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "series.fetch", "params": params});
        let answer = post(port, "/rpc", "application/json", &call.to_string()).unwrap();
        let loads = answer.json()["result"]["fields"]["load1"]
            .as_array()
            .cloned();
        loads
            .unwrap_or_default()
            .iter()
            .filter(|value| !value.is_null())
            .count()
    };

    let mut first = start(folder.path(), &file);
    let since = looked_at(port, "here/all/closed")["since"].clone();
    wait_for("some numbers", || (known(port) >= 4).then_some(()));
    first.signal(Signal::INT);
    assert_eq!(first.ends(), Some(0));

    // Another process, ended without warning: what is older than a second stays.
    let mut second = start(folder.path(), &file);
    let before = known(port);
    assert!(before >= 4, "{before} numbers are left of the first run");
    wait_for("more numbers", || (known(port) >= before + 3).then_some(()));
    second.signal(Signal::KILL);
    assert_eq!(second.ends(), None);

    let _third = start(folder.path(), &file);
    let after = known(port);
    assert!(
        after > before,
        "{after} numbers after a kill, {before} before"
    );
    let closed = looked_at(port, "here/all/closed");
    assert_eq!(
        closed["since"], since,
        "a failure is as old as it was before the restart"
    );
    assert!(
        closed["beats"].as_array().unwrap().len() > 2,
        "the bar began anew: {closed:#}"
    );
}

#[test]
fn a_reload_keeps_what_did_not_change_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = write_file(
        folder.path(),
        port,
        "      load: {check: local.load, every: 1s}\n",
    );
    let mut started = start(folder.path(), &file);
    let since = looked_at(port, "here/all/load")["since"].clone();

    let more = "      load: {check: local.load, every: 1s}\n      \
                memory: {check: local.memory, every: 1s}\n";
    write_file(folder.path(), port, more);
    started.signal(Signal::HUP);
    looked_at(port, "here/all/memory");
    assert_eq!(card(port, "here/all/load").unwrap()["since"], since);

    write_file(
        folder.path(),
        port,
        "      memory: {check: local.memroy, every: 1s}\n",
    );
    started.signal(Signal::HUP);
    started.says("local.memory");
    assert!(
        card(port, "here/all/load").is_some(),
        "a broken file took a monitor away"
    );

    write_file(
        folder.path(),
        port,
        "      memory: {check: local.memory, every: 1s}\n",
    );
    started.signal(Signal::HUP);
    wait_for("the monitor to go", || {
        card(port, "here/all/load").is_none().then_some(())
    });
    started.signal(Signal::TERM);
    assert_eq!(started.ends(), Some(0));
}

#[test]
fn the_same_is_there_for_programs_over_both_kinds_of_rpc() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = write_file(
        folder.path(),
        port,
        "      load: {check: local.load, every: 1s}\n",
    );
    let _started = start(folder.path(), &file);
    looked_at(port, "here/all/load");

    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "monitor.list"}).to_string();
    let answer = post(port, "/rpc", "application/json", &call).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["result"][0]["id"], "here/all/load");

    let call = "<?xml version='1.0'?><methodCall><methodName>monitor.get</methodName>\
                <params><param><value><string>here/all/load</string></value></param></params></methodCall>";
    let answer = post(port, "/rpc", "text/xml", call).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("local.load"), "{}", answer.text());

    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "monitor.check_now", "params": {"id": "here/all/gone"}});
    let answer = post(port, "/rpc", "application/json", &call.to_string()).unwrap();
    assert!(
        answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("here/all/gone")
    );
}

#[test]
fn checks_are_told_to_open_pages_as_they_are_done() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = write_file(
        folder.path(),
        port,
        "      load: {check: local.load, every: 1s}\n",
    );
    let _started = start(folder.path(), &file);
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(30)))
        .unwrap();
    write!(
        stream,
        "GET /events?topics=checks HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let data = lines
        .find_map(|line| line.strip_prefix("data:").map(str::to_owned))
        .unwrap();
    let seen: Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!(seen["id"], "here/all/load");
    assert!(
        seen["samples"][0]["fields"]["load1"].is_number(),
        "{seen:#}"
    );
}

#[test]
fn a_file_with_mistakes_starts_nothing_and_names_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let monitors = "      load: {check: local.lood, every: 1s}\n      \
                    ping: {check: ping, evry: 5}\n";
    let file = write_file(folder.path(), 1, monitors);
    for arguments in [vec![file.as_str()], vec!["check", &file]] {
        let output = run("rem-monitor", &arguments);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("monitor.yaml:10:"), "{said}");
        assert!(said.contains("local.load"), "{said}");
        assert!(said.contains("monitor.yaml:11:"), "{said}");
        assert!(said.contains("every"), "{said}");
    }
    assert!(
        !folder.path().join("data").exists(),
        "something was started"
    );
}

#[test]
fn the_example_is_a_valid_file_and_explains_itself() {
    let file = root().join("examples/monitor/monitor.yaml");
    let file = file.to_str().unwrap();
    let output = run("rem-monitor", &["check", file]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = run("rem-monitor", &["explain", file, "this-machine/linux/cpu"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("monitor.yaml:") && said.contains("local.cpu"),
        "{said}"
    );
}

#[test]
fn nothing_listens_beyond_loopback_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_file(
        folder.path(),
        1,
        "      load: {check: local.load, every: 1s}\n",
    );
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("127.0.0.1:1\"", "0.0.0.0:0\"");
    std::fs::write(&file, text).unwrap();
    let output = run("rem-monitor", &[&file]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("auth"), "{said}");
}

#[test]
fn two_monitors_do_not_share_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = write_file(
        folder.path(),
        port,
        "      load: {check: local.load, every: 1s}\n",
    );
    let _first = start(folder.path(), &file);
    let output = run("rem-monitor", &[&file]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("data"), "{said}");
}
