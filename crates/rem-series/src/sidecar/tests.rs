#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn it_is_read_as_it_was_written_and_only_where_it_says_something() {
    let folder = tempfile::tempdir().unwrap();
    let rrd = folder.path().join("x.rrd");
    Sidecar::default().write(&rrd).unwrap();
    assert!(!Sidecar::path_of(&rrd).exists());
    assert_eq!(Sidecar::read(&rrd).unwrap(), Sidecar::default());

    let mut sidecar = Sidecar {
        series: Some("a long\nname".into()),
        ..Sidecar::default()
    };
    sidecar.units.insert("höhe".into(), "m".into());
    let source = sidecar.add("höhe", &[]);
    assert_eq!(sidecar.source("höhe"), Some(source.as_str()));
    assert_eq!(sidecar.source(&source), None);
    assert_eq!(sidecar.field(&source), "höhe");
    assert_eq!(sidecar.field("plain"), "plain");
    sidecar.write(&rrd).unwrap();
    assert_eq!(Sidecar::read(&rrd).unwrap(), sidecar);
}

#[test]
fn a_damaged_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let rrd = folder.path().join("x.rrd");
    fs::write(Sidecar::path_of(&rrd), "{").unwrap();
    let error = Sidecar::read(&rrd).unwrap_err().to_string();
    assert!(
        error.contains("x.rrd.json is damaged and left as it is"),
        "{error}"
    );
}
