//! What a Nagios plugin costs its daemon: 4,000 services looked at once a
//! second with a plugin that does next to nothing, by us and by others.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rem_bench::Report;
use rem_check::{Check, Plugin, PluginOptions, Verdict};
use rem_time::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval_at};

const SERVICES: u32 = 4000;
const WARM_UP: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(15);
/// How many plugins we let run at once.
const AT_ONCE: usize = 64;

/// Without libc, so that nothing is measured but start and end. The byte it
/// appends to a file counts its runs, whoever starts it.
const PLUGIN: &str = r#"
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
void _start(void) {
  static const char line[] = "OK - all is well|a=1\n";
  call(1, 1, (long)line, sizeof line - 1);
  long count = call(2, (long)COUNT, 02001, 0);
  call(1, count, (long)line, 1);
  call(60, 0, 0, 0);
}
"#;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if std::env::args().any(|argument| argument == "--daemon") {
        let plugin = std::env::args().next_back().unwrap();
        match std::env::args().any(|argument| argument == "--bare") {
            true => bare(&plugin),
            false => daemon(&plugin),
        }
        return;
    }
    let mut report = Report::new(
        "plugins",
        "4,000 services once a second, a plugin without libc, a window of 15 s; CPU of the \
         daemon and of its plugins from /proc",
    );
    if !build(folder) {
        return report.note("the plugin cannot be built: install the Debian package gcc");
    }
    let plugin = folder.join("nplug").display().to_string();
    let mut us = Command::new(std::env::current_exe().unwrap());
    let ours = window(folder, us.args(["--daemon", &plugin])).unwrap();
    rows(&mut report, "rem-check", ours, ("<= 60", ">= 5000"));
    let mut bare = Command::new(std::env::current_exe().unwrap());
    let floor = window(folder, bare.args(["--daemon", "--bare", &plugin])).unwrap();
    rows(&mut report, "bare posix_spawn loop", floor, ("", ""));
    report.ratio("daemon, against bare", ours.daemon, floor.daemon, "<= 1.0");
    let nagios = nagios(folder, &plugin);
    match window(folder, Command::new("nagios4").arg(nagios)) {
        None => report.note("a peer is missing: install the Debian package nagios4-core"),
        Some(peer) => {
            rows(&mut report, "nagios4", peer, ("", ""));
            report.ratio(
                "daemon, against nagios4",
                ours.daemon,
                peer.daemon,
                "<= 1.0",
            );
        }
    }
    match window(
        folder,
        icinga(&mut Command::new("icinga2"), folder, &plugin),
    ) {
        None => report.note("a peer is missing: install the Debian package icinga2-bin"),
        Some(peer) => {
            rows(&mut report, "icinga2", peer, ("", ""));
            report.ratio(
                "daemon, against icinga2",
                ours.daemon,
                peer.daemon,
                "<= 1.0",
            );
        }
    }
}

fn build(folder: &Path) -> bool {
    let source = folder.join("nplug.c");
    fs::write(&source, PLUGIN).unwrap();
    fs::write(folder.join("count"), "").unwrap();
    let built = Command::new("gcc")
        .args(["-O2", "-nostdlib", "-static", "-o"])
        .arg(folder.join("nplug"))
        .arg(format!("-DCOUNT=\"{}\"", folder.join("count").display()))
        .arg(source)
        .status();
    built.is_ok_and(|status| status.success())
}

/// What the standard library needs to start a plugin and read what it says,
/// one after the other, with no deadline and nothing understood of it.
fn bare(plugin: &str) {
    loop {
        let output = Command::new(plugin).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success());
    }
}

/// Our daemon: one task for each service, all on one thread.
fn daemon(plugin: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        let second = Duration::from_secs(1);
        let start = tokio::time::Instant::now();
        let mut services = tokio::task::JoinSet::new();
        for index in 0..SERVICES {
            let at_once = Arc::clone(&at_once);
            let check = Plugin::new(PluginOptions::new([plugin])).unwrap();
            let mut ticks = interval_at(start + second * index / SERVICES, second);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            services.spawn(async move {
                loop {
                    ticks.tick().await;
                    let _turn = at_once.acquire().await.unwrap();
                    let run = check.run(SystemClock.now()).await;
                    assert_eq!(run.verdict, Verdict::Ok, "{run}");
                }
            });
        }
        services.join_all().await;
    });
}

