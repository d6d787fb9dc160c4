//! What is true of every check, the fake among them.

use std::collections::BTreeSet;
use std::time::Duration;

use rem_check::{
    Check, DiskOptions, Dns, DnsClient, DnsKind, DnsOptions, Exporter, ExporterOptions, FakeCheck,
    Http, HttpOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork,
    LocalProcesses, LocalUnits, LogOptions, LogPattern, LogRule, Ping, PingOptions, Pinger, Plugin,
    PluginOptions, ProcessesOptions, Reading, Root, Script, ScriptOptions, Tcp, TcpOptions,
    TlsCert, TlsCertOptions, Unit, UnitsOptions, Verdict,
};
use rem_time::{Span, Timestamp};

use crate::peer::{answering, nobody};

async fn every_check() -> Vec<Box<dyn Check>> {
    let root = Root::default;
    let peer = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let metrics = answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n").await;
    let kept = HttpOptions {
        fresh: false,
        ..HttpOptions::new(format!("http://{peer}/"))
    };
    let question = DnsOptions {
        server: Some("127.0.0.1:9".into()),
        deadline: Span::from_millis(300),
        ..DnsOptions::new("a.example", DnsKind::Soa)
    };
    let lost = |field| Reading::gauge(field, f64::NAN, Unit::One);
    vec![
        Box::new(FakeCheck::new("fake").then(Verdict::Ok, "well", vec![lost("x")])),
        Box::new(LocalCpu::new(root()).per_core()),
        Box::new(LocalLoad::new(root())),
        Box::new(LocalMemory::new(root())),
        Box::new(LocalDisk::new(root(), DiskOptions::default())),
        Box::new(LocalDiskIo::new(root())),
        Box::new(LocalNetwork::new(root())),
        Box::new(Ping::new(&Pinger::new(), PingOptions::new("127.0.0.1"))),
        Box::new(Http::new(HttpOptions::new(format!("http://{peer}/"))).unwrap()),
        Box::new(Exporter::new(ExporterOptions::new(format!("http://{metrics}/"))).unwrap()),
        Box::new(Plugin::new(PluginOptions::new(["/bin/echo", "ok|a=1"])).unwrap()),
        Box::new(LocalUnits::new(UnitsOptions::default()).unwrap()),
        Box::new(LocalProcesses::new(root(), ProcessesOptions::default()).unwrap()),
        Box::new(log()),
        Box::new(Http::new(kept).unwrap()),
        Box::new(Dns::new(&DnsClient::new(), question).unwrap()),
        Box::new(TlsCert::new(TlsCertOptions::new(nobody().await.to_string())).unwrap()),
        Box::new(Tcp::new(TcpOptions::new(peer.to_string())).unwrap()),
        Box::new(Script::new(ScriptOptions::new(["/bin/sh", "-c", "echo x=1"])).unwrap()),
    ]
}

/// A file that every machine has.
fn log() -> LogPattern {
    let rules = vec![LogRule::new("root", "^root:")];
    LogPattern::new(LogOptions::new("/etc/passwd", rules), None).unwrap()
}

#[tokio::test]
async fn a_report_has_its_time_a_reason_and_each_reading_once() {
    let now = Timestamp::from_seconds(1_282_114_491);
    for check in every_check().await {
        let name = check.name().to_owned();
        assert!(!name.is_empty() && !check.deadline().is_zero(), "{name}");
        let report = check.run(now).await;
        assert_eq!(report.at, now, "{name}");
        assert!(
            !report.message.is_empty() && !report.message.contains('\n'),
            "{name}"
        );
        let slack = Span::from_seconds(30);
        assert!(
            report.took <= check.deadline().saturating_add(slack),
            "{name}"
        );
        let mut seen = BTreeSet::new();
        for reading in &report.readings {
            assert!(
                reading.value.is_none_or(f64::is_finite),
                "{name}: {reading}"
            );
            let is_new = seen.insert((reading.group.clone(), reading.field.clone()));
            assert!(is_new, "{name}: twice: {reading}");
        }
    }
}

#[tokio::test]
async fn the_second_run_has_the_readings_of_the_first() {
    for check in every_check().await {
        let mut runs = Vec::new();
        for _ in 0..2 {
            let report = check.run(Timestamp::EPOCH).await;
            let names = report
                .readings
                .into_iter()
                .map(|r| (r.group, r.field, r.unit));
            runs.push(names.collect::<Vec<_>>());
        }
        assert_eq!(runs[0], runs[1], "{}", check.name());
    }
}

#[tokio::test]
async fn runs_may_overlap_and_be_given_up() {
    for check in every_check().await {
        let given_up = tokio::time::timeout(Duration::ZERO, check.run(Timestamp::EPOCH)).await;
        drop(given_up);
        let both = tokio::join!(check.run(Timestamp::EPOCH), check.run(Timestamp::EPOCH));
        assert_eq!(both.0.verdict, both.1.verdict, "{}", check.name());
    }
}
