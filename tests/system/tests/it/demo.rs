//! The demo of `dropstar`, as a visitor has it.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Answer, Started, free_port, get, post, request, run, wait_for};
use crate::root;

/// The demo in a folder of its own, on a free port.
fn start(folder: &Path) -> (Started, u16) {
    copy(&root().join("examples/dropstar-demo"), folder);
    let port = free_port();
    let file = folder.join("dropstar.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("8686", &port.to_string())).unwrap();
    let mut started = Started::new("dropstar", &["dropstar.yaml"], folder);
    started.says(&format!("http://localhost:{port}/"));
    (started, port)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let left_behind = ["data", "cpu.png"]
            .iter()
            .any(|name| *name == entry.file_name());
        if entry.file_type().unwrap().is_dir() && !left_behind {
            copy(&entry.path(), &target);
        } else if !left_behind {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[track_caller]
fn page(port: u16, path: &str) -> Answer {
    let answer = get(port, path).unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

#[track_caller]
fn shows(port: u16, path: &str, parts: &[&str]) {
    let text = page(port, path).text();
    for part in parts {
        assert!(text.contains(part), "{path} does not show {part}:\n{text}");
    }
}

/// Sends a form as a browser does: with the cookie and the token of its page.
fn send_form(port: u16, page_path: &str, target: &str, fields: &str) -> Answer {
    let page = page(port, page_path);
    let lines = page.head.lines().filter_map(|line| line.split_once(": "));
    let cookie = lines
        .clone()
        .find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookie = cookie.unwrap().1.split(';').next().unwrap();
    let text = page.text();
    let token = text.split_once("name=\"_csrf\" value=\"").unwrap().1;
    let token = token.split('"').next().unwrap();
    let body = format!("_csrf={token}&{fields}");
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\ncookie: {cookie}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n"
    );
    request(port, &(head + &body)).unwrap()
}

fn requests(port: u16) -> Value {
    page(port, "/rpc/requests").json()
}

#[test]
fn every_tab_of_the_demo_works() {
    let folder = tempfile::tempdir().unwrap();
    let (mut started, port) = start(folder.path());
    let first = get(port, "/").unwrap();
    assert_eq!(first.status, 303, "{}", first.head);

    let tabs = [
        ">CPU</a>",
        ">System</a>",
        ">Log</a>",
        ">Requests</a>",
        ">Wall</a>",
    ];
    shows(port, "/cpu", &tabs);
    shows(
        port,
        "/cpu",
        &[
            "User",
            "hx-trigger=\"every 5s\"",
            "graphs/cpu.png",
            "cpu_chart",
        ],
    );
    let chart = page(port, "/rpc/cpu_chart").json();
    assert_eq!(chart["series"][0]["name"], "user", "{chart:#}");
    assert!(chart["series"][0]["values"][0].is_number(), "{chart:#}");
    wait_for("the picture", || {
        get(port, "/graphs/cpu.png").filter(|answer| answer.status == 200)
    });
    assert!(folder.path().join("data/cpu.rrd").is_file());

    shows(
        port,
        "/system",
        &[
            "<th scope=\"col\">Processor</th>",
            "<th scope=\"col\">0</th>",
        ],
    );
    shows(
        port,
        "/log",
        &[
            "line line-error",
            "line line-info",
            "hx-trigger=\"every 5s\"",
        ],
    );

    shows(
        port,
        "/requests",
        &["Stop the request poller", "value=\"100\"", "requests_chart"],
    );
    let before = requests(port)["total"].as_i64().unwrap();
    let grown = |port| Some(requests(port)).filter(|now| now["total"].as_i64() > Some(before));
    wait_for("the counter to grow", || grown(port));

    let moved = send_form(port, "/requests", "/requests/delay", "delay=500");
    assert_eq!(moved.status, 303, "{}", moved.text());
    shows(port, "/requests", &["value=\"500\""]);

    let stopped = send_form(port, "/requests", "/requests/poller", "");
    assert_eq!(stopped.status, 303, "{}", stopped.text());
    shows(port, "/requests", &["Start the request poller", "Stopped"]);
    wait_for("a second without requests", || {
        let chart = page(port, "/rpc/requests_chart").json();
        let last = chart["series"][0]["values"].as_array()?.last()?.as_f64()?;
        (last == 0.0).then_some(())
    });
    let total = requests(port)["total"].clone();
    let runs = |port| {
        page(port, "/rpc/requests_chart").json()["time"]
            .as_array()
            .unwrap()
            .len()
    };
    let ran = runs(port);
    wait_for("the poller to look again", || {
        (runs(port) > ran).then_some(())
    });
    assert_eq!(
        requests(port)["total"],
        total,
        "the poller counts on while it is stopped"
    );
    send_form(port, "/requests", "/requests/poller", "");
    shows(port, "/requests", &["Stop the request poller"]);

    started.signal(Signal::TERM);
    assert_eq!(started.ends(), Some(0), "{}", started.seen.join("\n"));
}

#[test]
fn the_wall_keeps_the_last_25_messages_and_shows_them_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let (mut started, port) = start(folder.path());
    for number in 1..=29 {
        let message = json!({"message": format!("message {number}.")}).to_string();
        let answer = post(port, "/wall", "application/json", &message).unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
    }
    let answer = send_form(
        port,
        "/wall",
        "/wall",
        "message=%3Cscript%3Ealert(30)%3C%2Fscript%3E",
    );
    assert_eq!(answer.status, 303, "{}", answer.text());
    for _ in 0..2 {
        let wall = page(port, "/wall.json").json();
        let messages = wall["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 25, "reading takes none away");
        assert_eq!(messages[0]["text"], "<script>alert(30)</script>");
        assert_eq!(messages[24]["text"], "message 6.");
    }
    let text = page(port, "/wall").text();
    assert!(text.contains("&lt;script&gt;alert(30)"), "{text}");
    assert!(!text.contains("<script>alert"), "{text}");

    // An edit is there at the next request, and a broken one is not taken.
    let package = folder.path().join("package.yaml");
    let yaml = std::fs::read_to_string(&package).unwrap();
    std::fs::write(&package, yaml.replace("title: Wall", "title: Notice board")).unwrap();
    shows(port, "/wall", &["<h1>Notice board</h1>"]);
    std::fs::write(&package, yaml.replace("title: Wall", "titel: Wall")).unwrap();
    shows(port, "/wall", &["<h1>Notice board</h1>"]);
    started.says("http.wall.titel: unknown key titel");
    let script = folder.path().join("scripts/wall.py");
    std::fs::write(
        &script,
        "def ProcessBlock(*a, **k):\n    raise ValueError('gone')\n",
    )
    .unwrap();
    let failed = get(port, "/wall").unwrap();
    assert_eq!(failed.status, 500);
    assert!(!failed.text().contains("gone"), "{}", failed.text());
    started.says("ValueError: gone");
    page(port, "/system");

    started.signal(Signal::INT);
    assert_eq!(started.ends(), Some(0), "{}", started.seen.join("\n"));
}

#[test]
fn a_reload_takes_new_site_files_and_refuses_broken_ones() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("one.yaml"),
        "http: {a: {run: [{set: {output: one}}]}}\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("two.yaml"),
        "http: {a: {run: [{set: {output: two}}]}}\n",
    )
    .unwrap();
    let site = |port: u16, package: &str| {
        let text = format!("localhost: {{port: {port}, packages: [{package}]}}\n");
        std::fs::write(folder.path().join("site.yaml"), text).unwrap();
    };
    let (port, other) = (free_port(), free_port());
    site(port, "one.yaml");
    let mut started = Started::new("dropstar", &["site.yaml"], folder.path());
    started.says(&format!("http://localhost:{port}/"));
    assert_eq!(page(port, "/a").text(), "one");

    site(port, "two.yaml");
    started.signal(Signal::HUP);
    wait_for("the other package", || {
        (page(port, "/a").text() == "two").then_some(())
    });
    site(port, "three.yaml");
    started.signal(Signal::HUP);
    started.says("package does not exist");
    assert_eq!(page(port, "/a").text(), "two");
    site(other, "one.yaml");
    started.signal(Signal::HUP);
    wait_for("the other port", || {
        get(other, "/a").filter(|answer| answer.text() == "one")
    });
    assert!(get(port, "/a").is_none(), "the old port still answers");

    started.signal(Signal::TERM);
    assert_eq!(started.ends(), Some(0), "{}", started.seen.join("\n"));
}

#[test]
fn the_demo_is_in_order_and_mistakes_are_told_with_their_place() {
    let file = root().join("examples/dropstar-demo/dropstar.yaml");
    let output = run("dropstar", &["check", file.to_str().unwrap()]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.yaml");
    std::fs::write(&site, "localhost: {packages: [package.yaml]}\n").unwrap();
    std::fs::write(
        folder.path().join("package.yaml"),
        "http:\n  a: {run: [{script: a.py}]}\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("a.py"), "def ProcessBlock(:\n").unwrap();
    let output = run("dropstar", &["check", site.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("a.py:1:"), "{said}");
}
