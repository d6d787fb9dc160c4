use std::fs;

use dropstar::{Call, Failure, Method, Request, Response, Role, Route, RpcError, Site, Templates};
use serde_json::{Value, json};

use crate::client::{ask, get, send, serve};

fn site() -> Site {
    let templates = Templates::new()
        .embedded(
            "page.html",
            "<p>{{ name }}|{{ csrf_token|length }}|{{ csp_nonce }}</p>",
        )
        .embedded("broken.html", "{{ 1/0 }} secret {{ nothing.at.all }}");
    Site::new("test")
        .templates(templates)
        .page(Route::get("/page"), async |request: Request| {
            Response::view(
                "page.html",
                json!({"name": request.arg("name").unwrap_or("<b>")}),
            )
        })
        .page(Route::get("/broken"), async |_| {
            Response::view("broken.html", json!({}))
        })
        .page(
            Route::get("/fails"),
            async |_| -> Result<Response, Failure> {
                let text = fs::read_to_string("/nonexistent/secret-path")?;
                Ok(Response::text(text))
            },
        )
        .page(
            Route::get("/missing"),
            async |_| -> Result<Response, Failure> {
                Err(Failure::not_found("no such machine: db1"))
            },
        )
        .page(Route::get("/panics"), async |request: Request| {
            assert!(request.path().is_empty(), "secret reason");
            Response::text("")
        })
        .page(
            Route::get("/a/").and_below().public(),
            async |request: Request| Response::text(request.rest()),
        )
        .page(Route::post("/form"), async |request: Request| {
            Response::text(request.arg("name").unwrap_or(""))
        })
        .page(
            Route::new(Method::PUT, "/thing").body_max(10),
            async |request: Request| Response::text(format!("{}", request.body().len())),
        )
        .rpc("hello", async |call: Call| {
            Ok(json!(format!("hello {}", call.text(0, "name")?)))
        })
        .rpc_for(Role::Admin, "slow", async |_| -> Result<Value, RpcError> {
            std::future::pending().await
        })
}

