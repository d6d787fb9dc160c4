//! Pages of scripts, templates and functions that YAML files describe.

use std::net::SocketAddr;
use std::path::Path;

use dropstar::{Running, ScriptSites, Server, SiteFiles};
use procblock::{Engine, EngineOptions};
use rem_time::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, ask, get};

const SITE: &str = "localhost: {title: Shop, port: 0, packages: [package.yaml]}\n";
const SCRIPT: &str = "def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):\n";

struct World {
    folder: TempDir,
    address: SocketAddr,
    engine: Engine,
    sites: ScriptSites,
    _running: Running,
}

impl World {
    async fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let engine = Engine::new(EngineOptions::new());
        let files = SiteFiles::read([folder.path().join("site.yaml")]);
        let sites = files
            .unwrap_or_else(|problems| panic!("{problems}"))
            .start(&engine);
        let env = |name: &str| Some(format!("the token of {name}, long enough"));
        let listeners = sites.listeners(folder.path(), env).unwrap();
        let running = Server::bind(listeners, std::sync::Arc::new(SystemClock))
            .await
            .unwrap();
        Self {
            address: running.addresses()[0],
            folder,
            engine,
            sites,
            _running: running,
        }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    async fn get(&self, target: &str) -> Answer {
        get(self.address, target).await
    }

    async fn json(&self, target: &str) -> Value {
        let answer = self.get(target).await;
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
    }

    async fn post_json(&self, target: &str, body: &Value) -> Answer {
        let headers = "content-type: application/json\r\n";
        ask(self.address, "POST", target, headers, &body.to_string()).await
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let body = text
        .strip_prefix("py:")
        .map(|body| format!("{SCRIPT}    {}\n", body.replace('\n', "\n    ")));
    // A new file each time, so that two edits within one tick of the clock differ.
    let new = path.with_extension("new");
    std::fs::write(&new, body.as_deref().unwrap_or(text)).unwrap();
    std::fs::rename(&new, &path).unwrap();
}

#[tokio::test]
async fn a_page_is_what_its_scripts_return_in_a_template() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "http:\n  hello:\n    title: Hello\n    menu: true\n    run: [{script: hello.py}]\n    template: {path: hello.html}\n"),
        ("hello.py", "py:return {'greeting': 'hello <' + pipe_data.get('name', '?') + '>', 'render': pipe_data['render']}"),
        ("hello.html", "{% extends \"base.html\" %}{% block main %}{{ greeting }} {{ args.name }}{% endblock %}"),
    ])
    .await;
    let page = world.get("/hello?name=ann").await;
    assert_eq!(page.status, 200, "{page:?}");
    let text = page.text();
    assert!(text.contains("hello &lt;ann&gt; ann"), "{text}");
    assert!(text.contains("<title>Hello · Shop</title>"), "{text}");
    assert!(
        text.contains("<a href=\"&#x2f;hello\" aria-current=\"page\">Hello</a>"),
        "{text}"
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let expected = json!({"name": "ann", "greeting": "hello <ann>"});
    assert_eq!(world.json("/hello.json?name=ann").await, expected);
    let accept = "accept: application/json\r\n";
    let twin = ask(world.address, "GET", "/hello?name=ann", accept, "").await;
    assert_eq!(
        serde_json::from_slice::<Value>(&twin.body).unwrap(),
        expected
    );
    assert_eq!(world.get("/").await.header("location"), Some("/hello"));
}

#[tokio::test]
async fn scripts_know_the_request_but_not_its_credentials() {
    let world = World::new(&[
        ("site.yaml", "localhost: {port: 0, packages: [{path: package.yaml, mount: /tools, mount rpc: /call}]}\n"),
        ("package.yaml", "http:\n  who: {run: [{script: who.py}]}\nrpc:\n  who: {run: [{script: who.py}]}\n"),
        ("who.py", "py:return {'state': request_state, 'input': input_data}"),
    ])
    .await;
    let headers =
        "cookie: a=1; dropstar_session_1=secret\r\nauthorization: Bearer secret\r\nx-own: 2\r\n";
    let answer = ask(
        world.address,
        "GET",
        "/tools/who?x[]=1&x[]=2&output=no",
        headers,
        "",
    )
    .await;
    assert!(!answer.text().contains("secret"), "{}", answer.text());
    let seen: Value = serde_json::from_slice(&answer.body).unwrap();
    let state = &seen["state"];
    assert_eq!(state["cookies"], json!({"a": "1"}));
    assert_eq!(state["headers"]["x-own"], "2");
    assert_eq!(
        (&state["protocol"], &state["page"], &state["page_mount"]),
        (&json!("http"), &json!("who"), &json!("/tools/"))
    );
    assert_eq!(state["port"], world.address.port());
    assert_eq!(seen["input"], json!({"x": ["1", "2"], "output": "no"}));
    let seen = world.json("/call/who").await;
    assert_eq!(
        (&seen["state"]["protocol"], &seen["state"]["rpc"]),
        (&json!("rpc"), &json!("who"))
    );
}

