use std::os::unix::fs::FileExt;

use super::*;
use crate::undo::Undo;

#[test]
fn a_file_in_the_midst_of_an_update_is_seen_as_it_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::Store::open(
        folder.path(),
        crate::Options::default(),
        std::sync::Arc::new(rem_time::SystemClock),
    )
    .unwrap();
    let step = rem_time::Span::from_seconds(60);
    let at = rem_time::Timestamp::from_seconds(1_282_114_500);
    store.push("a", step, at, &[("x", Some(1.0))]).unwrap();
    store.close().unwrap();
    let path = folder.path().join("series/a.rrd");
    let undo_path = folder.path().join("journal/undo");
    let before = fs::read(&path).unwrap();
    let header = crate::header::Header::read(&path).unwrap();

    let mut undo = Undo::open(undo_path.clone()).unwrap();
    undo.note([(path.as_path(), &header)]).unwrap();
    let half = fs::OpenOptions::new().write(true).open(&path).unwrap();
    half.write_all_at(&[0xff; 4], header.live_part().start as u64)
        .unwrap();
    assert_ne!(fs::read(&path).unwrap(), before);
    assert_eq!(whole(&path, &undo_path).unwrap(), before);

    half.write_all_at(&before, 0).unwrap();
    undo.forget().unwrap();
    assert_eq!(whole(&path, &undo_path).unwrap(), before);
    let nowhere = whole(&folder.path().join("series/b.rrd"), &undo_path);
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
}
