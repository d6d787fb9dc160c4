use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rem_check::{Http, HttpOptions, Report, Verdict, Verify};
use rem_time::{Clock, Span, SystemClock};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::peer::serve;
use crate::{expect, expect_part, run};

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "House CA");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn trusted(&self) -> Verify {
        Verify::PublicAnd(self.folder.path().join("ca.pem"))
    }

    /// A certificate for `name` that ends in so many days, and its key, as PEM.
    pub(crate) fn certificate(&self, name: &str, ends_in_days: i64) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        let now = SystemClock.now().as_secs_f64() as i64;
        let ends = u64::try_from(now + ends_in_days * 86_400).unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(ends);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server that answers 200 with the name of the protocol.
    async fn serve(&self, name: &str, ends_in: i32, protocols: &[&[u8]]) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(ends_in, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let answer = service_fn(|request: hyper::Request<_>| async move {
                    let _: &hyper::body::Incoming = request.body();
                    let version = format!("{:?} {:?}", request.version(), request.uri().host());
                    Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::<
                        hyper::body::Bytes,
                    >::from(
                        version
                    )))
                });
                let io = TokioIo::new(stream);
                let _ = match is_http2 {
                    true => {
                        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        server.serve_connection(io, answer).await
                    }
                    false => {
                        let server = hyper::server::conn::http1::Builder::new();
                        server.serve_connection(io, answer).await
                    }
                };
            }
        })
        .await
    }
}

async fn ask(peer: SocketAddr, host: &str, verify: Verify, contains: Option<&str>) -> Report {
    let options = HttpOptions {
        verify,
        contains: contains.map(|text| text.as_bytes().to_vec()),
        deadline: Span::from_seconds(30),
        ..HttpOptions::new(format!("https://{host}:{}/", peer.port()))
    };
    run(&Http::new(options).unwrap()).await
}

#[tokio::test]
async fn a_trusted_server_has_a_handshake_time_and_days_left() {
    let authority = Authority::new();
    let peer = authority.serve("localhost", 2200, &[]).await;
    let report = ask(
        peer,
        "localhost",
        authority.trusted(),
        Some("HTTP/1.1 None"),
    )
    .await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    assert!(report.value(None, "tls").unwrap() > 0.0);
    let days = report.value(None, "certificate_days").unwrap();
    assert!(days > 50_000.0 && days < 100_000.0, "{days}");
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_offers_it() {
    let authority = Authority::new();
    let peer = authority
        .serve("localhost", 2200, &[b"h2", b"http/1.1"])
        .await;
    let wanted = Some("HTTP/2.0 Some(\"localhost\")");
    let report = ask(peer, "localhost", authority.trusted(), wanted).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    assert_eq!(report.value(None, "status"), Some(200.0));
}

#[tokio::test]
async fn a_certificate_for_an_address_is_accepted_for_it() {
    let authority = Authority::new();
    let peer = authority.serve("127.0.0.1", 2200, &[]).await;
    let report = ask(peer, "127.0.0.1", authority.trusted(), None).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_critical() {
    let authority = Authority::new();
    let peer = authority.serve("other.example", 2200, &[]).await;
    let report = ask(peer, "127.0.0.1", authority.trusted(), None).await;
    let message = format!("{peer}: the certificate is for another name than 127.0.0.1");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn an_unknown_issuer_is_critical() {
    let authority = Authority::new();
    let peer = authority.serve("127.0.0.1", 2200, &[]).await;
    let report = ask(peer, "127.0.0.1", Verify::Public, None).await;
    let message = format!("{peer}: the certificate's issuer is not trusted");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn an_expired_certificate_is_critical_and_says_since_when() {
    let authority = Authority::new();
    let peer = authority.serve("127.0.0.1", 2021, &[]).await;
    let report = ask(peer, "127.0.0.1", authority.trusted(), None).await;
    let message = format!("{peer}: the certificate has expired: 2021-01-01T00:00:00Z");
    expect(&report, Verdict::Critical, &message);
    assert!(report.value(None, "certificate_days").unwrap() < -300.0);
}

#[tokio::test]
async fn without_verification_an_expired_certificate_is_only_a_reading() {
    let authority = Authority::new();
    let peer = authority.serve("other.example", 2021, &[]).await;
    let report = ask(peer, "127.0.0.1", Verify::Off, None).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    assert!(report.value(None, "certificate_days").unwrap() < -300.0);
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_told_apart() {
    let peer = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let report = ask(peer, "127.0.0.1", Verify::Public, None).await;
    expect(
        &report,
        Verdict::Critical,
        &format!("{peer}: the server does not speak TLS"),
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_handshake_is_told_apart() {
    let peer = serve(|stream| async move { drop(stream) }).await;
    let report = ask(peer, "127.0.0.1", Verify::Public, None).await;
    expect_part(&report, Verdict::Critical, "in the TLS handshake");
}

#[test]
fn a_file_without_authorities_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.pem");
    std::fs::write(&path, "nothing").unwrap();
    let why = |path: &Path| {
        let options = HttpOptions {
            verify: Verify::PublicAnd(path.to_owned()),
            ..HttpOptions::new("https://a.example/")
        };
        Http::new(options).unwrap_err().to_string()
    };
    assert!(why(&path).starts_with("no usable certificate in "));
    assert!(why(Path::new("/nowhere.pem")).starts_with("cannot read the certificates in "));
}