#[tokio::test]
async fn a_page_has_a_json_twin_in_three_ways() {
    let (_running, address) = serve(site()).await;
    let html = get(address, "/page?name=x").await;
    assert_eq!(
        html.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(html.text().starts_with("<p>x|86|"), "{}", html.text());
    assert!(get(address, "/page").await.text().contains("&lt;b&gt;"));
    for (target, headers) in [
        ("/page.json?name=x", ""),
        ("/page?name=x&format=json", ""),
        ("/page?name=x", "accept: application/json\r\n"),
        ("/page?name=x", "accept: application/json, text/html\r\n"),
    ] {
        let twin = ask(address, "GET", target, headers, "").await;
        assert_eq!(
            twin.header("content-type"),
            Some("application/json"),
            "{target}"
        );
        assert_eq!(twin.text(), r#"{"name":"x"}"#);
        let etag = twin.header("etag").unwrap();
        let again = format!("{headers}if-none-match: {etag}\r\n");
        assert_eq!(ask(address, "GET", target, &again, "").await.status, 304);
    }
}

#[tokio::test]
async fn the_policy_allows_no_inline_code_without_this_answers_nonce() {
    let (_running, address) = serve(site()).await;
    let (one, two) = (get(address, "/page").await, get(address, "/page").await);
    let policy = one.header("content-security-policy").unwrap().to_owned();
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let nonce = |answer: &crate::client::Answer| {
        answer
            .text()
            .rsplit('|')
            .next()
            .unwrap()
            .trim_end_matches("</p>")
            .replace("&#x2f;", "/")
    };
    assert!(
        policy.contains(&format!("'nonce-{}'", nonce(&one))),
        "{policy} {}",
        nonce(&one)
    );
    assert_ne!(nonce(&one), nonce(&two));
    assert_eq!(one.header("x-content-type-options"), Some("nosniff"));
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn what_goes_wrong_inside_is_not_told_to_the_client() {
    let (running, address) = serve(site()).await;
    for target in ["/broken", "/fails", "/panics"] {
        for format in ["", "?format=json"] {
            let answer = get(address, &format!("{target}{format}")).await;
            if target == "/broken" && !format.is_empty() {
                assert_eq!(answer.text(), "{}");
                continue;
            }
            assert_eq!(answer.status, 500, "{target}");
            let (text, id) = (answer.text(), answer.header("x-request-id").unwrap());
            assert!(
                !text.contains("secret") && !text.contains("template"),
                "{text}"
            );
            assert!(text.contains(id), "{text}");
        }
    }
    assert_eq!(running.counters().server_errors, 5);
    let missing = get(address, "/missing").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("no such machine: db1"));
}

#[tokio::test]
async fn paths_and_methods_have_their_status() {
    let (_running, address) = serve(site()).await;
    assert_eq!(get(address, "/nothing").await.status, 404);
    let wrong = ask(address, "DELETE", "/page", "", "").await;
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, HEAD"))
    );
    let options = ask(address, "OPTIONS", "/form", "", "").await;
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("POST"))
    );
    assert_eq!(get(address, "/a/b%20c/%C3%A4").await.text(), "b c/ä");
    assert_eq!(get(address, "/a/%00").await.status, 400);
    assert_eq!(get(address, "/a/%ff").await.status, 400);
    let slash = get(address, "/page/").await;
    assert_eq!(
        (slash.status, slash.header("location")),
        (301, Some("/page"))
    );
    let icon = get(address, "/favicon.ico").await;
    assert_eq!(
        (icon.status, icon.header("content-type")),
        (200, Some("image/x-icon"))
    );
    let head = ask(address, "HEAD", "/page?name=x", "", "").await;
    assert_eq!(head.status, 200);
    assert!(
        head.header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap()
            > 30
    );
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_page_and_the_right_origin() {
    let (_running, address) = serve(site()).await;
    let templates = Templates::new().embedded("f.html", "{{ csrf_token }}");
    let with_form = site()
        .templates(templates)
        .page(Route::get("/f"), async |_| {
            Response::view("f.html", json!({}))
        });
    let (_other, form_address) = serve(with_form).await;
    let page = get(form_address, "/f").await;
    let (cookie, token) = (format!("cookie: {}\r\n", page.cookie()), page.text());
    let kind = "content-type: application/x-www-form-urlencoded\r\n";
    let post = async |headers: String, body: String| {
        ask(
            form_address,
            "POST",
            "/form",
            &format!("{kind}{headers}"),
            &body,
        )
        .await
    };
    let good = format!("name=x&_csrf={token}");
    assert_eq!(post(cookie.clone(), good.clone()).await.text(), "x");
    let by_header = post(
        format!("{cookie}x-csrf-token: {token}\r\n"),
        "name=y".into(),
    )
    .await;
    assert_eq!(by_header.text(), "y");
    assert_eq!(post(cookie.clone(), "name=x".into()).await.status, 403);
    assert_eq!(
        post(String::new(), good.clone()).await.status,
        403,
        "another browser"
    );
    for origin in [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        let answer = post(format!("{cookie}{origin}"), good.clone()).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    let own = post(format!("{cookie}origin: http://localhost\r\n"), good).await;
    assert_eq!(own.status, 200);
    let plain = ask(
        address,
        "POST",
        "/form",
        "content-type: text/plain\r\n",
        "name=x",
    )
    .await;
    assert_eq!(plain.status, 403, "a page elsewhere can send text/plain");
    let json = ask(
        address,
        "POST",
        "/form",
        "content-type: application/json\r\n",
        r#"{"name":"z"}"#,
    );
    assert_eq!(json.await.text(), "z");
}

#[tokio::test]
async fn a_name_that_somebody_pointed_at_loopback_is_refused() {
    let (_running, address) = serve(site().hosts(["rem.example"])).await;
    let status = async |host: &str| {
        let request = format!("GET /page HTTP/1.1\r\nhost: {host}\r\n\r\n");
        send(address, request).await.status
    };
    assert_eq!(status("evil.example").await, 421);
    assert_eq!(status("localhost.evil.example:80").await, 421);
    for host in [
        "localhost:1234",
        "127.0.0.1",
        "[::1]:80",
        "a.localhost",
        "rem.example",
        "REM.example:1",
    ] {
        assert_eq!(status(host).await, 200, "{host}");
    }
}

#[tokio::test]
async fn both_protocols_answer_on_the_same_port_as_the_pages() {
    let (running, address) = serve(site()).await;
    let json = "content-type: application/json\r\n";
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"name":"you"}}"#;
    let answer = ask(address, "POST", "/rpc", json, call).await;
    assert_eq!(
        answer.text(),
        r#"{"jsonrpc":"2.0","id":1,"result":"hello you"}"#
    );
    let xml = "<methodCall><methodName>hello</methodName><params><param><value>you</value></param></params></methodCall>";
    let answer = ask(address, "POST", "/RPC2", "content-type: text/xml\r\n", xml).await;
    assert!(
        answer.text().contains("<string>hello you</string>"),
        "{}",
        answer.text()
    );
    let note = r#"{"jsonrpc":"2.0","method":"hello","params":["x"]}"#;
    assert_eq!(ask(address, "POST", "/rpc", json, note).await.status, 204);
    assert_eq!(ask(address, "POST", "/rpc", "", call).await.status, 415);
    let elsewhere = format!("{json}origin: http://evil.example\r\n");
    assert_eq!(
        ask(address, "POST", "/rpc", &elsewhere, call).await.status,
        403
    );
    assert_eq!(running.counters().rpc_calls, 4);
}

