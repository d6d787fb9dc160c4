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

#[test]
fn a_name_that_ends_like_a_place_is_no_monitor_of_that_place() {
    let near = MonitorId::from_place(
        &MachineName::new("m").unwrap(),
        &PackageName::new("p").unwrap(),
        &MonitorName::new("http").unwrap(),
        Scope::Near,
    );
    assert_eq!(near.as_str(), "m/p/http@near");
    assert_eq!(id("m", "p", "http@near"), "m/p/http%40near");
    assert_eq!(id("m", "p", "http@home"), "m/p/http@home");
}
