#![allow(clippy::needless_pass_by_value)]

use http::Method;
use serde_json::Value;

use super::Found;
use crate::{Hub, Response, Route, Site};

fn page(name: &'static str) -> impl Fn(crate::Request) -> std::future::Ready<Response> {
    move |_| std::future::ready(Response::text(name))
}

fn site() -> Site {
    Site::new("test")
        .page(Route::get("/a"), page("a"))
        .page(Route::post("/a"), page("post a"))
        .page(Route::get("/data.json"), page("data"))
        .page(Route::get("/m/").and_below(), page("m"))
        .page(Route::get("/m/deep/").and_below(), page("deep"))
        .page(Route::get("/m/exact"), page("exact"))
        .rpc("x", async |_| Ok(Value::Null))
        .events(Hub::new())
        .static_files("/files", "/nowhere")
        .static_files("/", "/nowhere")
}

#[track_caller]
fn check(method: Method, path: &str, expected: &str) {
    let site = site();
    let found = match site.find(&method, path) {
        Found::Page { page, rest, twin } => {
            let bare = path.strip_suffix(".json").filter(|_| twin).unwrap_or(path);
            let rest = &bare[rest.min(bare.len())..];
            let twin = if twin { " twin" } else { "" };
            format!("{} {}|{rest}{twin}", page.route.method, page.route.path)
        }
        Found::OtherMethods(methods) => format!("not {methods:?}"),
        Found::Rpc => "rpc".into(),
        Found::Stream(_) => "stream".into(),
        Found::Asset(name) => format!("asset {name}"),
        Found::Favicon => "favicon".into(),
        Found::Files(folders) => {
            let names = folders
                .iter()
                .map(|(folder, below)| format!("{}|{below}", folder.mount));
            names.collect::<Vec<_>>().join(" ")
        }
        Found::Home(home) => format!("home {home}"),
        Found::SignIn => "sign in".into(),
        Found::SignOut => "sign out".into(),
        Found::Nothing => "nothing".into(),
    };
    assert_eq!(found, expected, "{path}");
}

#[test]
fn exact_paths_beat_mounts_and_long_mounts_beat_short_ones() {
    check(Method::GET, "/a", "GET /a|");
    check(Method::HEAD, "/a", "GET /a|");
    check(Method::POST, "/a", "POST /a|");
    check(Method::GET, "/m/exact", "GET /m/exact|");
    check(Method::GET, "/m/other/x", "GET /m/|other/x");
    check(Method::GET, "/m/deep/x", "GET /m/deep/|x");
    check(Method::GET, "/m/", "GET /m/|");
}

#[test]
fn every_page_has_a_twin_unless_its_own_name_ends_like_one() {
    check(Method::GET, "/a.json", "GET /a| twin");
    check(Method::GET, "/data.json", "GET /data.json|");
    check(Method::GET, "/m/x.json", "GET /m/|x twin");
}

#[test]
fn the_rest_in_its_order() {
    check(Method::DELETE, "/a", "not [GET, POST, HEAD]");
    check(Method::POST, "/rpc", "rpc");
    check(Method::POST, "/RPC2", "rpc");
    check(Method::GET, "/rpc", "not [POST]");
    check(Method::GET, "/events", "stream");
    check(Method::GET, "/assets/rem.css", "asset rem.css");
    check(Method::GET, "/assets/none.css", "/|assets/none.css");
    check(Method::GET, "/favicon.ico", "favicon");
    check(Method::GET, "/sign_in", "sign in");
    check(Method::GET, "/sign_out", "not [POST]");
    check(Method::GET, "/files/x", "/files/|x /|files/x");
}

#[test]
fn mistakes_in_a_site_are_kept_for_the_start() {
    let site = site()
        .page(Route::get("/a"), page("again"))
        .page(Route::get("no-slash"), page("x"))
        .page(Route::get("/x").and_below(), page("x"))
        .rpc("x", async |_| Ok(Value::Null));
    assert_eq!(site.problems.len(), 4, "{:?}", site.problems);
}
