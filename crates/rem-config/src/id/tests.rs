use super::*;

fn id(machine: &str, package: &str, monitor: &str) -> String {
    MonitorId::new(
        &MachineName::new(machine).unwrap(),
        &PackageName::new(package).unwrap(),
        &MonitorName::new(monitor).unwrap(),
    )
    .to_string()
}

#[test]
fn names_with_slashes_do_not_collide() {
    assert_eq!(id("web-01", "apache", "http"), "web-01/apache/http");
    assert_eq!(id("a/b", "c", "d"), "a%2Fb/c/d");
    assert_ne!(id("a/b", "c", "d"), id("a%2Fb", "c", "d"));
    assert_ne!(id("a/b", "c", "d"), id("a", "b/c", "d"));
}
