use super::*;

#[test]
fn patterns_choose_monitors_by_their_ids() {
    let globs = Globs::of_query("match%5B%5D=web-*/linux/*&x=1&match=db-0%3F/*");
    assert!(globs.wants("web-01/linux/cpu"));
    assert!(globs.wants("db-07/mysql/up"));
    assert!(!globs.wants("web-01/apache/http"));
    assert!(!globs.wants("db-10/mysql/up"));
    assert!(Globs::of_query("").wants("anything"));
}
