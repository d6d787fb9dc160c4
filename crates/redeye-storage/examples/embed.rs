//! A storage of one folder whose handler is ten lines of YAML: a snapshot while nobody
//! may write, then it is spoilt and comes back. Needs no root.
//!
//! This program is its own watchdog: started as `embed watchdog` it stops writing and
//! lets go, also when the other one is killed.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use redeye_storage::{Job, Parts, Places, Storages, Watchdog, read_storages, watch};
use rem_time::{Span, SystemClock};
use rem_yaml::{At, Problems, parse};
use unidist::{BucketSpec, Unidist};

const HANDLER: &str = r#"
handler: folder
parameters: {source: {required: true}}
functions:
  snapshot:
    entry: {shell: 'chmod a-w "$REM_SOURCE"', holds: true, timeout: 5s}
    exit: {shell: 'chmod u+w "$REM_SOURCE"'}
  adopt: {exit: {shell: 'cp "$REM_SOURCE.$REM_SNAPSHOT/"* "$REM_SOURCE"'}}
"#;

const COPY: &str = r#"
handler: copy
parameters: {source: {required: true}}
functions:
  snapshot:
    entry: {shell: 'cp -r "$REM_SOURCE" "$REM_SOURCE.$REM_SNAPSHOT"'}
    undo: {shell: 'rm -rf "$REM_SOURCE.$REM_SNAPSHOT"'}
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("watchdog") {
        let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
        return Ok(watch(UnixStream::from(socket)).await?);
    }
    let folder = std::env::temp_dir().join(format!("redeye-storage-embed-{}", std::process::id()));
    let shop = folder.join("shop");
    std::fs::create_dir_all(&shop)?;
    std::fs::write(shop.join("orders"), "one order\n")?;
    std::fs::write(folder.join("folder.yaml"), HANDLER)?;
    std::fs::write(folder.join("copy.yaml"), COPY)?;
    let text = format!(
        "shop:\n  layers: [{{file: folder.yaml, with: {{source: {0}}}}}, {{file: copy.yaml, with: {{source: {0}}}}}]\n",
        shop.display()
    );
    let places = Places {
        folder: folder.clone(),
        handlers: folder.join("handlers"),
    };
    let mut problems = Problems::new();
    let storages = read_storages(
        &At::root(&parse("shop.yaml", &text)?),
        &places,
        &mut problems,
    );
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let storages = Storages::new(Parts {
        storages,
        cloud: None,
        journal: Unidist::memory().consistent("operations", BucketSpec::default())?,
        watchdog: Watchdog::new(std::env::current_exe()?, ["watchdog"]),
        folder: folder.join("own"),
        written: Vec::new(),
        environment: Vec::new(),
        clock: Arc::new(SystemClock),
    });
    for job in [Job::Snapshot, Job::Restore { snapshot: None }] {
        let id = storages
            .begin("shop", job, "ann", Span::from_seconds(60))
            .await?;
        let ended = storages.wait(id, Duration::from_secs(60), |_| {}).await?;
        println!("{}: {}", ended.job.name(), ended.trace().join(", "));
        for line in &ended.lines {
            println!("  {} {}", line.at, line.text);
        }
        println!(
            "orders: {}",
            std::fs::read_to_string(shop.join("orders"))?.trim()
        );
        std::fs::write(shop.join("orders"), "spoilt\n")?;
    }
    storages.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
