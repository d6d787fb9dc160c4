use dropstar::{Accounts, Auth, Call, Request, Response, Role, Route, Server, Site, StartError};
use rem_time::SystemClock;
use serde_json::json;

use crate::client::{ask, get, loopback, start};

// The password is "secret", hashed at argon2's least cost so that tests are quick.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$";

fn accounts() -> Accounts {
    Accounts::new()
        .user("ann", &cheap("ann's password"), Role::Operator)
        .unwrap()
        .user("vic", &cheap("vic's password"), Role::Viewer)
        .unwrap()
        .token("robot", "0123456789abcdef", Role::Viewer)
        .unwrap()
}

fn cheap(password: &str) -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(Default::default(), Default::default(), params);
    let hash = argon2
        .hash_password(password.as_bytes())
        .unwrap()
        .to_string();
    assert!(hash.starts_with(HASH));
    hash
}

fn site() -> Site {
    Site::new("REM \"x\"\r\n")
        .page(Route::get("/"), async |request: Request| {
            Response::text(format!("hello {}", request.caller().name()))
        })
        .page(Route::post("/act"), async |_| Response::text("done"))
        .page(
            Route::get("/a/").and_below().public(),
            async |request: Request| Response::text(format!("public {}", request.caller().name())),
        )
        .rpc("who", async |call: Call| Ok(json!(call.caller.name())))
        .static_files("/files", std::env::temp_dir())
}

const BROWSER: &str = "accept: text/html,*/*\r\n";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:{password}");
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("authorization: Basic {pair}\r\n")
}

#[tokio::test]
async fn a_listener_others_can_reach_does_not_start_without_accounts() {
    let clock = std::sync::Arc::new(SystemClock);
    let open = || dropstar::Listener::on(([0, 0, 0, 0], 0)).site(site());
    let refused = Server::bind([open()], clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::NoAuth(_)), "{refused}");
    let running = Server::bind([open().auth(Auth::None)], clock.clone()).await;
    let port = running.as_ref().unwrap().addresses()[0].port();
    assert_eq!(
        get(([127, 0, 0, 1], port).into(), "/").await.text(),
        "hello anonymous"
    );
    Server::bind([open().auth(accounts())], clock.clone())
        .await
        .unwrap();
    let nothing = Server::bind([loopback()], clock.clone()).await.unwrap_err();
    assert!(matches!(nothing, StartError::NoSite(_)));
    let twice = Site::new("x")
        .rpc("a", async |_| Ok(json!(1)))
        .rpc("a", async |_| Ok(json!(2)));
    let twice = Server::bind([loopback().site(twice)], clock.clone())
        .await
        .unwrap_err();
    assert_eq!(
        twice.to_string(),
        "site x cannot be served: two methods of one name: a"
    );
    let taken = running.unwrap().addresses()[0];
    let still = Server::bind([loopback().site(site())], clock).await;
    assert!(still.is_ok() && taken.port() > 0);
}

#[tokio::test]
async fn programs_are_told_how_to_sign_in_and_people_are_led_to_a_page() {
    let (_running, address) = start(loopback().site(site()).auth(accounts())).await;
    let program = get(address, "/").await;
    assert_eq!(program.status, 401);
    let challenge = program.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Basic realm=\"REM x\"") && challenge.contains("Bearer"));
    let script = ask(address, "GET", "/", "sec-fetch-mode: cors\r\n", "").await;
    assert!(
        script
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    let person = ask(address, "GET", "/x?y=1", BROWSER, "").await;
    assert_eq!(person.status, 303);
    assert_eq!(
        person.header("location"),
        Some("/sign_in?next=%2Fx%3Fy%3D1")
    );
    for target in ["/nothing", "/files/x", "/rpc", "/events", "/.json"] {
        assert_eq!(get(address, target).await.status, 401, "{target}");
    }
    assert_eq!(get(address, "/a/token").await.text(), "public anonymous");
    assert_eq!(get(address, "/favicon.ico").await.status, 200);
    assert_eq!(get(address, "/assets/rem.css").await.status, 200);
}

