//! What a run costs through the whole engine, beside what it must cost.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use procblock::{Block, Call, Condition, Engine, EngineOptions, PythonOptions, Scope};
use rem_bench::{Report, Who, cpu_time_of, measure};
use serde_json::{Map, json};

fn main() {
    rem_bench::stay_on_one_core();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut report = Report::new(
        "procblock",
        "all on one core, one run at a time; CPU of the engine and of what it runs",
    );
    conditions(&mut report);
    blocks(&mut report, &runtime);
    python(&mut report, &runtime, folder.path());
    programs(&mut report, &runtime, folder.path());
}

fn conditions(report: &mut Report) {
    let data = json!({"cpu": 91, "state": "up", "load": {"short": 4.5}, "hosts": ["a", "b"]});
    let none = Map::new();
    let scope = Scope {
        siblings: &none,
        pipe_data: data.as_object().unwrap(),
        input_data: &none,
        request_state: &none,
    };
    let condition: Condition = "cpu > 80 and state in [\"up\", \"warn\"] and load.short < 5"
        .parse()
        .unwrap();
    let cost = measure(Who::Process, 5, || {
        for _ in 0..200_000 {
            assert!(condition.holds(&scope).unwrap());
        }
        200_000
    });
    report.row(
        "condition of three parts",
        cost.cpu_ns(),
        "ns CPU",
        "<= 1430",
    );
}

fn blocks(report: &mut Report, runtime: &tokio::runtime::Runtime) {
    let engine = Engine::new(EngineOptions::new());
    let yaml = "title: x\nif load > 5:\n  level: high\n  else:\n    level: low\nset seen: 1\nmore:\n  a: 1\n  b: [1, 2]\n";
    let block = Block::parse("bench.yaml", yaml).unwrap();
    let cost = measure(Who::Process, 5, || {
        runtime.block_on(async {
            for _ in 0..20_000 {
                engine
                    .process(&block, Call::new().data("load", 7))
                    .await
                    .unwrap();
            }
        });
        20_000
    });
    report.row(
        "block of data and a condition",
        cost.cpu_ns() / 1e3,
        "us CPU",
        "<= 10",
    );
}

fn python(report: &mut Report, runtime: &tokio::runtime::Runtime, folder: &std::path::Path) {
    let script = folder.join("simplest.py");
    let head = "import os, random\n\ndef ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):\n";
    fs::write(
        &script,
        format!("{head}    return {{'random': random.randint(0, 100), 'pid': os.getpid()}}\n"),
    )
    .unwrap();
    let file = folder.join("simplest.yaml");
    fs::write(&file, "run:\n  - script: simplest.py\n").unwrap();
    let block = Block::load(&file).unwrap();
    let engine = || {
        let python = PythonOptions::default()
            .interpreter("/usr/bin/python3")
            .runs_max(u64::MAX);
        Engine::new(EngineOptions::new().python(python))
    };
    let one = engine();
    for (name, size, goal) in [
        ("python ProcessBlock, small data", 0, "<= 66"),
        ("python ProcessBlock, 10 kB of data", 10_000, ""),
    ] {
        let run = |runs: u64| {
            runtime.block_on(async {
                let mut pid = 0;
                for _ in 0..runs {
                    let call = Call::new().data("text", "x".repeat(size));
                    let result = one.process(&block, call).await.unwrap();
                    pid = result["run"]["pid"].as_u64().unwrap();
                }
                u32::try_from(pid).unwrap()
            })
        };
        let pid = run(2_000);
        // The worker's own time comes in steps of 10 ms, so one long round.
        let mut best = f64::MAX;
        let mut best_wall = f64::MAX;
        for _ in 0..3 {
            let runs = 20_000;
            let worker = cpu_time_of(pid);
            let ours = measure(Who::Process, 1, || {
                run(runs);
                runs
            });
            // `measure` warms up with as many runs again.
            let worker = (cpu_time_of(pid) - worker).as_nanos() as f64 / (2 * runs) as f64;
            best = best.min(ours.cpu_ns() + worker);
            best_wall = best_wall.min(ours.wall.as_nanos() as f64 / runs as f64);
        }
        report.row(name, best / 1e3, "us CPU", goal);
        if size == 0 {
            report.row(
                "python ProcessBlock, runs for one core",
                1e9 / best,
                "runs/s",
                ">= 15000",
            );
            report.row(
                "python ProcessBlock, one after the other",
                1e9 / best_wall,
                "runs/s wall",
                "",
            );
        }
    }
    runtime.block_on(one.shutdown());
}

fn programs(report: &mut Report, runtime: &tokio::runtime::Runtime, folder: &std::path::Path) {
    let native = folder.join("native");
    fs::copy("/bin/true", &native).unwrap();
    fs::set_permissions(&native, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.join("native.yaml");
    fs::write(&file, "run:\n  - script: native\n").unwrap();
    let block = Block::load(&file).unwrap();
    let engine = Engine::new(EngineOptions::new().env([("PATH".into(), "/usr/bin:/bin".into())]));
    let spawn = || {
        // posix_spawn in the standard library, both outputs read through pipes.
        let output = Command::new(&native)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output();
        assert!(output.unwrap().status.success());
    };
    let bare = measure(Who::WithChildren, 3, || {
        (0..1_000).for_each(|_| spawn());
        1_000
    });
    let ours = measure(Who::WithChildren, 3, || {
        runtime.block_on(async {
            for _ in 0..1_000 {
                engine.process(&block, Call::new()).await.unwrap();
            }
        });
        1_000
    });
    report.row(
        "bare posix_spawn of a program",
        bare.cpu_ns() / 1e3,
        "us CPU",
        "",
    );
    report.row(
        "program through the engine",
        ours.cpu_ns() / 1e3,
        "us CPU",
        "",
    );
    report.ratio(
        "program, against bare posix_spawn",
        ours.cpu_ns(),
        bare.cpu_ns(),
        "<= 1.3",
    );
}
