use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{command, folder, run};

/// A daemon in a folder, killed at the latest when it is dropped.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(here: &Path) -> Self {
        let mut child = command(here, "daemon --listen 127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/metrics"))
            .unwrap_or_else(|| panic!("no address: {line}"));
        Self {
            address: address.to_owned(),
            child,
        }
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let ask = format!(
            "GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// Waits until a line begins so.
    #[track_caller]
    fn until(&self, line: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.metrics();
            if answer.lines().any(|one| one.starts_with(line)) {
                return;
            }
            assert!(Instant::now() < deadline, "never {line}:\n{answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_daemon_finishes_what_commands_left_and_shows_how_everything_goes() {
    let folder = folder();
    let here = folder.path();
    let output = run(here, "instance start web-2 --timeout 1s");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    fs::write(here.join("down"), "").unwrap();
    let mut daemon = Daemon::start(here);
    let place = r#"megavisor="rack",account="own",region="home""#;
    let answer = daemon.metrics();
    assert!(
        answer.contains("# TYPE redeye_cloud_api_up gauge"),
        "{answer}"
    );
    // Who is refused was answered.
    daemon.until(&format!(r#"redeye_cloud_api_up{{{place},kind="image"}} 1"#));
    daemon.until(&format!(
        r#"redeye_cloud_api_errors_total{{{place},kind="image",class="denied"}} "#
    ));
    daemon.until(&format!(
        r#"redeye_cloud_operations{{{place},state="running"}} 1"#
    ));
    daemon.until(&format!(
        r#"redeye_cloud_items{{{place},kind="instance"}} 2"#
    ));
    // The machine obeys at last, and nobody but the daemon is there to see it.
    fs::remove_file(here.join("down")).unwrap();
    fs::write(here.join("web-2"), "on\n").unwrap();
    daemon.until(&format!(
        r#"redeye_cloud_operations_ended_total{{{place},state="done"}} 1"#
    ));
    let calls = fs::read_to_string(here.join("calls")).unwrap();
    assert_eq!(calls, "start web-2\n", "it was not sent again");
    // A configuration with a mistake changes nothing, a good one counts at once.
    let file = here.join("redeye-cloud.yaml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "megavisors: {rack: {fil: rack.yaml}}\n").unwrap();
    daemon.signal("-HUP");
    daemon.until(&format!(
        r#"redeye_cloud_operations_ended_total{{{place},state="done"}} 1"#
    ));
    fs::write(
        &file,
        good.replace("{rack:", "{rack2: {file: rack.yaml}, rack:"),
    )
    .unwrap();
    daemon.signal("-HUP");
    let both = place.replace("\"rack\"", "\"rack2\"");
    daemon.until(&format!(
        r#"redeye_cloud_items{{{both},kind="instance"}} 2"#
    ));
    daemon.signal("-TERM");
    assert!(daemon.child.wait().unwrap().success());
}
