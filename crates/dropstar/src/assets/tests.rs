use flate2::Compression;
use http::{HeaderMap, HeaderValue, header};
use ring::digest;

use super::{Assets, FILES, accepts_gzip, asset_url};
use crate::encoding::hex;

fn accepting(coding: &'static str) -> HeaderMap {
    [(header::ACCEPT_ENCODING, HeaderValue::from_static(coding))]
        .into_iter()
        .collect()
}

#[test]
fn vendored_files_are_what_the_manifest_says() {
    let vendor = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/vendor/");
    let manifest = std::fs::read_to_string(format!("{vendor}manifest.txt")).unwrap();
    assert_eq!(manifest.lines().count(), 4);
    for line in manifest.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(format!("{vendor}{name}")).unwrap();
        let digest = digest::digest(&digest::SHA384, &bytes);
        assert_eq!(hex(digest.as_ref()), expected, "{name}");
        let folder = name.split('/').next().unwrap();
        assert!(std::path::Path::new(&format!("{vendor}{folder}/LICENSE")).exists());
    }
}

#[test]
fn the_files_of_a_page_stay_below_65_kilobytes_compressed() {
    let sum: usize = FILES
        .iter()
        .map(|(_, _, bytes)| {
            super::gzip(bytes, Compression::best()).map_or(bytes.len(), |gzip| gzip.len())
        })
        .sum();
    assert!(sum <= 65 << 10, "{sum} bytes");
}

#[test]
fn no_file_of_ours_asks_another_origin() {
    for (name, _, bytes) in FILES {
        if name.starts_with("htmx") || name.starts_with("hx-") || name.starts_with("uplot") {
            continue;
        }
        let text = String::from_utf8_lossy(bytes).replace("http://www.w3.org/", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{name}"
        );
    }
}

#[test]
fn hashed_names_are_for_ever_and_plain_ones_are_asked_again() {
    let url = asset_url("rem.css").unwrap();
    let hashed = Assets::default()
        .answer(url.strip_prefix("/assets/").unwrap(), &HeaderMap::new())
        .unwrap();
    let plain = Assets::default()
        .answer("rem.css", &HeaderMap::new())
        .unwrap();
    let cache = |response: &crate::Response| response.headers()["cache-control"].clone();
    assert!(cache(&hashed).to_str().unwrap().contains("immutable"));
    assert_eq!(cache(&plain), "no-cache");
    assert_eq!(hashed.headers()["etag"], plain.headers()["etag"]);
    assert!(
        Assets::default()
            .answer("rem.000000000000.css", &HeaderMap::new())
            .is_none()
    );
    assert!(
        Assets::default()
            .answer("../Cargo.toml", &HeaderMap::new())
            .is_none()
    );
    assert!(asset_url("nothing.css").is_none());
}

#[test]
fn a_copy_that_is_current_is_not_sent_again() {
    let etag = Assets::default()
        .answer("rem.css", &HeaderMap::new())
        .unwrap()
        .headers()["etag"]
        .clone();
    let asking = |value| [(header::IF_NONE_MATCH, value)].into_iter().collect();
    let status = |headers: &HeaderMap| {
        Assets::default()
            .answer("rem.css", headers)
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status(&asking(etag)), 304);
    assert_eq!(status(&asking(HeaderValue::from_static("\"other\""))), 200);
}

#[test]
fn compressed_only_where_the_client_can_read_it() {
    assert!(accepts_gzip(&accepting("br, gzip;q=0.8")));
    assert!(!accepts_gzip(&accepting("br, gzip;q=0")));
    assert!(!accepts_gzip(&HeaderMap::new()));
    let gzip = Assets::default()
        .answer("rem.css", &accepting("gzip"))
        .unwrap();
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    assert_eq!(&gzip.body().unwrap()[..2], [0x1f, 0x8b]);
}

/// Contrast of the tokens by the rules of WCAG, light and dark.
#[test]
fn words_can_be_read_in_both_themes() {
    let css = include_str!("../../assets/rem.css");
    let tokens = |from: &str, to: &str| {
        let block = css.split_once(from).unwrap().1.split_once(to).unwrap().0;
        let mut found = std::collections::HashMap::new();
        for declaration in block.split([';', '{', '\n']) {
            if let Some((name, value)) = declaration.trim().split_once(':')
                && value.trim().starts_with('#')
            {
                found.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        found
    };
    let light = tokens(":root {", "@media");
    let dark = tokens(":root[data-theme=\"dark\"] {", "/* Ground");
    for theme in [light, dark] {
        for (ink, ground, least) in [
            ("ink", "ground", 7.0),
            ("ink-2", "surface", 4.5),
            ("ink-3", "ground", 4.5),
            ("accent-ink", "ground", 4.5),
            ("on-accent", "accent", 4.5),
            ("ok-ink", "ok-soft", 4.5),
            ("warning-ink", "warning-soft", 4.5),
            ("critical-ink", "critical-soft", 4.5),
            ("unknown-ink", "unknown-soft", 4.5),
            ("ok", "surface", 3.0),
            ("warning", "surface", 3.0),
            ("critical", "surface", 3.0),
            ("unknown", "surface", 3.0),
        ] {
            let of = |name: &str| luminance(&theme[&format!("--{name}")]);
            let (a, b) = (of(ink), of(ground));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= least, "{ink} on {ground}: {contrast:.2}");
        }
    }
}

fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.039_28 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn a_program_adds_files_of_its_own_under_addresses_that_change_with_them() {
    let with = |content| {
        let mut assets = Assets::default();
        assets.add("page.css".into(), "text/css", content);
        assets
    };
    let (old, new) = (with(b"a{}"), with(b"b{}"));
    let url = old.url("page.css").unwrap();
    assert_ne!(new.url("page.css").unwrap(), url);
    let name = url.strip_prefix("/assets/").unwrap();
    assert_eq!(
        old.answer(name, &HeaderMap::new()).unwrap().headers()["content-type"],
        "text/css"
    );
    assert!(
        new.answer(name, &HeaderMap::new()).is_none(),
        "an old address has the new content"
    );
    assert!(
        old.url("rem.css").is_some(),
        "dropstar's own files are gone"
    );
}
