//! Somebody who answers in the monitor's place, where a test wants an answer that a
//! monitor does not give on demand.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// Answers so many calls, each with what `answer` says; gives what was asked.
pub(crate) struct Fake {
    pub(crate) url: String,
    asked: JoinHandle<Vec<Value>>,
}

impl Fake {
    pub(crate) fn answering(
        calls: usize,
        answer: impl Fn(&Value) -> Result<Value, (i64, &'static str)> + Send + 'static,
    ) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for _ in 0..calls {
                let (mut stream, _) = socket.accept().unwrap();
                let call = read_call(&mut stream);
                let body = match answer(&call) {
                    Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
                    Err((code, message)) => {
                        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})
                    }
                };
                let body = body.to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).unwrap();
                asked.push(call);
            }
            asked
        });
        Self { url, asked }
    }

    /// What was asked.
    pub(crate) fn asked(self) -> Vec<Value> {
        self.asked.join().unwrap()
    }
}

fn read_call(stream: &mut impl Read) -> Value {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).unwrap();
        assert!(
            length > 0,
            "no whole call: {}",
            String::from_utf8_lossy(&read)
        );
        read.extend(&part[..length]);
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n")
            && let Ok(call) = serde_json::from_slice(&read[end + 4..])
        {
            return call;
        }
    }
}
