//! What Prometheus, or an exporter check of rem-monitor, scrapes from the daemon.

use std::collections::BTreeMap;

use dropstar::{Exposition, Family, Samples};
use redeye_cloud::{CloudFigures, Kind, ReadFigures, Scope};
use rem_time::Timestamp;

/// How many things of a kind were in the newest listing.
pub(crate) type Counts = BTreeMap<(Scope, Kind), usize>;

/// Of each kind in each scope, its labels and how reading it goes.
type Reads<'a> = Vec<([(&'static str, &'a str); 4], &'a ReadFigures)>;

fn place(scope: &Scope) -> [(&'static str, &str); 3] {
    [
        ("megavisor", scope.megavisor.as_str()),
        ("account", scope.account.as_str()),
        ("region", scope.region.as_str()),
    ]
}

fn placed<'a>(
    scope: &'a Scope,
    name: &'static str,
    value: &'a str,
) -> [(&'static str, &'a str); 4] {
    let [megavisor, account, region] = place(scope);
    [megavisor, account, region, (name, value)]
}

pub(crate) fn text(
    figures: &CloudFigures,
    counts: &Counts,
    now: Timestamp,
    exposition: Exposition,
) -> String {
    let mut page = Samples::new(exposition);
    let reads: Reads<'_> = figures
        .reads
        .iter()
        .map(|((scope, kind), read)| (placed(scope, "kind", kind.noun()), read))
        .collect();
    reading(&mut page, &reads, now);
    page.family(
        "redeye_cloud_items",
        Family::Gauge,
        "Things in the newest listing",
    );
    for ((scope, kind), count) in counts {
        page.sample(&placed(scope, "kind", kind.noun()), Some(*count as f64));
    }
    page.family(
        "redeye_cloud_write_errors_total",
        Family::Counter,
        "Calls that should change something and failed, by class",
    );
    for ((scope, class), number) in &figures.write_errors {
        page.sample(&placed(scope, "class", class.name()), Some(*number as f64));
    }
    page.family(
        "redeye_cloud_operations",
        Family::Gauge,
        "Operations of all processes under way or waiting for a person, by state",
    );
    for ((scope, state), number) in &figures.open {
        page.sample(&placed(scope, "state", state), Some(*number as f64));
    }
    page.family(
        "redeye_cloud_operations_ended_total",
        Family::Counter,
        "Operations that ended in this process, by how",
    );
    for ((scope, state), number) in &figures.ended {
        page.sample(&placed(scope, "state", state), Some(*number as f64));
    }
    page.end()
}

fn reading(page: &mut Samples, reads: &Reads<'_>, now: Timestamp) {
    page.family(
        "redeye_cloud_api_up",
        Family::Gauge,
        "Whether the last call of the cloud was answered",
    );
    for (labels, read) in reads {
        page.sample(labels, read.up.map(|up| f64::from(u8::from(up))));
    }
    page.family(
        "redeye_cloud_api_seconds",
        Family::Gauge,
        "How long the last call took that was answered",
    );
    for (labels, read) in reads {
        page.sample(labels, read.took.map(rem_time::Span::as_secs_f64));
    }
    page.family(
        "redeye_cloud_cache_age_seconds",
        Family::Gauge,
        "How old the listing is that is kept",
    );
    for (labels, read) in reads {
        let age = read.observed_at.map(|at| now.since(at).as_secs_f64());
        page.sample(labels, age);
    }
    page.family(
        "redeye_cloud_reads_total",
        Family::Counter,
        "Reads, by where their answer was from",
    );
    for ([megavisor, account, region, kind], read) in reads {
        let answers = [
            ("live", read.live),
            ("kept", read.hits),
            ("stale", read.stale),
            ("none", read.failed),
        ];
        for (answer, number) in answers {
            let labels = [*megavisor, *account, *region, *kind, ("answer", answer)];
            page.sample(&labels, Some(number as f64));
        }
    }
    page.family(
        "redeye_cloud_api_errors_total",
        Family::Counter,
        "Calls that should read something and failed, by class",
    );
    for ([megavisor, account, region, kind], read) in reads {
        for (class, number) in &read.errors {
            let labels = [
                *megavisor,
                *account,
                *region,
                *kind,
                ("class", class.name()),
            ];
            page.sample(&labels, Some(*number as f64));
        }
    }
}
