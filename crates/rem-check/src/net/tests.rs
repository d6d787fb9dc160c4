use super::*;

#[test]
fn hosts_and_ports_are_told_apart() {
    for (text, host, port) in [
        ("db.example.com:3306", "db.example.com", 3306),
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("[2001:db8::1]:22", "2001:db8::1", 22),
    ] {
        let peer = Peer::parse(text).unwrap();
        assert_eq!((peer.host.as_str(), peer.port), (host, port));
        assert_eq!(peer.to_string(), text);
    }
}

#[test]
fn what_is_no_host_and_port_is_refused() {
    for text in [
        "",
        "host",
        "host:",
        ":80",
        "host:0",
        "host:65536",
        "host:http",
        "[::1]",
        "[host]:80",
        "a b:80",
        "http://host:80",
        "a:b:80",
        "[::1:80",
    ] {
        assert_eq!(Peer::parse(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_dead_address_does_not_keep_the_next_from_being_tried() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = listener.local_addr().unwrap();
    let dead = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let (_stream, found) = connect(&[dead, alive], deadline).await.unwrap();
    assert_eq!(found, alive);
    let refused = connect(&[dead], deadline).await.unwrap_err();
    assert_eq!(refused, format!("connection refused by {dead}"));
}