#[tokio::test]
async fn basic_and_bearer_open_what_the_role_allows() {
    let (running, address) = start(loopback().site(site()).auth(accounts())).await;
    let bearer = "authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(
        ask(address, "GET", "/", bearer, "").await.text(),
        "hello robot"
    );
    let ann = basic("ann", "ann's password");
    assert_eq!(ask(address, "GET", "/", &ann, "").await.text(), "hello ann");
    assert_eq!(
        ask(address, "GET", "/a/x", &ann, "").await.text(),
        "public ann"
    );
    for wrong in [
        basic("ann", "x"),
        basic("eve", "x"),
        "authorization: Bearer x\r\n".into(),
    ] {
        assert_eq!(ask(address, "GET", "/", &wrong, "").await.status, 401);
    }
    assert_eq!(running.counters().sign_ins_failed, 3);
    // A viewer's token may not act; an operator may, with JSON or a token of the form.
    let json = "content-type: application/json\r\n";
    assert_eq!(
        ask(address, "POST", "/act", &format!("{bearer}{json}"), "{}")
            .await
            .status,
        403
    );
    assert_eq!(
        ask(address, "POST", "/act", &format!("{ann}{json}"), "{}")
            .await
            .text(),
        "done"
    );
    assert_eq!(
        ask(address, "POST", "/act", &format!("{ann}{FORM}"), "a=1")
            .await
            .status,
        403
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"who"}"#;
    let who = ask(address, "POST", "/rpc", &format!("{bearer}{json}"), call).await;
    assert!(who.text().contains("\"robot\""), "{}", who.text());
}

#[tokio::test]
async fn a_person_signs_in_acts_and_signs_out() {
    let (_running, address) = start(loopback().site(site()).auth(accounts())).await;
    let page = ask(address, "GET", "/sign_in?next=%2Fback", BROWSER, "").await;
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(
        html.contains("name=\"next\" value=\"&#x2f;back\"") || html.contains("value=\"/back\""),
        "{html}"
    );
    let token = field(&html, "_csrf");
    let headers = format!("{FORM}{BROWSER}cookie: {}\r\n", page.cookie());
    let sign_in = async |password: &str, token: &str, next: &str| {
        let body = format!("user=ann&password={password}&next={next}&_csrf={token}");
        ask(address, "POST", "/sign_in", &headers, &body).await
    };
    assert_eq!(sign_in("ann%27s+password", "", "/back").await.status, 403);
    let wrong = sign_in("wrong", &token, "/back").await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.text().contains("Wrong name or password"),
        "{}",
        wrong.text()
    );
    let right = sign_in("ann%27s+password", &token, "/back").await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, Some("/back"))
    );
    let line = right.header("set-cookie").unwrap();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(line.contains(wanted), "{line}");
    }
    for evil in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "%09//evil",
    ] {
        let led = sign_in("ann%27s+password", &token, evil).await;
        assert_eq!(led.header("location"), Some("/"), "{evil}");
    }

    let session = format!("cookie: {}\r\n", right.cookie());
    assert_eq!(
        ask(address, "GET", "/", &session, "").await.text(),
        "hello ann"
    );
    // The token of the sign-in page is the browser's, not the session's.
    let act = format!("{FORM}{session}");
    let stale = ask(address, "POST", "/act", &act, &format!("_csrf={token}")).await;
    assert_eq!(stale.status, 403);
    let own = field(
        &ask(address, "GET", "/sign_in", &session, "").await.text(),
        "_csrf",
    );
    let body = format!("_csrf={own}");
    assert_eq!(
        ask(address, "POST", "/act", &act, &body).await.text(),
        "done"
    );
    let out = ask(address, "POST", "/sign_out", &act, &body).await;
    assert_eq!(
        (out.status, out.header("location")),
        (303, Some("/sign_in"))
    );
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        ask(address, "GET", "/", &session, "").await.status,
        401,
        "also for a thief"
    );
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let (running, address) = start(loopback().site(site()).auth(accounts())).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(
            ask(address, "GET", "/", &basic("vic", "guess"), "")
                .await
                .status,
        );
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    let right = ask(address, "GET", "/", &basic("vic", "vic's password"), "").await;
    assert_eq!(right.status, 429);
    assert!(right.header("retry-after").unwrap().parse::<u64>().unwrap() <= 61);
    assert_eq!(running.counters().sign_ins_limited, 3);
}

fn field(html: &str, name: &str) -> String {
    let after = html.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = after.unwrap_or_else(|| panic!("no field {name} in {html}"));
    value.split('"').next().unwrap().to_owned()
}
