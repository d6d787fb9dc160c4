//! What it costs to read what others measured: expositions and performance data.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, cpu_time_of, measure};
use rem_check::exposition::{Format, Parser};
use rem_check::{Check, Exporter, ExporterOptions, PluginOutput, Verdict};
use rem_time::{Clock, SystemClock};

const ROUNDS: usize = 5;
const SAMPLES: u64 = 100_000;
const SCRAPES: u64 = 50;

fn main() {
    let mut report = Report::new(
        "exporter",
        "reading in one process, five rounds, best round; node_exporter over a kept connection",
    );
    parse(&mut report);
    perfdata(&mut report);
    scrape(&mut report);
}

/// As node_exporter writes it, in the pieces that come from a socket.
fn parse(report: &mut Report) {
    let mut text = String::new();
    for family in 0..SAMPLES / 100 {
        writeln!(
            text,
            "# HELP node_cpu_{family}_seconds_total Seconds spent."
        )
        .unwrap();
        writeln!(text, "# TYPE node_cpu_{family}_seconds_total counter").unwrap();
        for cpu in 0..100 {
            let name = format!("node_cpu_{family}_seconds_total");
            writeln!(
                text,
                "{name}{{cpu=\"{cpu}\",mode=\"idle\"}} 1.2345{cpu}e+06"
            )
            .unwrap();
        }
    }
    let cost = measure(Who::Process, ROUNDS, || {
        let mut parser = Parser::new(Format::Text);
        let mut samples = 0;
        for piece in text.as_bytes().chunks(16 * 1024) {
            parser.feed(piece, &mut |_| samples += 1).unwrap();
        }
        parser.finish(&mut |_| samples += 1).unwrap();
        assert_eq!(samples, SAMPLES);
        samples
    });
    let seconds = cost.cpu_ns() * SAMPLES as f64 / 1e9;
    let megabytes = text.len() as f64 / 1e6;
    report.row("exposition parser", megabytes / seconds, "MB/s CPU", "");
    report.row("exposition parser", cost.cpu_ns(), "ns CPU/sample", "");
}

fn perfdata(report: &mut Report) {
    let output = "DISK OK - free space: / 3326 MB (56%);| /=2643MB;5948;5958;0;5968 \
                  /boot=68MB;88;93;0;98 /home=69357MB;253404;253409;0;253414 \
                  /var/log=818MB;970;975;0;980\n";
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..20_000 {
            let read = PluginOutput::parse(std::hint::black_box(output));
            assert_eq!(read.perfdata.readings.len(), 4);
        }
        20_000
    });
    let ns = cost.cpu_ns();
    report.row("plugin output of 4 readings", ns, "ns CPU/output", "");
    report.row(
        "plugin output of 4 readings",
        output.len() as f64 * 1e3 / ns,
        "MB/s CPU",
        "",
    );
}

/// The exporter, ended with this.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scrape(report: &mut Report) {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let node = Command::new("prometheus-node-exporter")
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(node) = node.map(Node) else {
        return report
            .note("nothing to scrape: install the Debian package prometheus-node-exporter");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let check = Exporter::new(ExporterOptions::new(format!("http://{address}/metrics"))).unwrap();
    let run = || runtime.block_on(check.run(SystemClock.now()));
    let until = Instant::now() + Duration::from_secs(30);
    let first = loop {
        let first = run();
        if first.verdict == Verdict::Ok {
            break first;
        }
        assert!(Instant::now() < until, "{first}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let before = cpu_time_of(node.0.id());
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..SCRAPES {
            let run = run();
            assert_eq!(run.verdict, Verdict::Ok, "{run}");
        }
        SCRAPES
    });
    let theirs = cpu_time_of(node.0.id()) - before;
    let scrapes = (SCRAPES * (ROUNDS as u64 + 1)) as f64;
    let us = cost.cpu_ns() / 1e3;
    let readings = first.readings.len() as f64;
    report.row("scrape of node_exporter", us, "us CPU/scrape", "");
    report.row("series taken of it", readings, "series", "");
    report.row("each of them", us * 1e3 / readings, "ns CPU/series", "");
    report.row(
        "node_exporter itself, to answer",
        theirs.as_secs_f64() * 1e6 / scrapes,
        "us CPU/scrape",
        "",
    );
}
