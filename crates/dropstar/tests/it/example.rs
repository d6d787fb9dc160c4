use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::{ask, get};

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_example_counts_and_can_be_told_to_count_faster() {
    // By cargo, which then becomes the example: other crates have one of that name.
    let started = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "dropstar",
            "--example",
            "embed",
        ])
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Ended(started.unwrap());
    let mut line = String::new();
    let output = child.0.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line
        .trim()
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let address = address.parse().unwrap();

    let page = get(address, "/").await;
    assert!(
        page.text().contains("data-live=\"count.value\""),
        "{}",
        page.text()
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"count.add","params":{"by":1000}}"#;
    let json = "content-type: application/json\r\n";
    let answer = ask(address, "POST", "/rpc", json, call).await;
    let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    assert!(
        answer["result"]["value"].as_i64().unwrap() >= 1_000,
        "{answer}"
    );
}
