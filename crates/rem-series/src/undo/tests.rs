#![allow(clippy::unwrap_used)]

use rem_time::{Span, Timestamp};

use super::*;
use crate::{Archive, Consolidation, Declaration, Query, RrdFile};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_282_114_800 + second)
}

fn file(path: &Path) -> RrdFile {
    let declaration =
        Declaration::default().archives(vec![Archive::new(Consolidation::Average, 1, 10)]);
    let mut file = RrdFile::open_or_create(path, Span::from_seconds(1), &declaration).unwrap();
    for second in 0..3 {
        file.push(at(second), &[("v", Some(second as f64))])
            .unwrap();
    }
    file
}

fn values(file: &RrdFile) -> Vec<Option<f64>> {
    let rows = file.fetch(&Query::new(at(-1), at(4))).unwrap();
    rows.field("v").into_iter().map(|(_, v)| v).collect()
}

/// What librrd's map looks like when the process dies between a row and the time of
/// the last update: everything is new but the time.
fn tear(path: &Path, header: &Header) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let last_update = header.live_part().start as u64;
    file.write_all_at(&header.last_update.to_ne_bytes(), last_update)
        .unwrap();
}

#[test]
fn without_it_a_torn_update_would_be_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.rrd");
    let mut file = file(&path);
    let before = Header::read(&path).unwrap();
    file.push(at(3), &[("v", Some(3.0))]).unwrap();
    tear(&path, &before);
    file.push(at(3), &[("v", Some(3.0))]).unwrap();
    // Every older value has moved to the second before its own.
    assert_ne!(values(&file)[..3], [Some(0.0), Some(1.0), Some(2.0)]);
}

#[test]
fn a_torn_update_is_undone_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.rrd");
    let mut file = file(&path);
    let before = Header::read(&path).unwrap();
    let mut undo = Undo::open(folder.path().join("undo")).unwrap();
    undo.note([(path.as_path(), &before)]).unwrap();
    file.push(at(3), &[("v", Some(3.0))]).unwrap();
    tear(&path, &before);
    drop(undo);

    let mut undo = Undo::open(folder.path().join("undo")).unwrap();
    assert_eq!(undo.roll_back().unwrap(), 1);
    file.push(at(3), &[("v", Some(3.0))]).unwrap();
    let expected = [Some(0.0), Some(1.0), Some(2.0), Some(3.0), None];
    assert_eq!(values(&file), expected);
    assert_eq!(undo.roll_back().unwrap(), 0, "only once");
}

#[test]
fn nothing_is_undone_after_the_update_or_from_another_boot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.rrd");
    let mut file = file(&path);
    let header = Header::read(&path).unwrap();
    let mut undo = Undo::open(folder.path().join("undo")).unwrap();
    undo.note([(path.as_path(), &header)]).unwrap();
    file.push(at(3), &[("v", Some(3.0))]).unwrap();
    undo.forget().unwrap();
    assert_eq!(undo.roll_back().unwrap(), 0);

    undo.boot = "another".into();
    undo.note([(path.as_path(), &header)]).unwrap();
    let mut undo = Undo::open(folder.path().join("undo")).unwrap();
    assert_eq!(undo.roll_back().unwrap(), 0);
    assert_eq!(values(&file)[3], Some(3.0));
}

#[test]
fn a_note_that_was_cut_off_is_no_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.rrd");
    let file = file(&path);
    let mut undo = Undo::open(folder.path().join("undo")).unwrap();
    undo.note([(file.path(), file.header().unwrap())]).unwrap();
    let len = undo.file.metadata().unwrap().len();
    undo.file.set_len(len - 1).unwrap();
    assert_eq!(undo.roll_back().unwrap(), 0);
}
