//! The users of the file sign in, and what they do has their name.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use serde_json::Value;

use crate::site::{Site, free_port, wait_for};

const PASSWORD: &str = "a long enough password";

/// Ann may do everything an operator may, Bob only look; Cho is known at the listener alone.
fn site() -> (Site, u16) {
    let (site, port) = (Site::new(), free_port());
    let hash = site.piped(&["hash-password"], PASSWORD).ends(0).out;
    let hash = hash.trim();
    site.write("ann.token", "ann-0123456789abcdef");
    site.write("bob.token", "bob-0123456789abcdef");
    site.write(
        "monitor.yaml",
        &format!(
            "listen:\n  - http: \"127.0.0.1:{port}\"\n    \
               auth: {{users: {{cho: {{password_hash: '{hash}', roles: [admin]}}}}}}\n\
             machines: {{here: {{address: 127.0.0.1}}}}\n\
             packages:\n  all:\n    monitors:\n      \
               closed:\n        check: tcp\n        port: 9\n        every: 1s\n        \
               levels: {{shut: {{when: status != ok, in: last, alert: port-shut}}}}\n      \
               told: {{check: passive, fresh: 26h, every: 1h}}\n\
             services: {{all: {{packages: [all], deployments: {{prod: {{machines: [here]}}}}}}}}\n\
             users:\n  ann: {{password_hash: '{hash}', token: {{file: ann.token}}}}\n  \
               bob: {{password_hash: '{hash}', token: {{file: bob.token}}, role: viewer}}\n"
        ),
    );
    (site, port)
}

/// Status and head of an answer.
fn ask(port: u16, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

fn get(port: u16, header: &str) -> (u16, String) {
    ask(
        port,
        &format!(
            "GET /system_monitor/alerts HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{header}connection: close\r\n\r\n"
        ),
    )
}

#[test]
fn a_user_of_the_file_signs_in_by_page_by_basic_and_by_token() {
    let (site, port) = site();
    let _monitor = site.start();
    assert_eq!(get(port, "").0, 401, "nobody gets in unknown");
    let basic = |name: &str, password: &str| {
        let both = format!("{name}:{password}");
        let both = base64::engine::general_purpose::STANDARD.encode(both);
        get(port, &format!("authorization: Basic {both}\r\n")).0
    };
    assert_eq!(basic("ann", PASSWORD), 200);
    assert_eq!(basic("cho", PASSWORD), 200);
    assert_eq!(basic("ann", "another password"), 401);

    let (status, page) = ask(
        port,
        &format!("GET /sign_in HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"),
    );
    assert_eq!(status, 200);
    let between = |text: &str, before: &str, after: &str| -> String {
        let rest = text.split_once(before).unwrap().1;
        rest.split_once(after).unwrap().0.to_owned()
    };
    let token = between(&page, "name=\"_csrf\" value=\"", "\"");
    let cookies = |answer: &str| -> String {
        let lines = answer.lines().take_while(|line| !line.is_empty());
        let set = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let value = value.split(';').next()?;
            name.eq_ignore_ascii_case("set-cookie").then_some(value)
        });
        set.collect::<Vec<_>>().join("; ")
    };
    let form = format!(
        "_csrf={token}&next=/system_monitor/alerts&user=bob&password={}",
        PASSWORD.replace(' ', "+")
    );
    let (status, answer) = ask(
        port,
        &format!(
            "POST /sign_in HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{form}",
            cookies(&page),
            form.len()
        ),
    );
    assert_eq!(status, 303, "{answer}");
    let (status, page) = get(port, &format!("cookie: {}\r\n", cookies(&answer)));
    assert_eq!(status, 200);
    assert!(page.contains("<span class=\"who\">bob</span>"), "{page}");
    assert!(
        !page.contains("value=\"ack\""),
        "who only looks has no buttons"
    );
}

#[test]
fn what_a_user_of_the_file_does_has_their_name() {
    let (site, _) = site();
    let _monitor = site.start();
    let alert = wait_for("the alert", || {
        let asked = ["alerts", "--output", "json", "--token", "file:ann.token"];
        let alerts = site.run(&asked).ends(0).json();
        alerts["alerts"].get(0).cloned()
    });
    let number = alert["number"].to_string();
    site.run(&["status"]).ends(2).says("give --token");
    site.run(&["ack", &number, "--token", "file:bob.token"])
        .ends(1)
        .says("operator");
    let ack = [
        "ack",
        &number,
        "--comment",
        "on it",
        "--token",
        "file:ann.token",
        "--by",
        "cho",
    ];
    site.run(&ack).ends(0);
    let asked = [
        "alert",
        &number,
        "--output",
        "json",
        "--token",
        "file:bob.token",
    ];
    let acknowledged: Value = site.run(&asked).ends(0).json();
    assert_eq!(acknowledged["ack"]["by"], "ann", "{acknowledged:#}");
}

#[test]
fn a_pushed_result_is_good_for_as_long_as_it_says_and_the_pusher_is_named() {
    let (site, _) = site();
    let _monitor = site.start();
    let ann = ["--token", "file:ann.token"];
    let push = |more: &[&str]| {
        let push = [
            "push",
            "here/all/told",
            "--exit-status",
            "0",
            "--message",
            "done",
        ];
        site.run(&[&push[..], &ann, more].concat())
    };
    let told = || {
        let status = ["status", "--all", "--output", "json"];
        let status = site.run(&[&status[..], &ann].concat()).json();
        let monitors = status["monitors"].as_array().unwrap();
        monitors
            .iter()
            .find(|m| m["id"] == "here/all/told")
            .unwrap()
            .clone()
    };
    push(&["--ttl", "500ms"])
        .ends(2)
        .says("expected a time from 1s to 31d");
    push(&["--at", "yesterday"]).ends(2).says("not a time");
    push(&[]).ends(0);
    let fresh = told();
    assert_eq!(
        (&fresh["state"], &fresh["seen_by"]["said"]),
        (&"ok".into(), &"pushed by ann".into())
    );
    site.run(&[&["status", "--all"][..], &ann].concat())
        .says("SEEN BY")
        .says("pushed by ann");
    push(&["--ttl", "1h", "--at", "2h", "--source", "backup.sh"]).ends(0);
    wait_for(
        "what was good for an hour two hours ago to be stale",
        || (told()["state"] == "unknown").then_some(()),
    );
    push(&["--ttl", "1s"]).ends(0);
    wait_for("the end of a second", || {
        let told = told();
        let message = told["message"].as_str().unwrap();
        (told["state"] == "unknown" && message.contains("good for 1s")).then_some(())
    });
    let line = "[NOW] PROCESS_SERVICE_CHECK_RESULT;here;told;0;fine\n";
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let line = line.replace("NOW", &now.as_secs().to_string());
    site.piped(
        &[&["push", "--stdin", "--ttl", "1d"][..], &ann].concat(),
        &line,
    )
    .ends(0);
    assert_eq!(told()["state"], "ok");
}
