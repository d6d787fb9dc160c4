use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use dropstar::{Accounts, Request, Response, Role, Route, Server, Site, Tls};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rem_time::SystemClock;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{answer, closed, get, loopback, start, wait_for};

fn site(name: &'static str) -> Site {
    Site::new(name)
        .page(Route::get("/"), move |request: Request| {
            let text = format!("{name} tls={} port={}", request.is_tls(), request.port());
            async { Response::text(text) }
        })
        .page(Route::get("/host"), async |request: Request| {
            Response::text(request.host().unwrap_or("none"))
        })
}

async fn connect(tls: &Tls, address: std::net::SocketAddr, alpn: &[u8]) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(tls.certificate()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_generated_certificate_is_kept_and_serves_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tls");
    let tls = Tls::generated(&folder, &["localhost", "127.0.0.1"]).unwrap();
    let first = std::fs::read(tls.certificate()).unwrap();
    let mode = std::fs::metadata(folder.join("key.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let tls = Tls::generated(&folder, &["localhost"]).unwrap();
    assert_eq!(
        std::fs::read(tls.certificate()).unwrap(),
        first,
        "made only once"
    );

    let accounts = Accounts::new()
        .token("t", "0123456789abcdef", Role::Viewer)
        .unwrap();
    let listener = loopback().site(site("s")).tls(tls.clone()).auth(accounts);
    let (running, address) = start(listener).await;
    let bearer = "authorization: Bearer 0123456789abcdef\r\n";

    let mut one = connect(&tls, address, b"http/1.1").await;
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n");
    one.write_all(request.as_bytes()).await.unwrap();
    assert!(answer(&mut one).await.text().starts_with("s tls=true"));
    one.write_all(b"GET /sign_in HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert!(
        answer(&mut one)
            .await
            .header("set-cookie")
            .unwrap()
            .ends_with("; Secure")
    );

    let two = connect(&tls, address, b"h2").await;
    assert_eq!(two.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(two))
            .await
            .unwrap();
    tokio::spawn(connection);
    let ask = |path: &str| {
        hyper::Request::get(format!("https://localhost:1{path}"))
            .header("authorization", "Bearer 0123456789abcdef")
            .body(Empty::<bytes::Bytes>::new())
            .unwrap()
    };
    let (a, b) = (
        send.send_request(ask("/host")),
        send.clone().send_request(ask("/")),
    );
    let (a, b) = tokio::join!(a, b);
    let text = async |response: hyper::Response<hyper::body::Incoming>| {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(text(a.unwrap()).await, "localhost");
    assert!(text(b.unwrap()).await.starts_with("s tls=true"));

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    closed(&mut plain).await;
    wait_for(|| running.counters().handshakes_failed == 1).await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let one = Tls::generated(&a, &["localhost"]).unwrap();
    Tls::generated(&b, &["localhost"]).unwrap();
    let error = |certificate: &std::path::Path, key: &std::path::Path| {
        Tls::files(certificate, key).unwrap_err().to_string()
    };
    let missing = folder.path().join("missing.pem");
    assert!(error(&missing, &a.join("key.pem")).contains("missing.pem"));
    assert!(error(one.certificate(), &b.join("key.pem")).contains("cannot use certificate"));
    assert!(error(&a.join("key.pem"), &a.join("key.pem")).contains("no certificate in"));
}

#[tokio::test]
async fn several_sites_on_several_ports() {
    let listeners = [
        loopback()
            .site(site("first"))
            .site(site("second").hosts(["two.localhost"])),
        loopback().site(site("third")),
    ];
    let running = Server::bind(listeners, Arc::new(SystemClock))
        .await
        .unwrap();
    let addresses = running.addresses();
    assert!(get(addresses[0], "/").await.text().starts_with("first"));
    assert!(get(addresses[1], "/").await.text().starts_with("third"));
    let mut stream = TcpStream::connect(addresses[0]).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: Two.localhost:80\r\n\r\n")
        .await
        .unwrap();
    let named = answer(&mut stream).await;
    assert!(
        named.text().starts_with("second")
            && named.text().ends_with(&addresses[0].port().to_string())
    );
    assert_eq!(running.counters().requests, 3);
    assert_eq!(running.counters_of(1).unwrap().requests, 1);
    assert!(running.counters_of(2).is_none());
}
