use rem_yaml::{MapReader, Problems};

use crate::check::{Check, ExporterCheck};
use crate::template::Becomes;

use super::super::url;
use super::{Look, Scene, bytes, filled, http, number, tls};

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let url = match map.get("url") {
        Some(at) => filled(&at, scene.interfaces, Becomes::Url, problems, url::check),
        None => {
            let help = "add `url: \"http://{machine.address}:9100/metrics\"`";
            problems.add(map.missing("url").help(help));
            None
        }
    };
    let only = globs(map, "only", problems);
    let without = globs(map, "without", problems);
    let histograms = [("sums", false), ("buckets", true)];
    let buckets = match map.get("histograms") {
        Some(at) => at.one_of(&histograms, problems),
        None => Some(false),
    };
    let (headers, secret_headers) = http::headers(map.get("headers"), scene, problems);
    let trust = tls::trust(map, scene, problems);
    let body_max = bytes(map, "body_max", problems);
    let mut count = |key: &'static str, problems: &mut Problems| {
        let count = map
            .has(key)
            .then(|| number(map, key, 1..=100_000_000, 1, problems));
        map.know(key);
        count.map(|count| count.and_then(|count| usize::try_from(count).ok()))
    };
    let samples_max = count("samples_max", problems);
    let series_max = count("series_max", problems);
    let url = url?;
    let example = ExporterCheck {
        url: String::new(),
        headers: Vec::new(),
        secret_headers,
        trust: trust?,
        only: only?,
        without: without?,
        buckets: buckets?,
        body_max,
        samples_max: samples_max.flatten(),
        series_max: series_max.flatten(),
    };
    let made = example.clone();
    Some(Look::filled(
        Check::Exporter(Box::new(example)),
        move |fill| {
            Ok(Check::Exporter(Box::new(ExporterCheck {
                url: fill.url(&url)?,
                headers: http::fill_headers(&headers, fill)?,
                ..made.clone()
            })))
        },
    ))
}

/// Patterns of names, none of them empty.
pub(super) fn globs(
    map: &mut MapReader<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let Some(at) = map.get(key) else {
        return Some(Vec::new());
    };
    let items = match at.node().as_str() {
        Some(_) => vec![at],
        None => at.items(problems)?,
    };
    let globs: Vec<Option<String>> = items
        .iter()
        .map(|item| super::text_to_find(item, problems))
        .collect();
    globs.into_iter().collect()
}
