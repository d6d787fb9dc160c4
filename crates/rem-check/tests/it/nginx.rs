//! Against a real nginx: HTTP/2, packed bodies, kept connections, and a
//! certificate that ends soon.

use std::process::Command;

use rem_check::{
    Check, Http, HttpAssertion, HttpAuth, HttpOptions, HttpPool, HttpVersion, JsonReading, Report,
    TlsCert, TlsCertOptions, Unit, Verdict, Verify,
};
use rem_time::Span;

use crate::daemon::{Daemon, free_port, write};
use crate::tls::Authority;
use crate::{expect_part, run};

const ENDS_IN_DAYS: i64 = 5;

async fn nginx(authority: &Authority) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.certificate("localhost", ENDS_IN_DAYS);
    let certificate = write(&folder, "certificate.pem", &certificate);
    let key = write(&folder, "key.pem", &key);
    let root = folder.path().to_str().unwrap().to_owned();
    // The user is rem, the password is wasp.
    let users = write(&folder, "users", "rem:{PLAIN}wasp\n");
    let address = free_port();
    let json = r#"{"status": "up", "queue": {"length": 17}, "nodes": ["a", "b"]}"#;
    write(&folder, "long", &"packed ".repeat(1000));
    let conf = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;
        events {{}}
        http {{
          access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
          fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
          gzip on; gzip_types *; default_type text/plain;
          server {{
            listen {address} ssl http2;
            ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};
            location /version {{ return 200 $server_protocol; }}
            location /count {{ return 200 $connection_requests; }}
            location /long {{ root {root}; }}
            location /json {{ default_type application/json; return 200 '{json}'; }}
            location /secret {{
              auth_basic rem; auth_basic_user_file {users}; try_files /none @in;
            }}
            location @in {{ return 200 in; }}
            location /old {{ return 301 /version?moved; }}
          }}
        }}"
    );
    let conf = write(&folder, "nginx.conf", &conf);
    let mut command = Command::new("nginx");
    command.args(["-c", &conf, "-p", &root, "-e", "stderr"]);
    Daemon::start(command, "nginx-light", address, folder).await
}

fn options(nginx: &Daemon, authority: &Authority, path: &str) -> HttpOptions {
    HttpOptions {
        verify: authority.trusted(),
        deadline: Span::from_seconds(30),
        ..HttpOptions::new(format!("https://{}{path}", nginx.host("localhost")))
    }
}

async fn ask(options: HttpOptions) -> Report {
    run(&Http::new(options).unwrap()).await
}

fn body(text: &str) -> Vec<HttpAssertion> {
    vec![HttpAssertion::BodyMatches(format!("^{text}$"))]
}

#[tokio::test]
async fn a_real_server_is_asked_in_the_wanted_version() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    for (version, said) in [
        (HttpVersion::Any, "HTTP/2.0"),
        (HttpVersion::Http2, "HTTP/2.0"),
        (HttpVersion::Http1, "HTTP/1.1"),
    ] {
        let options = HttpOptions {
            version,
            assertions: body(said),
            ..options(&nginx, &authority, "/version")
        };
        expect_part(&ask(options).await, Verdict::Ok, "answered 200 in ");
    }
}

#[tokio::test]
async fn a_kept_connection_is_used_again_in_both_versions() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let pool = HttpPool::new();
    for version in [HttpVersion::Http1, HttpVersion::Http2] {
        for count in 1..=5 {
            let options = HttpOptions {
                version,
                fresh: false,
                assertions: body(&count.to_string()),
                ..options(&nginx, &authority, "/count")
            };
            // A check of its own each time: the pool is what they share.
            let report = run(&Http::pooled(options, &pool).unwrap()).await;
            expect_part(&report, Verdict::Ok, "answered 200 in ");
            for phase in ["dns", "connect", "tls"] {
                let is_measured = report.value(None, phase).is_some();
                assert_eq!(is_measured, count == 1, "{version:?} {count} {phase}");
            }
            assert!(report.value(None, "first_byte").unwrap() > 0.0);
            let days = report.value(None, "certificate_days").unwrap();
            assert!((4.9..5.0).contains(&days), "{days}");
        }
    }
    let fresh = HttpOptions {
        assertions: body("1"),
        ..options(&nginx, &authority, "/count")
    };
    let report = run(&Http::pooled(fresh, &pool).unwrap()).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
}

#[tokio::test]
async fn packed_bodies_are_read_and_their_size_is_what_came() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    for (gzip, encoding) in [
        (
            true,
            HttpAssertion::HeaderEquals("Content-Encoding".into(), "gzip".into()),
        ),
        (
            false,
            HttpAssertion::HeaderAbsent("Content-Encoding".into()),
        ),
    ] {
        let options = HttpOptions {
            gzip,
            assertions: vec![
                encoding,
                HttpAssertion::BodyMatches("^(packed ){1000}$".into()),
            ],
            ..options(&nginx, &authority, "/long")
        };
        let report = ask(options).await;
        expect_part(&report, Verdict::Ok, "answered 200 in ");
        let size = report.value(None, "size").unwrap();
        assert_eq!(size < 1000.0, gzip, "{size}");
    }
}

