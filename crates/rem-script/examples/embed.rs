//! Runs a program, then calls a Python function twice in a warm worker.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rem_script::{Call, NoHost, Program, PythonOptions, PythonPool, run};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uname = Program::new("uname")
        .arg("-s")
        .deadline(Duration::from_secs(5));
    let finished = run(&uname).await?;
    println!("uname: {}, {}", finished.stdout.text().trim(), finished.end);

    let folder = tempfile::tempdir()?;
    let script = folder.path().join("double.py");
    std::fs::write(
        &script,
        "def ProcessBlock(pipe_data, block, request_state, input_data, **more):\n\
         \x20   pipe_data['seen'] = pipe_data.get('seen', 0) + 1\n\
         \x20   print('doubling', block)\n\
         \x20   return {'doubled': block * 2}\n",
    )?;
    let python = PythonPool::new(PythonOptions::default());
    let mut pipe_data = serde_json::Map::new();
    for block in [21, 22] {
        let call = Call {
            positional: &[&pipe_data.clone(), &block, &json!({}), &json!({})],
            named: &[("tag", &"run")],
            ..Call::new(&script)
        };
        let mut called = python.call(&call, &NoHost).await?;
        called.apply_to(&mut pipe_data);
        println!(
            "{:?}, printed: {}",
            called.returned,
            called.stdout.text().trim()
        );
    }
    println!("pipe data: {}", serde_json::to_string(&pipe_data)?);
    Ok(())
}
