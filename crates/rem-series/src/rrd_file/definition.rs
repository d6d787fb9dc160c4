//! Declarations in the words of `rrdtool create` and `rrdtool tune`.

use rem_time::Span;

use crate::header::{Header, Source};
use crate::{Archive, Field};

/// A source for a field, as `rrdtool create` takes it.
pub(super) fn definition(source: &str, field: &Field, step: u64) -> String {
    format!(
        "DS:{source}:{}:{}:{}:{}",
        field.kind,
        heartbeat(field, step),
        limit(field.min),
        limit(field.max)
    )
}

/// What must be tuned so that an existing source is as its field is declared.
pub(super) fn tuning(source: &Source, field: &Field, step: u64) -> Vec<String> {
    let name = &source.name;
    let mut changes = Vec::new();
    if source.kind != Some(field.kind) {
        changes.extend([
            "--data-source-type".into(),
            format!("{name}:{}", field.kind),
        ]);
    }
    if source.heartbeat != heartbeat(field, step) {
        let heartbeat = heartbeat(field, step);
        changes.extend(["--heartbeat".into(), format!("{name}:{heartbeat}")]);
    }
    if source.min != field.min {
        changes.extend(["--minimum".into(), format!("{name}:{}", limit(field.min))]);
    }
    if source.max != field.max {
        changes.extend(["--maximum".into(), format!("{name}:{}", limit(field.max))]);
    }
    changes
}

/// New archives are filled from the old ones, which then go.
pub(super) fn archive_changes(header: &Header, wanted: &[Archive]) -> Vec<String> {
    let same = |archive: &Archive, at: usize| {
        header.archives.get(at).is_some_and(|ring| {
            ring.consolidation == Some(archive.consolidation)
                && ring.steps == u64::from(archive.steps)
                && ring.rows == u64::from(archive.rows)
                && ring.unknown_share.to_bits() == archive.unknown_share.to_bits()
        })
    };
    let unchanged = header.archives.len() == wanted.len()
        && wanted.iter().enumerate().all(|(at, a)| same(a, at));
    if unchanged {
        return Vec::new();
    }
    let gone = (0..header.archives.len()).map(|at| format!("DELRRA:{at}"));
    gone.chain(wanted.iter().map(archive_text)).collect()
}

pub(super) fn archive_text(archive: &Archive) -> String {
    format!(
        "RRA:{}:{}:{}:{}",
        archive.consolidation, archive.unknown_share, archive.steps, archive.rows
    )
}

fn heartbeat(field: &Field, step: u64) -> u64 {
    field.heartbeat.map_or(2 * step, Span::as_seconds)
}

fn limit(limit: Option<f64>) -> String {
    limit.map_or_else(|| "U".into(), |limit| limit.to_string())
}