#[tokio::test]
async fn json_values_are_judged_and_become_readings() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let reading = |path: &str, field: &str| JsonReading {
        path: path.parse().unwrap(),
        field: field.into(),
        unit: Unit::One,
    };
    let good = HttpOptions {
        assertions: vec![
            HttpAssertion::Json("$.status == up".parse().unwrap()),
            HttpAssertion::Json("$.nodes[-1] == b".parse().unwrap()),
            HttpAssertion::HeaderMatches("content-type".into(), "^application/json".into()),
        ],
        json_readings: vec![
            reading("$.queue.length", "queue"),
            reading("$.nodes", "nodes"),
            reading("$.lost", "lost"),
        ],
        ..options(&nginx, &authority, "/json")
    };
    let report = ask(good.clone()).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    assert_eq!(report.value(None, "queue"), Some(17.0));
    assert_eq!(report.value(None, "nodes"), Some(2.0));
    assert_eq!(report.value(None, "lost"), None);
    let bad = HttpOptions {
        assertions: vec![
            HttpAssertion::Json("$.queue.length < 10".parse().unwrap()),
            HttpAssertion::HeaderPresent("x-lost".into()),
        ],
        ..good
    };
    let report = ask(bad).await;
    let expected =
        "answered 200, but $.queue.length is 17, wanted < 10, the header x-lost is missing";
    expect_part(&report, Verdict::Critical, expected);
    assert_eq!(report.value(None, "queue"), Some(17.0));
}

#[tokio::test]
async fn a_password_opens_what_it_should() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let with = |auth| HttpOptions {
        auth,
        ..options(&nginx, &authority, "/secret")
    };
    let basic = |password: &str| {
        Some(HttpAuth::Basic {
            user: "rem".into(),
            password: password.into(),
        })
    };
    expect_part(&ask(with(None)).await, Verdict::Critical, "answered 401");
    expect_part(
        &ask(with(basic("bee"))).await,
        Verdict::Critical,
        "answered 401",
    );
    expect_part(
        &ask(with(basic("wasp"))).await,
        Verdict::Ok,
        "answered 200 in ",
    );
    assert!(!format!("{:?}", with(basic("wasp"))).contains("wasp"));
}

#[tokio::test]
async fn redirects_must_end_where_they_should() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let end = format!("https://{}/version?moved", nginx.host("localhost"));
    let with = |assertion| HttpOptions {
        assertions: vec![assertion],
        ..options(&nginx, &authority, "/old")
    };
    let report = ask(with(HttpAssertion::FinalUrl(end.clone()))).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    let report = ask(with(HttpAssertion::FinalUrlMatches("moved$".into()))).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    let other = with(HttpAssertion::FinalUrl("https://a.example/".into()));
    let message = format!("answered 200, but it ended at {end}, not at https://a.example/");
    expect_part(&ask(other).await, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_by_every_check() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let warned = HttpOptions {
        certificate_warn_days: 14,
        ..options(&nginx, &authority, "/version")
    };
    let soon = "the certificate ends in 5.0 days";
    expect_part(
        &ask(warned).await,
        Verdict::Warning,
        &format!("answered 200, but {soon}"),
    );
    for (warn_days, crit_days, verdict, part) in [
        (21, 7, Verdict::Critical, soon),
        (21, 3, Verdict::Warning, soon),
        (
            4,
            3,
            Verdict::Ok,
            ": localhost by House CA, 5 days until 20",
        ),
    ] {
        let check = TlsCert::new(TlsCertOptions {
            verify: authority.trusted(),
            deadline: Span::from_seconds(30),
            warn_days,
            crit_days,
            ..TlsCertOptions::new(nginx.host("localhost"))
        });
        let check = check.unwrap();
        let report = run(&check).await;
        expect_part(&report, verdict, part);
        assert_eq!(report.value(None, "tls_version"), Some(1.3));
        assert_eq!(report.value(None, "key_bits"), Some(256.0));
        assert_eq!(report.value(None, "chain_length"), Some(1.0));
        let later = rem_time::Clock::now(&rem_time::SystemClock) + Span::from_seconds(6 * 86_400);
        let expired = check.run(later).await;
        expect_part(
            &expired,
            Verdict::Critical,
            "the certificate has expired: 20",
        );
        assert!(expired.value(None, "certificate_days").unwrap() < 0.0);
    }
}

#[tokio::test]
async fn every_defect_of_a_certificate_is_told_at_once() {
    let authority = Authority::new();
    let nginx = nginx(&authority).await;
    let check = TlsCert::new(TlsCertOptions {
        names: vec!["localhost".into(), "www.example.com".into()],
        deadline: Span::from_seconds(30),
        ..TlsCertOptions::new(nginx.host("localhost"))
    });
    let report = run(&check.unwrap()).await;
    let message = format!(
        "{}: the certificate ends in 5.0 days, the certificate is not for www.example.com, \
         the issuer is not trusted: House CA, it is for localhost",
        nginx.address
    );
    expect_part(&report, Verdict::Critical, &message);
    let off = TlsCert::new(TlsCertOptions {
        names: vec!["www.example.com".into()],
        verify: Verify::Off,
        crit_days: 1,
        warn_days: 1,
        deadline: Span::from_seconds(30),
        ..TlsCertOptions::new(nginx.host("localhost"))
    });
    expect_part(
        &run(&off.unwrap()).await,
        Verdict::Ok,
        "localhost by House CA",
    );
}
