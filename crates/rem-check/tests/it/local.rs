//! The machine that runs the tests, as it is.

use rem_check::{
    Check, DiskOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork,
    Report, Root, Unit, Verdict,
};
use rem_time::Span;

use crate::run;

/// True of every reading of every machine.
#[track_caller]
fn expect_plausible(report: &Report) {
    for reading in &report.readings {
        let Some(value) = reading.value else { continue };
        assert!(value >= 0.0, "{reading}");
        if reading.unit == Unit::Percent {
            assert!(value <= 100.001, "{reading}");
        }
    }
}

async fn look(check: &dyn Check) -> Report {
    let report = run(check).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    expect_plausible(&report);
    report
}

#[tokio::test]
async fn processors_have_shares_that_add_up() {
    let cpu = LocalCpu::new(Root::default()).per_core();
    let report = look(&cpu).await;
    assert!(report.took >= Span::from_millis(250) && report.took < Span::from_seconds(15));
    let parts = [
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest",
    ];
    let sum: f64 = parts
        .iter()
        .filter_map(|part| report.value(None, part))
        .sum();
    assert!((sum - 100.0).abs() < 0.001, "{sum}");
    assert!(
        report
            .readings
            .iter()
            .any(|r| r.group.as_deref() == Some("cpu0"))
    );
}

#[tokio::test]
async fn load_and_memory_have_values_at_once() {
    let report = look(&LocalLoad::new(Root::default())).await;
    assert!(report.value(None, "runnable").unwrap() >= 1.0);
    let report = look(&LocalMemory::new(Root::default())).await;
    let value = |field| report.value(None, field).unwrap();
    assert!(value("total") > 16.0 * 1024.0 * 1024.0);
    assert_eq!(value("used") + value("available"), value("total"));
    assert!(value("used_percent") > 0.0);
}

#[tokio::test]
async fn the_root_file_system_has_a_size() {
    let options = DiskOptions {
        mounts: vec!["/".into()],
        deadline: Span::from_seconds(30),
    };
    let report = look(&LocalDisk::new(Root::default(), options)).await;
    let value = |field| report.value(Some("/"), field).unwrap();
    assert!(value("total") > 0.0 && value("used") <= value("total"));
    look(&LocalDisk::new(Root::default(), DiskOptions::default())).await;
}

#[tokio::test]
async fn devices_and_interfaces_have_rates() {
    look(&LocalDiskIo::new(Root::default())).await;
    let report = look(&LocalNetwork::new(Root::default()).only(vec!["lo".into()])).await;
    assert!(report.value(Some("lo"), "rx_bytes").is_some());
}
