//! Exporters that behave, the real one among them, and exporters that do not.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rem_check::{Exporter, ExporterOptions, Histograms, Kind, Report, Unit, Verdict};
use rem_time::Span;
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

use crate::peer::{answering, nobody, read_head, serve, silent};
use crate::{expect, expect_part, run};

const TEXT: &str = "text/plain; version=0.0.4";

fn options(address: SocketAddr) -> ExporterOptions {
    ExporterOptions::new(format!("http://{address}/metrics"))
}

async fn scrape(address: SocketAddr) -> Report {
    run(&Exporter::new(options(address)).unwrap()).await
}

fn answer(content_type: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{more}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Answers with the texts one after the other, the last one for ever, on
/// connections that it keeps; and how many connections there were.
async fn exporter(texts: Vec<Vec<u8>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let texts = Arc::new(Mutex::new(texts));
    let count = Arc::clone(&connections);
    let address = serve(move |mut stream| {
        let (texts, count) = (Arc::clone(&texts), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            while !read_head(&mut stream).await.is_empty() {
                let mut texts = texts.lock().await;
                let text = match texts.len() {
                    1 => texts[0].clone(),
                    _ => texts.remove(0),
                };
                if stream.write_all(&text).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (address, connections)
}

fn names(report: &Report) -> Vec<String> {
    let all = report.readings.iter();
    let theirs = all.filter(|r| r.field != "up" && !r.field.starts_with("scrape_"));
    theirs.map(ToString::to_string).collect()
}

#[tokio::test]
async fn samples_become_readings() {
    let text = "# TYPE disk_read_bytes counter\n\
                disk_read_bytes{device=\"sda\",a=\"x,y\"} 17\n\
                # TYPE t_seconds histogram\nt_seconds_bucket{le=\"1\"} 1\nt_seconds_bucket{le=\"+Inf\"} 2\n\
                t_seconds_sum 0.5\nt_seconds_count 2\n\
                temp_celsius NaN\nup 0\nup{x=\"1\"} 5\n";
    let (address, _) = exporter(vec![answer(TEXT, "", text.as_bytes())]).await;
    let report = scrape(address).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    assert_eq!(
        names(&report),
        [
            "a=\"x,y\",device=sda disk_read_bytes 17 B",
            "t_seconds_sum 0.5 s",
            "t_seconds_count 2",
            "temp_celsius unknown °C",
        ]
    );
    assert_eq!(
        (report.value(None, "up"), report.value(Some("x=1"), "up")),
        (Some(1.0), Some(5.0))
    );
    assert_eq!(report.value(None, "scrape_samples_scraped"), Some(8.0));
    assert!(report.value(None, "scrape_duration_seconds").is_some());
    let counters = report
        .readings
        .iter()
        .filter(|reading| reading.kind == Kind::Counter);
    assert_eq!(counters.count(), 3);

    let mut some = options(address);
    some.histograms = Histograms::Buckets;
    some.only = vec!["t_*".into()];
    some.without = vec!["*_sum".into()];
    let report = run(&Exporter::new(some).unwrap()).await;
    assert_eq!(
        names(&report),
        [
            "le=1 t_seconds_bucket 1",
            "le=+Inf t_seconds_bucket 2",
            "t_seconds_count 2"
        ]
    );
}

#[tokio::test]
async fn a_request_says_what_it_takes_and_how_long_it_waits() {
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let heard = heard.clone();
        async move {
            let head = read_head(&mut stream).await.to_ascii_lowercase();
            let _ = heard.send(head);
            let _ = stream.write_all(&answer(TEXT, "", b"a 1\n")).await;
        }
    })
    .await;
    let mut some = options(address);
    some.deadline = Span::from_millis(7500);
    some.headers = vec![("Authorization".into(), "Bearer x".into())];
    let report = run(&Exporter::new(some).unwrap()).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    let head = hears.recv().await.unwrap();
    for part in [
        "get /metrics http/1.1",
        "accept: application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 7.5",
        "authorization: bearer x",
        &format!("host: {address}"),
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
}

#[tokio::test]
async fn a_series_that_vanished_is_unknown_once_and_a_failed_scrape_loses_all() {
    let texts = ["a{x=\"1\"} 1\nb 2\n", "b 3\n", "b 4\n", "b\n", "b 5\n"];
    let texts = texts.map(|text| answer(TEXT, "", text.as_bytes()));
    let (address, connections) = exporter(texts.to_vec()).await;
    let exporter = Exporter::new(options(address)).unwrap();
    assert_eq!(names(&run(&exporter).await), ["x=1 a 1", "b 2"]);
    assert_eq!(names(&run(&exporter).await), ["b 3", "x=1 a unknown"]);
    assert_eq!(names(&run(&exporter).await), ["b 4"]);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let report = run(&exporter).await;
    let url = format!("http://{address}/metrics");
    expect(
        &report,
        Verdict::Critical,
        &format!("{url}: line 1: a value is missing"),
    );
    assert_eq!(names(&report), ["b unknown"]);
    assert_eq!(report.value(None, "up"), Some(0.0));
    assert_eq!(report.value(None, "scrape_samples_scraped"), None);
    assert_eq!(names(&run(&exporter).await), ["b 5"]);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_opened_anew() {
    let address = answering(answer(TEXT, "", b"a 1\n")).await;
    let exporter = Exporter::new(options(address)).unwrap();
    for _ in 0..3 {
        let report = run(&exporter).await;
        assert_eq!(report.verdict, Verdict::Ok, "{report}");
    }
}

#[tokio::test]
async fn openmetrics_without_its_end_is_a_part_of_a_scrape() {
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let (address, _) = exporter(vec![
        answer(
            open,
            "",
            b"# TYPE a counter\n# UNIT a seconds\na_total 1 # {t=\"x\"} 1\na_created 5\n# EOF\n",
        ),
        answer(open, "", b"a_total 1\n"),
    ])
    .await;
    let exporter = Exporter::new(options(address)).unwrap();
    let report = run(&exporter).await;
    assert_eq!(names(&report), ["a_total 1 s"]);
    assert_eq!(report.readings[3].unit, Unit::Seconds);
    expect_part(
        &run(&exporter).await,
        Verdict::Critical,
        "ends without # EOF",
    );
}

#[tokio::test]
async fn packed_bodies_are_unpacked_within_the_limit() {
    let pack = |text: &[u8]| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let gzip = "Content-Encoding: gzip\r\n";
    let whole = pack(b"a 1\nb 2\n");
    let bomb = pack(&b"a 1\n".repeat(2_000_000));
    assert!(bomb.len() < 50_000);
    let broken = &whole[..whole.len() - 6];
    let (address, _) = exporter(vec![
        answer(TEXT, gzip, &whole),
        answer(TEXT, gzip, &bomb),
        answer(TEXT, gzip, broken),
        answer(TEXT, gzip, b"a 1\n"),
        answer(TEXT, "Content-Encoding: br\r\n", b"a 1\n"),
    ])
    .await;
    let mut some = options(address);
    some.body_bytes_max = 1024 * 1024;
    let exporter = Exporter::new(some).unwrap();
    assert_eq!(names(&run(&exporter).await), ["a 1", "b 2"]);
    expect_part(
        &run(&exporter).await,
        Verdict::Critical,
        "the body is longer than 1.0 MiB",
    );
    expect_part(
        &run(&exporter).await,
        Verdict::Critical,
        "the gzip data are broken",
    );
    expect_part(
        &run(&exporter).await,
        Verdict::Critical,
        "the gzip data are broken",
    );
    expect_part(
        &run(&exporter).await,
        Verdict::Critical,
        "packed in a way not asked for",
    );
}

/// An exporter that sends this for ever.
async fn endless(piece: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let piece = piece.clone();
        async move {
            read_head(&mut stream).await;
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1073741824\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&piece).await.is_ok() {}
        }
    })
    .await
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[tokio::test]
async fn malicious_exporters_get_a_verdict_in_bounded_memory() {
    let before = resident();
    let line = b"a{b=\"c\"} 1\n".repeat(1000);
    let comment = [b"# ".as_slice(), &[b'x'; 998], b"\n"].concat().repeat(60);
    let mut some = options(endless(line.clone()).await);
    some.samples_max = 100_000;
    let report = run(&Exporter::new(some).unwrap()).await;
    expect_part(
        &report,
        Verdict::Critical,
        "there are more than 100000 samples",
    );
    let mut some = options(endless(comment).await);
    some.deadline = Span::from_seconds(60);
    some.body_bytes_max = 8 * 1024 * 1024;
    let report = run(&Exporter::new(some).unwrap()).await;
    expect_part(
        &report,
        Verdict::Critical,
        "the body is longer than 8.0 MiB",
    );
    let report = scrape(endless(vec![b'x'; 60_000]).await).await;
    expect_part(
        &report,
        Verdict::Critical,
        "line 1: it is longer than 256.0 KiB",
    );
    let report = scrape(endless([b"a".as_slice(), &[b'{'; 5_000], b"\n"].concat()).await).await;
    expect_part(
        &report,
        Verdict::Critical,
        "line 1: a label's name is expected",
    );
    let report = scrape(endless(b"a\xff 1\n".to_vec()).await).await;
    expect_part(&report, Verdict::Critical, "line 1: it is not UTF-8");
    let many: String = (0..2_000).map(|n| format!("a{{n=\"{n}\"}} 1\n")).collect();
    let mut some = options(exporter(vec![answer(TEXT, "", many.as_bytes())]).await.0);
    some.series_max = 1_000;
    let report = run(&Exporter::new(some).unwrap()).await;
    expect_part(
        &report,
        Verdict::Critical,
        "there are more than 1000 series; take less",
    );
    assert_eq!(report.readings.len(), 3);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more than before");
}

#[tokio::test]
async fn series_that_come_twice_count_once() {
    let text = "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"1\"} NaN\nb +Inf\nb 7\n";
    let report = scrape(exporter(vec![answer(TEXT, "", text.as_bytes())]).await.0).await;
    assert_eq!(
        names(&report),
        ["x=1,y=2 a 1", "x=1 a unknown", "b unknown"]
    );
    expect_part(&report, Verdict::Ok, "2 of them for the second time");
}

#[tokio::test]
async fn an_exporter_that_drips_meets_the_deadline() {
    let drip = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"#\n").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    for (address, doing) in [
        (drip, "no end of the body from"),
        (silent().await, "no answer from"),
    ] {
        let mut some = options(address);
        some.deadline = Span::from_millis(300);
        let report = run(&Exporter::new(some).unwrap()).await;
        let message = format!("{doing} http://{address}/metrics within 300ms");
        expect(&report, Verdict::Critical, &message);
        assert!(report.took < Span::from_seconds(10));
    }
    let report = scrape(nobody().await).await;
    expect_part(
        &report,
        Verdict::Critical,
        "connection refused by 127.0.0.1",
    );
}

#[tokio::test]
async fn answers_that_are_no_metrics_are_said() {
    let address = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    expect_part(
        &scrape(address).await,
        Verdict::Critical,
        "answered 404, expected 200",
    );
    let address =
        answering("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n").await;
    expect_part(
        &scrape(address).await,
        Verdict::Critical,
        "it points to /login",
    );
    let address = answering(answer("text/html", "", b"<html>\n")).await;
    expect_part(
        &scrape(address).await,
        Verdict::Critical,
        "the answer is text/html, not metrics: line 1",
    );
    let address = answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na 1\n").await;
    expect_part(
        &scrape(address).await,
        Verdict::Critical,
        "connection closed too early",
    );
}

struct NodeExporter(Child);

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn prometheus_node_exporter_is_read_as_curl_shows_it() {
    let address = nobody().await;
    let child = Command::new("prometheus-node-exporter")
        .arg(format!("--web.listen-address={address}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("install the Debian package prometheus-node-exporter");
    let _node = NodeExporter(child);
    let mut some = options(address);
    some.histograms = Histograms::Buckets;
    some.deadline = Span::from_seconds(60);
    let exporter = Exporter::new(some).unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    let report = loop {
        let report = run(&exporter).await;
        if report.verdict == Verdict::Ok || tokio::time::Instant::now() > until {
            break report;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    let url = format!("http://{address}/metrics");
    let curl = Command::new("curl")
        .args(["-s", &url])
        .output()
        .expect("install the Debian package curl");
    let shown = String::from_utf8(curl.stdout).unwrap();
    let samples: BTreeSet<&str> = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    assert!(samples.len() > 300, "{}", samples.len());
    // The same series, and of those that stand still the same values.
    let found: BTreeSet<String> = report.readings[3..]
        .iter()
        .map(|reading| match &reading.group {
            None => reading.field.clone(),
            Some(_) => format!("{}{{", reading.field),
        })
        .collect();
    let wanted: BTreeSet<String> = samples
        .iter()
        .map(|sample| match sample.split_once('{') {
            None => (*sample).to_owned(),
            Some((name, _)) => format!("{name}{{"),
        })
        .collect();
    let differ: Vec<&String> = found.symmetric_difference(&wanted).collect();
    assert!(differ.len() <= 2, "{differ:?}");
    let count = report.value(None, "scrape_samples_scraped").unwrap();
    assert!(
        (count - samples.len() as f64).abs() <= 5.0,
        "{count} and {}",
        samples.len()
    );
    for field in ["node_memory_MemTotal_bytes", "node_boot_time_seconds"] {
        let line = shown
            .lines()
            .find(|line| line.starts_with(&format!("{field} ")))
            .unwrap();
        let value: f64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        assert_eq!(report.value(None, field), Some(value), "{field}");
    }
    let cpu = report
        .readings
        .iter()
        .find(|r| r.field == "node_cpu_seconds_total")
        .unwrap();
    assert_eq!((cpu.kind, &cpu.unit), (Kind::Counter, &Unit::Seconds));
    assert!(cpu.group.as_deref().unwrap().starts_with("cpu=0,mode="));
}