#[tokio::test]
async fn scripts_steer_the_answer() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "http:\n  csv: {run: [{script: csv.py}], template: {path: never.html}}\n  go: {run: [{set: {redirect: /csv}}]}\n"),
        ("csv.py", "py:return {'output': 'a,b', 'content-type': 'text/csv', 'status': 202, 'headers': {'x-rows': '1'}, 'cookies': {'seen': 'yes'}}"),
        ("never.html", "never"),
    ])
    .await;
    let csv = world.get("/csv").await;
    assert_eq!((csv.status, csv.text().as_str()), (202, "a,b"));
    assert_eq!(
        (csv.header("content-type"), csv.header("x-rows")),
        (Some("text/csv"), Some("1"))
    );
    assert_eq!(csv.cookie(), "seen=yes");
    let go = world.get("/go").await;
    assert_eq!((go.status, go.header("location")), (303, Some("/csv")));
}

#[tokio::test]
async fn templates_of_2010_and_templates_by_condition() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "http:\n  old: {run: [{set: {name: <b>}}], template: {path: old.html, format: percent}}\n  \
          raw: {run: [{set: {name: <b>}}], template: {path: old.html, format: percent, escape: false}}\n  \
          which: {run: [{script: pass.py}], template: [{path: few.html, if: count is empty}, {path: many.html}]}\n  \
          text: {run: [{set: {n: 2}}], template: \"{{ n }} of {{ site }}\", refresh: 5}\n"),
        ("pass.py", "py:return {}"),
        ("old.html", "[%(name)s] [%(gone)s] 100%"),
        ("few.html", "few"),
        ("many.html", "many {{ count }}"),
    ])
    .await;
    assert_eq!(
        world.get("/old").await.text(),
        "[&lt;b&gt;] [--(gone)s--] 100%"
    );
    assert_eq!(world.get("/raw").await.text(), "[<b>] [--(gone)s--] 100%");
    assert_eq!(world.get("/which").await.text(), "few");
    assert_eq!(world.get("/which?count=3").await.text(), "many 3");
    let text = world.get("/text").await;
    assert_eq!(
        (text.text().as_str(), text.header("refresh")),
        ("2 of Shop", Some("5"))
    );
}

#[tokio::test]
async fn a_function_answers_over_three_protocols() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "rpc:\n  add: {run: [{script: add.py}]}\n"),
        (
            "add.py",
            "py:return {'sum': int(input_data['a']) + int(input_data['b'])}",
        ),
    ])
    .await;
    let expected = json!({"a": "1", "b": "2", "sum": 3});
    assert_eq!(world.json("/rpc/add?a=1&b=2").await, expected);
    let posted = world.post_json("/rpc/add", &json!({"a": 1, "b": 2})).await;
    assert_eq!(posted.status, 200, "{posted:?}");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "add", "params": {"a": 1, "b": 2}});
    let answer = world.post_json("/rpc", &call).await;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["result"], json!({"a": 1, "b": 2, "sum": 3}));
    let xml = "<?xml version='1.0'?><methodCall><methodName>add</methodName><params><param><value><struct>\
        <member><name>a</name><value><int>1</int></value></member>\
        <member><name>b</name><value><int>2</int></value></member></struct></value></param></params></methodCall>";
    let answer = ask(
        world.address,
        "POST",
        "/RPC2",
        "content-type: text/xml\r\n",
        xml,
    )
    .await;
    assert!(
        answer
            .text()
            .contains("<name>sum</name><value><i4>3</i4></value>"),
        "{}",
        answer.text()
    );
    // A page of another site can make a browser ask, and is not answered.
    let headers = "sec-fetch-site: cross-site\r\n";
    let answer = ask(world.address, "GET", "/rpc/add?a=1&b=2", headers, "").await;
    assert_eq!(answer.status, 403);
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "gone"});
    let answer = world.post_json("/rpc", &unknown).await;
    assert!(answer.text().contains("-32601"), "{}", answer.text());
}

