use super::*;

#[test]
fn addresses_and_names_are_hosts() {
    for host in [
        "192.0.2.1",
        "2001:db8::1",
        "web-01",
        "db.example.com",
        "db.example.com.",
        "_x.y",
    ] {
        assert_eq!(Host::parse(host).unwrap().to_string(), host);
    }
    assert_eq!(Host::parse("[::1]").unwrap().in_url(), "[::1]");
}

#[test]
fn what_is_no_host_says_why() {
    for (text, why) in [
        ("", "it is empty"),
        ("192.0.2.300", "it is neither an IP address nor a DNS name"),
        ("1.2.3", "it is neither an IP address nor a DNS name"),
        (
            "web:80",
            "a host has no port; the port belongs to the interface or the monitor",
        ),
        ("http://web", "it is a URL or a path, not a host"),
        (
            "a b",
            "a DNS name is made of letters, digits, dots and hyphens",
        ),
        (
            "-a",
            "a DNS name is made of letters, digits, dots and hyphens",
        ),
        (
            "a..b",
            "a DNS name is made of letters, digits, dots and hyphens",
        ),
    ] {
        assert_eq!(Host::parse(text), Err(why), "{text}");
    }
}
