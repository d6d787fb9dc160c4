//! What asking an agent costs: CPU of this process per run, beside net-snmp's
//! snmpget, which starts a program for each. The agent is a snmpd of our own.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, measure};
use rem_check::{
    Check, Snmp, SnmpAuth, SnmpCipher, SnmpHash, SnmpObject, SnmpOptions, SnmpPrivacy, SnmpSockets,
    SnmpTable, SnmpUser, SnmpVersion, Verdict,
};
use rem_time::{Clock, Span, SystemClock};
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
const PASSPHRASE: &str = "a long way to authenticate";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::new(
        "rem-check, SNMP",
        "CPU per run, snmpd in another process, five rounds, best round",
    );
    let agent = Agent::start(&runtime);
    let sockets = SnmpSockets::new();
    let check = |options| Snmp::new(&sockets, options).unwrap();
    for (name, version, goal) in [
        ("v1", v1(), ""),
        ("v2c", v2c(), "<= 100"),
        ("v3 authNoPriv, SHA", v3(SnmpHash::Sha1, None), ""),
        (
            "v3 authPriv, SHA and AES-128",
            v3(SnmpHash::Sha1, Some(SnmpCipher::Aes128)),
            "<= 100",
        ),
        (
            "v3 authPriv, SHA-512 and AES-256",
            v3(SnmpHash::Sha512, Some(SnmpCipher::Aes256)),
            "",
        ),
    ] {
        let us = cost(&runtime, &check(agent.get(version)), 500);
        report.row(&format!("get, {name}"), us, "us CPU/run", goal);
    }
    let many = SnmpOptions {
        get: (0..20)
            .map(|index| SnmpObject::new(format!("n{index}"), "sysUpTime.0"))
            .collect(),
        ..agent.get(v2c())
    };
    let us = cost(&runtime, &check(many), 200);
    report.row("get, v2c, 20 objects", us, "us CPU/run", "");
    let walk = SnmpOptions {
        tables: vec![SnmpTable {
            columns: vec![SnmpObject::new("up", "1.3.6.1.2.1.1.9.1.4")],
            label: Some("1.3.6.1.2.1.1.9.1.3".into()),
            ..SnmpTable::new("modules")
        }],
        ..agent.get(v2c())
    };
    let walk = check(walk);
    let first = runtime.block_on(walk.run(SystemClock.now()));
    let us = cost(&runtime, &walk, 200);
    let name = format!("walk, v2c: {}", first.message.replace("127.0.0.1", "snmpd"));
    report.row(&name, us, "us CPU/run", "");
    burst(&runtime, &mut report, check(agent.get(v2c())));
    snmpget(&mut report, &agent);
}

fn burst(runtime: &Runtime, report: &mut Report, check: Snmp) {
    const AT_ONCE: u64 = 100;
    let check = Arc::new(check);
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..5 {
            runtime.block_on(async {
                let mut runs = tokio::task::JoinSet::new();
                for _ in 0..AT_ONCE {
                    let check = Arc::clone(&check);
                    runs.spawn(async move { check.run(SystemClock.now()).await.verdict });
                }
                let verdicts = runs.join_all().await;
                assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Ok));
            });
        }
        5 * AT_ONCE
    });
    let us = cost.cpu_ns() / 1000.0;
    report.row("get, v2c, 100 at once", us, "us CPU/run", "<= 100");
}

fn snmpget(report: &mut Report, agent: &Agent) {
    let secure = [
        "-v3", "-l", "authPriv", "-u", "SHA/AES", "-a", "SHA", "-A", PASSPHRASE,
    ];
    let secure = [&secure[..], &["-x", "AES", "-X", PASSPHRASE]].concat();
    for (name, arguments) in [
        ("v2c", &["-v2c", "-c", "public"][..]),
        ("v3 authPriv, SHA and AES-128", &secure),
    ] {
        let cost = measure(Who::WithChildren, ROUNDS, || {
            for _ in 0..10 {
                let done = Command::new("snmpget")
                    .args(arguments)
                    .args([&format!("127.0.0.1:{}", agent.port), "1.3.6.1.2.1.1.3.0"])
                    .env("MIBS", "")
                    .stdout(Stdio::null())
                    .status()
                    .expect("snmpget does not start; install the Debian package snmp");
                assert!(done.success());
            }
            10
        });
        let us = cost.cpu_ns() / 1000.0;
        report.row(&format!("snmpget, {name}"), us, "us CPU/run", "");
    }
}

/// Microseconds of CPU per run.
fn cost(runtime: &Runtime, check: &Snmp, runs: u64) -> f64 {
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..runs {
            let run = runtime.block_on(check.run(SystemClock.now()));
            assert_eq!(run.verdict, Verdict::Ok, "{run}");
        }
        runs
    });
    cost.cpu_ns() / 1000.0
}

fn v1() -> SnmpVersion {
    SnmpVersion::V1 {
        community: "public".into(),
    }
}

fn v2c() -> SnmpVersion {
    SnmpVersion::V2c {
        community: "public".into(),
    }
}

fn v3(hash: SnmpHash, cipher: Option<SnmpCipher>) -> SnmpVersion {
    let auth = Some(SnmpAuth {
        hash,
        passphrase: PASSPHRASE.into(),
    });
    let privacy = cipher.map(|cipher| SnmpPrivacy {
        cipher,
        passphrase: PASSPHRASE.into(),
    });
    let name = match (hash, cipher) {
        (SnmpHash::Sha512, _) => "SHA-512/AES-256",
        (_, None) => "SHA",
        (_, Some(_)) => "SHA/AES",
    };
    SnmpVersion::V3(SnmpUser {
        auth,
        privacy,
        ..SnmpUser::new(name)
    })
}

/// Ends with the bench.
struct Agent {
    port: u16,
    _folder: tempfile::TempDir,
    process: Child,
}

impl Agent {
    fn start(runtime: &Runtime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.path().join("snmpd.conf");
        let config = format!(
            "rocommunity public 127.0.0.1\n\
             createUser SHA SHA \"{PASSPHRASE}\"\nrouser SHA auth\n\
             createUser SHA/AES SHA \"{PASSPHRASE}\" AES\nrouser SHA/AES priv\n\
             createUser SHA-512/AES-256 SHA-512 \"{PASSPHRASE}\" AES-256\n\
             rouser SHA-512/AES-256 priv\n"
        );
        std::fs::write(&file, config).unwrap();
        let process = Command::new("/usr/sbin/snmpd")
            .args(["-f", "-C", "-c"])
            .arg(&file)
            .arg("-Lf")
            .arg(folder.path().join("log"))
            .arg(format!("udp:127.0.0.1:{port}"))
            .env("SNMP_PERSISTENT_DIR", folder.path().join("persistent"))
            .env("MIBS", "")
            .stdin(Stdio::null())
            .spawn()
            .expect("snmpd does not start; install the Debian package snmpd");
        let agent = Self {
            port,
            _folder: folder,
            process,
        };
        let options = SnmpOptions {
            timeout: Span::from_millis(50),
            retries: 0,
            ..agent.get(v2c())
        };
        let check = Snmp::new(&SnmpSockets::new(), options).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while runtime.block_on(check.run(SystemClock.now())).verdict != Verdict::Ok {
            assert!(Instant::now() < until, "snmpd is silent");
        }
        agent
    }

    fn get(&self, version: SnmpVersion) -> SnmpOptions {
        SnmpOptions {
            port: self.port,
            timeout: Span::from_seconds(5),
            get: vec![SnmpObject::new("uptime", "sysUpTime.0")],
            ..SnmpOptions::new("127.0.0.1", version)
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