#[tokio::test]
async fn a_miss_goes_on_to_every_package_in_their_order() {
    let world = World::new(&[
        ("site.yaml", "localhost: {port: 0, packages: [one/package.yaml, two/package.yaml, three/package.yaml]}\n"),
        ("one/package.yaml", "static: {path: .}\nhttp:\n  a: {run: [{set: {output: one a}}]}\n"),
        ("two/package.yaml", "static: {path: .}\nhttp:\n  a: {run: [{set: {output: two a}}]}\n  b: {run: [{set: {output: two b}}]}\n"),
        ("three/package.yaml", "static: {path: .}\nhttp:\n  c: {run: [{set: {output: three c}}]}\nrpc:\n  c: {run: [{set: {x: 1}}]}\n"),
        ("two/b.txt", "file of two"),
        ("three/c.txt", "file of three"),
    ])
    .await;
    for (path, expected) in [
        ("/a", "one a"),
        ("/b", "two b"),
        ("/c", "three c"),
        ("/b.txt", "file of two"),
        ("/c.txt", "file of three"),
        ("/rpc/c", "{\"x\":1}"),
    ] {
        assert_eq!(world.get(path).await.text(), expected, "{path}");
    }
    assert_eq!(world.get("/d").await.status, 404);
    assert_eq!(world.get("/../two/package.yaml").await.status, 404);
}

#[tokio::test]
async fn edits_are_live_and_a_broken_one_keeps_the_last_good_version() {
    let world = World::new(&[
        ("site.yaml", SITE),
        (
            "package.yaml",
            "http:\n  a: {run: [{script: a.py}], template: {path: a.html}}\n",
        ),
        ("a.py", "py:return {'x': 1}"),
        ("a.html", "first {{ x }}"),
    ])
    .await;
    assert_eq!(world.get("/a").await.text(), "first 1");
    world.write("a.py", "py:return {'x': 2}");
    world.write("a.html", "second {{ x }}");
    assert_eq!(world.get("/a").await.text(), "second 2");
    world.write("a.html", "third {{ x }");
    assert_eq!(world.get("/a").await.text(), "second 2");
    world.write("package.yaml", "http:\n  a: {rnu: []}\n");
    assert_eq!(world.get("/a").await.text(), "second 2");
    world.write("a.html", "fourth {{ x }}");
    world.write("package.yaml", "http:\n  a: {run: [{set: {x: 4}}], template: {path: a.html}}\nrpc:\n  new: {run: [{set: {x: 5}}]}\n");
    assert_eq!(world.get("/a").await.text(), "fourth 4");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "new"});
    assert!(
        world
            .post_json("/rpc", &call)
            .await
            .text()
            .contains("\"x\":5")
    );
}

#[tokio::test]
async fn a_failing_script_tells_the_client_a_number_and_nothing_else() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "http:\n  bad: {run: [{script: bad.py}]}\n  good: {run: [{set: {output: fine}}]}\nrpc:\n  bad: {run: [{script: bad.py}]}\n"),
        ("bad.py", "py:raise ValueError('the secret')"),
    ])
    .await;
    for path in ["/bad", "/bad.json", "/rpc/bad"] {
        let bad = world.get(path).await;
        let id = bad.header("x-request-id").unwrap();
        assert_eq!(bad.status, 500);
        assert!(
            bad.text().contains(id) && !bad.text().contains("secret"),
            "{}",
            bad.text()
        );
    }
    assert_eq!(world.json("/bad.json").await["error"]["status"], 500);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "bad"});
    let answer = world.post_json("/rpc", &call).await.text();
    assert!(
        answer.contains("internal error") && !answer.contains("secret"),
        "{answer}"
    );
    assert_eq!(world.get("/good").await.text(), "fine");
}

#[tokio::test]
async fn a_form_needs_its_token_and_other_methods_are_refused() {
    let world = World::new(&[
        ("site.yaml", SITE),
        ("package.yaml", "http:\n  a: {run: [{script: a.py}], template: \"{{ csrf_token }}\"}\n"),
        ("a.py", "py:return {'output': str(sorted(pipe_data))} if request_state['method'] == 'POST' else {}"),
    ])
    .await;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    assert_eq!(
        ask(world.address, "POST", "/a", form, "x=1").await.status,
        403
    );
    let page = world.get("/a").await;
    let headers = format!("{form}cookie: {}\r\n", page.cookie());
    let body = format!("x=1&_csrf={}", page.text());
    let answer = ask(world.address, "POST", "/a", &headers, &body).await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "['render', 'x']")
    );
    let answer = ask(
        world.address,
        "PUT",
        "/a",
        "content-type: application/json\r\n",
        "{}",
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET, HEAD, POST"))
    );
}

