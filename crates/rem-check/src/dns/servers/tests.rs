use super::*;

#[test]
fn the_systems_servers_are_read_as_the_system_does() {
    let text = "# by hand\nsearch example.com\nnameserver 192.0.2.1\n\
                nameserver   2001:db8::1\nnameserver bad\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
    let found: Vec<String> = name_servers(text)
        .iter()
        .map(SocketAddr::to_string)
        .collect();
    assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"]);
    let none: Vec<SocketAddr> = name_servers("options edns0\n");
    assert_eq!(none, ["127.0.0.1:53".parse().unwrap()]);
}

#[test]
fn a_server_may_have_a_port() {
    let peer = |text| match Servers::parse(Some(text)) {
        Some(Servers::One(peer)) => peer.to_string(),
        other => format!("{other:?}"),
    };
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1:53"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ("ns1.example.com", "ns1.example.com:53"),
        ("ns1.example.com:54", "ns1.example.com:54"),
        ("", "None"),
        ("a b", "None"),
    ] {
        assert_eq!(peer(text), expected, "{text}");
    }
}
