#![allow(clippy::unwrap_used)]

use rem_time::{Span, Timestamp};

use super::*;
use crate::{Archive, Declaration, Field, RrdFile};

fn file(folder: &Path) -> RrdFile {
    let limits = Field {
        kind: Kind::Derive,
        min: Some(-1.0),
        heartbeat: Some(Span::from_seconds(99)),
        ..Field::default()
    };
    let declaration = Declaration::default()
        .field("b", limits)
        .archives(vec![Archive::new(Consolidation::Max, 3, 50)]);
    let path = folder.join("x.rrd");
    let mut file = RrdFile::open_or_create(&path, Span::from_seconds(10), &declaration).unwrap();
    let time = Timestamp::from_seconds(1_282_114_800);
    file.push(time, &[("a", Some(1.0)), ("b", Some(5.0))])
        .unwrap();
    file
}

#[test]
fn it_reads_what_librrd_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let header = Header::read(file.path()).unwrap();
    let source = |name: &str, kind, heartbeat, min| Source {
        name: name.into(),
        kind: Some(kind),
        computed: false,
        heartbeat,
        min,
        max: None,
    };
    assert_eq!(
        header.sources,
        [
            source("a", Kind::Gauge, 20, None),
            source("b", Kind::Derive, 99, Some(-1.0))
        ]
    );
    let ring = Ring {
        consolidation: Some(Consolidation::Max),
        steps: 3,
        rows: 50,
        unknown_share: 0.5,
    };
    assert_eq!(header.archives, [ring]);
    assert_eq!((header.step, header.last_update), (10, 1_282_114_800));
    let rows = 8 * 2 * 50;
    let len = file.path().metadata().unwrap().len();
    assert_eq!(header.live_part().end as u64 + rows, len);
}

#[test]
fn damage_anywhere_in_the_head_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let whole = std::fs::read(file.path()).unwrap();
    let copy = folder.path().join("copy.rrd");
    for len in 0..whole.len() {
        if len < 1200 || len % 97 == 0 {
            std::fs::write(&copy, &whole[..len]).unwrap();
            let error = Header::read(&copy).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{len}: {error}");
        }
    }
    for at in (0..48).filter(|at| !(8..16).contains(at)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x80;
        std::fs::write(&copy, &bytes).unwrap();
        let step_only = (40..48).contains(&at);
        assert!(Header::read(&copy).is_err() || step_only, "byte {at}");
    }
}
