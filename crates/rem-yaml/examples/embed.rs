//! Reads a small configuration and prints either what it says or everything that is wrong.
//!
//! `cargo run -p rem-yaml --example embed -- FILE` reads a file of yours.

use std::net::SocketAddr;
use std::process::ExitCode;

use rem_time::Span;
use rem_yaml::{At, FromYaml, Loader, Problems};

struct Server {
    listen: SocketAddr,
    timeout: Span,
}

impl FromYaml for Server {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let mut map = at.map(problems)?;
        let listen = map.required("listen", problems);
        let timeout = map.with_default("timeout", Span::from_seconds(10), problems);
        map.finish(problems);
        Some(Self {
            listen: listen?,
            timeout,
        })
    }
}

const SAMPLE: &str = "
listen: 127.0.0.1:2001
timeout: 5
timout: 5s
";

fn main() -> ExitCode {
    let (mut loader, file) = match std::env::args().nth(1) {
        Some(file) => (Loader::new(), file),
        None => (
            Loader::from_memory([("sample.yaml", SAMPLE)]),
            "sample.yaml".into(),
        ),
    };
    let mut problems = Problems::new();
    let server = loader.load(file, &mut problems, |_, node, problems| {
        Server::from_yaml(&At::root(&node), problems)
    });
    match problems.into_result(server) {
        Ok(server) => {
            println!(
                "listening on {}, patience {}",
                server.listen, server.timeout
            );
            ExitCode::SUCCESS
        }
        Err(problems) => {
            println!("{problems}");
            ExitCode::FAILURE
        }
    }
}