/// What a window came to; microseconds of CPU per check.
#[derive(Clone, Copy)]
struct Window {
    per_second: f64,
    daemon: f64,
    plugins: f64,
}

fn rows(report: &mut Report, name: &str, window: Window, goals: (&str, &str)) {
    let Window {
        per_second,
        daemon,
        plugins,
    } = window;
    let mut row = |what: &str, value, unit, goal| {
        report.row(&format!("{name}, {what}"), value, unit, goal);
    };
    row("the daemon", daemon, "us CPU/check", goals.0);
    row("the plugin itself", plugins, "us CPU/check", "");
    row(
        "at this cost of both",
        1e6 / (daemon + plugins),
        "checks/s/core",
        goals.1,
    );
    row("done in the window", per_second, "checks/s", "");
}

/// Starts a daemon, lets it come into its stride and looks at it for a while.
fn window(folder: &Path, command: &mut Command) -> Option<Window> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    let running = Running(quiet.stderr(Stdio::null()).spawn().ok()?);
    let count = || fs::metadata(folder.join("count")).unwrap().len();
    let (before, patience) = (count(), Instant::now() + Duration::from_secs(60));
    while count() < before + u64::from(SERVICES) {
        assert!(Instant::now() < patience, "starts no plugins: {command:?}");
        sleep(Duration::from_millis(20));
    }
    sleep(WARM_UP);
    let spent = || tree(running.0.id());
    let (first, runs, began) = (spent(), count(), Instant::now());
    sleep(WINDOW);
    let (last, runs, took) = (spent(), count() - runs, began.elapsed());
    let (mut daemon, mut plugins) = (0, 0);
    // A process that was there only once is a plugin, which its parent counts.
    for (pid, (own, children)) in last {
        if let Some((own_before, children_before)) = first.get(&pid) {
            daemon += own - own_before;
            plugins += children - children_before;
        }
    }
    let per_check = |ticks: u64| ticks as f64 * 1e4 / runs as f64;
    Some(Window {
        per_second: runs as f64 / took.as_secs_f64(),
        daemon: per_check(daemon),
        plugins: per_check(plugins),
    })
}

/// A daemon, ended with this, and with it what it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let all = tree(self.0.id());
        for signal in [Signal::TERM, Signal::KILL] {
            for pid in all.keys() {
                let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw).unwrap();
                let _ = kill_process(pid, signal);
            }
            let until = Instant::now() + Duration::from_secs(3);
            while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
                sleep(Duration::from_millis(20));
            }
        }
        let _ = self.0.wait();
    }
}

/// A process and its descendants: ticks of 10 ms of its own, and of the
/// children it has waited for.
fn tree(root: u32) -> BTreeMap<u32, (u64, u64)> {
    let mut parents = BTreeMap::new();
    let mut spent = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split(' ').collect();
        let field = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok());
        let ticks = |index: usize| field(index).unwrap_or(0) + field(index + 1).unwrap_or(0);
        parents.insert(pid, field(1).unwrap_or(0));
        spent.insert(pid, (ticks(11), ticks(13)));
    }
    let is_ours = |mut pid: u32| loop {
        match parents.get(&pid) {
            _ if pid == root => return true,
            Some(parent) if *parent > 1 => pid = u32::try_from(*parent).unwrap(),
            _ => return false,
        }
    };
    spent.retain(|pid, _| is_ours(*pid));
    spent
}