#[tokio::test]
async fn what_is_to_start_with_the_server_starts_before_the_first_request() {
    let world = World::new(&[
        ("site.yaml", SITE),
        (
            "package.yaml",
            "http:\n  a: {start: true, run: [{script: a.py, cache: 60, thread_id: early}]}\n",
        ),
        ("a.py", "py:return {'x': 1}"),
    ])
    .await;
    let ran = async {
        while world
            .engine
            .thread("early")
            .is_none_or(|thread| thread.runs == 0)
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::client::PATIENCE, ran)
        .await
        .unwrap();
    assert_eq!(world.json("/a").await["x"], 1);
    world.engine.shutdown().await;
}

#[tokio::test]
async fn site_files_read_again_replace_the_packages_and_keep_the_listeners() {
    let mut world = World::new(&[
        ("site.yaml", SITE),
        (
            "package.yaml",
            "http:\n  a: {run: [{set: {output: one}}]}\n",
        ),
        ("other.yaml", "http:\n  a: {run: [{set: {output: two}}]}\n"),
    ])
    .await;
    assert_eq!(world.get("/a").await.text(), "one");
    let again = |world: &World| SiteFiles::read([world.folder.path().join("site.yaml")]);
    world.write("site.yaml", &SITE.replace("package.yaml", "other.yaml"));
    let files = again(&world).unwrap();
    world.sites.replace(files).unwrap();
    assert_eq!(world.get("/a").await.text(), "two");
    world.write("site.yaml", &SITE.replace("port: 0", "port: 1"));
    let files = again(&world).unwrap();
    assert!(world.sites.replace(files).is_err());
    assert_eq!(world.get("/a").await.text(), "two");
}

#[tokio::test]
async fn callers_see_what_their_role_allows() {
    let world = World::new(&[
        ("site.yaml", "localhost:\n  port: 0\n  packages: [package.yaml]\n  auth:\n    tokens:\n      \
          v: {token: {env: V}, roles: [viewer]}\n      a: {token: {env: A}, roles: [admin]}\n"),
        ("package.yaml", "http:\n  open: {menu: Open, run: [{set: {x: 1}}], template: \"{% for m in menu %}{{ m.title }} {% endfor %}\"}\n  \
          closed: {menu: Closed, roles: [admin], run: [{set: {output: secret}}]}\n\
          rpc:\n  act: {run: [{set: {x: 1}}]}\n  read: {roles: [viewer], run: [{set: {x: 1}}]}\n"),
    ])
    .await;
    let ask_as = async |name: &str, method: &str, path: &str| {
        let headers = format!(
            "authorization: Bearer the token of {name}, long enough\r\ncontent-type: application/json\r\n"
        );
        let body = if method == "POST" { "{}" } else { "" };
        ask(world.address, method, path, &headers, body).await
    };
    assert_eq!(world.get("/open").await.status, 401);
    assert_eq!(world.get("/rpc/read").await.status, 401);
    assert_eq!(ask_as("V", "GET", "/open").await.text(), "Open ");
    assert_eq!(ask_as("A", "GET", "/open").await.text(), "Open Closed ");
    for (method, path, viewer, admin) in [
        ("GET", "/closed", 403, 200),
        ("POST", "/open", 403, 200),
        ("GET", "/rpc/act", 403, 200),
        ("POST", "/rpc/act", 403, 200),
        ("GET", "/rpc/read", 200, 200),
    ] {
        assert_eq!(
            ask_as("V", method, path).await.status,
            viewer,
            "{method} {path}"
        );
        assert_eq!(
            ask_as("A", method, path).await.status,
            admin,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_title_comes_from_the_page_or_its_script_but_not_from_a_request() {
    let world = World::new(&[
        ("site.yaml", SITE),
        (
            "package.yaml",
            "http:\n  a: {title: A, run: [{script: pass.py}], template: \"{{ title }}\"}\n  \
          b: {title: B, run: [{set: {title: Bee}}], template: \"{{ title }}\"}\n",
        ),
        ("pass.py", "py:return {}"),
    ])
    .await;
    assert_eq!(world.get("/a?title=x").await.text(), "A");
    assert_eq!(world.get("/b?title=x").await.text(), "Bee");
}