#[tokio::test]
async fn files_are_served_and_nothing_beside_them() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(root.join("sub/.hidden")).unwrap();
    fs::write(outer.path().join("secret.txt"), "secret").unwrap();
    fs::write(root.join("a.css"), "a{}".repeat(1_000)).unwrap();
    fs::write(root.join("sub/index.html"), "index").unwrap();
    fs::write(root.join("sub/.hidden/x"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.txt", root.join("link.txt")).unwrap();
    fs::write(root.join("big.bin"), vec![7; 2_500_000]).unwrap();
    let (_running, address) = serve(Site::new("files").static_files("/f", &root)).await;

    let css = get(address, "/f/a.css").await;
    assert_eq!((css.status, css.body.len()), (200, 3_000));
    let etag = format!("if-none-match: {}\r\n", css.header("etag").unwrap());
    assert_eq!(ask(address, "GET", "/f/a.css", &etag, "").await.status, 304);
    let gzip = ask(address, "GET", "/f/a.css", "accept-encoding: gzip\r\n", "").await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < 100);
    assert_eq!(get(address, "/f/big.bin").await.body.len(), 2_500_000);
    assert_eq!(
        get(address, "/f/sub").await.header("location"),
        Some("/f/sub/")
    );
    assert_eq!(get(address, "/f/sub/").await.text(), "index");
    assert_eq!(ask(address, "POST", "/f/a.css", "", "").await.status, 405);
    for bad in [
        "/f/../secret.txt",
        "/f/..%2fsecret.txt",
        "/f/%2e%2e/secret.txt",
        "/f/%2e%2e%2fsecret.txt",
        "/f/sub/../../secret.txt",
        "/f//etc/passwd",
        "/f/%2fetc%2fpasswd",
        "/f/..%5csecret.txt",
        "/f/%252e%252e/secret.txt",
        "/f/link.txt",
        "/f/sub/.hidden/x",
        "/f/a.css%00.txt",
        "/f/none",
        "/../secret.txt",
        "//etc/passwd",
        "/f/a.css/",
        "/f/",
    ] {
        let answer = get(address, bad).await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{bad}: {}",
            answer.status
        );
        assert!(
            !answer.text().contains("secret\n") && !answer.text().contains("root:"),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_looks_of_every_page_come_with_the_program() {
    let base = r#"{% extends "base.html" %}{% from "macros.html" import pill %}
        {% block main %}{{ pill("ok") }}{% endblock %}"#;
    let site = Site::new("Looks")
        .templates(Templates::new().embedded("x.html", base))
        .page(Route::get("/"), async |_| {
            Response::view("x.html", json!({"title": "Start"}))
        });
    let (_running, address) = serve(site).await;
    let page = get(address, "/").await.text();
    assert!(
        page.contains("<title>Start · Looks</title>") && page.contains("pill-ok"),
        "{page}"
    );
    let mut seen = 0;
    for part in page
        .split(['"'])
        .filter(|part| part.starts_with("/assets/"))
    {
        let asset = ask(address, "GET", part, "accept-encoding: gzip\r\n", "").await;
        assert_eq!(asset.status, 200, "{part}");
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        seen += 1;
    }
    assert!(seen >= 5, "{page}");
    assert!(
        !page.contains("src=\"http") && !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    assert!(
        !page.contains(" style=") && !page.contains("javascript:"),
        "{page}"
    );
}