/// Writes a configuration that does nothing but check, and tells where.
fn nagios(folder: &Path, plugin: &str) -> std::path::PathBuf {
    let at = folder.display();
    fs::create_dir(folder.join("results")).unwrap();
    let mut main = String::new();
    for (name, file) in [
        ("log_file", "nagios.log"),
        ("cfg_file", "objects.cfg"),
        ("object_cache_file", "objects.cache"),
        ("status_file", "status.dat"),
        ("command_file", "nagios.cmd"),
        ("lock_file", "nagios.lock"),
        ("temp_file", "nagios.tmp"),
        ("query_socket", "nagios.qh"),
        ("check_result_path", "results"),
    ] {
        writeln!(main, "{name}={at}/{file}").unwrap();
    }
    main.push_str(NAGIOS);
    let mut objects = NAGIOS_OBJECTS.replace("PLUGIN", plugin);
    for index in 0..SERVICES {
        let service = format!(
            "define service {{\nhost_name h\nservice_description s{index}\ncheck_command nplug\n\
             check_interval 1\nretry_interval 1\nmax_check_attempts 1\ncheck_period always\n\
             contacts c\n}}\n"
        );
        objects.push_str(&service);
    }
    fs::write(folder.join("objects.cfg"), objects).unwrap();
    let path = folder.join("nagios.cfg");
    fs::write(&path, main).unwrap();
    path
}

const NAGIOS: &str = "\
nagios_user=root
nagios_group=root
interval_length=1
max_concurrent_checks=0
max_service_check_spread=1
check_result_reaper_frequency=1
status_update_interval=3600
check_external_commands=0
execute_host_checks=0
enable_notifications=0
enable_event_handlers=0
enable_flap_detection=0
process_performance_data=0
check_for_orphaned_services=0
check_service_freshness=0
check_host_freshness=0
retain_state_information=0
event_broker_options=0
use_syslog=0
log_rotation_method=n
log_service_retries=0
log_initial_states=0
log_current_states=0
";

const NAGIOS_OBJECTS: &str = "\
define timeperiod {
timeperiod_name always
alias always
sunday 00:00-24:00
monday 00:00-24:00
tuesday 00:00-24:00
wednesday 00:00-24:00
thursday 00:00-24:00
friday 00:00-24:00
saturday 00:00-24:00
}
define command {
command_name nplug
command_line PLUGIN
}
define contact {
contact_name c
host_notification_commands nplug
service_notification_commands nplug
host_notification_period always
service_notification_period always
}
define host {
host_name h
address 127.0.0.1
check_period always
max_check_attempts 1
contacts c
active_checks_enabled 0
}
";

/// The same for Icinga.
fn icinga<'a>(command: &'a mut Command, folder: &Path, plugin: &str) -> &'a mut Command {
    let config = folder.join("icinga.conf");
    fs::write(&config, ICINGA.replace("PLUGIN", plugin)).unwrap();
    command
        .arg("daemon")
        .arg("-c")
        .arg(config)
        .args(["-x", "critical"]);
    command.args([
        "-DConfiguration.RunAsUser=root",
        "-DConfiguration.RunAsGroup=root",
    ]);
    for (name, path) in [
        ("DataDir", "data"),
        ("LogDir", "log"),
        ("CacheDir", "cache"),
        ("InitRunDir", "run"),
        ("SpoolDir", "spool"),
        ("PidPath", "run/pid"),
        ("StatePath", "data/state"),
        ("ModAttrPath", "data/modified"),
        ("ObjectsPath", "cache/objects"),
        ("VarsPath", "cache/vars"),
    ] {
        if !path.contains('/') {
            fs::create_dir(folder.join(path)).unwrap();
        }
        let path = folder.join(path);
        command.arg(format!("-DConfiguration.{name}={}", path.display()));
    }
    command
}

const ICINGA: &str = r#"
include <itl>
const MaxConcurrentChecks = 100000
object CheckerComponent "checker" { }
object CheckCommand "nplug" { command = [ "PLUGIN" ] }
object Host "h" {
  check_command = "nplug"
  enable_active_checks = false
}
for (i in range(4000)) {
  object Service "s" + i {
    host_name = "h"
    check_command = "nplug"
    check_interval = 1s
    retry_interval = 1s
    max_check_attempts = 1
    enable_notifications = false
    enable_event_handler = false
    enable_perfdata = false
  }
}
"#;
