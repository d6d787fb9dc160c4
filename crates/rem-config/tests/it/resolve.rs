use std::path::Path;

use rem_config::{
    Auth, Check, Config, MonitorId, Role, SeriesKind, Tls, TokenSource, Transport, load, load_with,
};
use rem_time::Span;
use rem_yaml::{Loader, SecretSource};

use crate::config;

const SITE: &str = "
machines:
  web-02: {address: 192.0.2.12}
  web-01: {address: '2001:db8::11', location: /na/us/ca}
  spare: {address: 192.0.2.99}
packages:
  linux:
    monitors:
      ping: {check: ping}
  apache:
    interfaces: {http: {listen: tcp, port: 8080, kind: transaction}}
    monitors:
      http:
        check: http
        url: 'http://{machine.address}:{interfaces.http.port}/{machine}'
        headers: {host: '{machine}.example.com'}
        expect: {status: [200-204, 404], body: works}
        every: 10s
        title: '{monitor} of {package} on {machine}'
      port: {check: tcp, port: '{interfaces.http.port}', send: '{{hello}}', timeout: 3s}
services:
  web: {packages: [apache, linux], deployments: {prod: {machines: [web-01, web-02]}}}
  shop: {packages: [linux], deployments: {staging: {machines: [web-02]}}}
";

fn ids(config: &Config) -> Vec<String> {
    config
        .monitors()
        .iter()
        .map(|monitor| monitor.id.to_string())
        .collect()
}

fn check(config: &Config, id: &str) -> Check {
    let monitor = config
        .monitors()
        .iter()
        .find(|monitor| monitor.id.as_str() == id);
    monitor
        .unwrap_or_else(|| panic!("no monitor {id}"))
        .check
        .clone()
}

#[test]
fn each_machine_has_the_monitors_of_its_packages_once() {
    assert_eq!(
        ids(&config(SITE)),
        [
            "web-02/linux/ping",
            "web-02/apache/http",
            "web-02/apache/port",
            "web-01/linux/ping",
            "web-01/apache/http",
            "web-01/apache/port",
        ]
    );
}

#[test]
fn a_monitor_knows_every_deployment_that_brought_it() {
    let config = config(SITE);
    let used_by: Vec<String> = config.monitors()[0]
        .used_by
        .iter()
        .map(|used| format!("{}/{}", used.service, used.deployment))
        .collect();
    assert_eq!(used_by, ["web/prod", "shop/staging"]);
}

#[test]
fn text_is_filled_in_for_each_machine() {
    let config = config(SITE);
    let Check::Http(http) = check(&config, "web-01/apache/http") else {
        panic!()
    };
    assert_eq!(http.url, "http://[2001:db8::11]:8080/web-01");
    assert_eq!(http.headers, [("host".into(), "web-01.example.com".into())]);
    assert_eq!(http.status.to_string(), "200-204, 404");
    assert_eq!(http.contains.as_deref(), Some("works"));
    assert!(http.follow_redirects);
    let Check::Http(http) = check(&config, "web-02/apache/http") else {
        panic!()
    };
    assert_eq!(http.url, "http://192.0.2.12:8080/web-02");
    let Check::Tcp(tcp) = check(&config, "web-02/apache/port") else {
        panic!()
    };
    assert_eq!(
        (tcp.address.to_string().as_str(), tcp.port.get()),
        ("192.0.2.12", 8080)
    );
    assert_eq!(tcp.send.as_deref(), Some("{hello}"));
    let Check::Ping(ping) = check(&config, "web-01/linux/ping") else {
        panic!()
    };
    assert_eq!(ping.address.to_string(), "2001:db8::11");
    assert_eq!(
        (ping.count.get(), ping.interval),
        (3, Span::from_millis(200))
    );
    assert_eq!(config.monitors()[1].title, "http of apache on web-02");
    assert_eq!(config.monitors()[0].title, "ping");
}

#[test]
fn a_timeout_is_ten_seconds_or_four_fifths_of_the_interval() {
    let config = config(SITE);
    let times: Vec<(Span, Span)> = config.monitors()[..3]
        .iter()
        .map(|monitor| (monitor.every, monitor.timeout))
        .collect();
    let seconds = Span::from_seconds;
    assert_eq!(
        times,
        [
            (seconds(60), seconds(10)),
            (seconds(10), seconds(8)),
            (seconds(60), seconds(3))
        ]
    );
}

#[test]
fn local_checks_run_on_the_local_machine() {
    let config = config(
        "machines: {here: {local: true}}
packages:
  linux:
    monitors:
      cpu: {check: local.cpu, per: core}
      load: {check: local.load}
      memory: {check: local.memory}
      disk: {check: local.disk, per: mount, mounts: [/, /var]}
      diskio: {check: local.diskio, per: device}
      network: {check: local.network, per: interface}
services: {home: {packages: [linux], deployments: {prod: {machines: [here]}}}}
",
    );
    let kinds: Vec<&str> = config.monitors().iter().map(|m| m.check.kind()).collect();
    assert_eq!(
        kinds,
        [
            "local.cpu",
            "local.load",
            "local.memory",
            "local.disk",
            "local.diskio",
            "local.network"
        ]
    );
    assert!(config.monitors().iter().all(|m| m.check.is_local()));
    assert_eq!(config.monitors()[3].per.as_deref(), Some("mount"));
    assert_eq!(
        check(&config, "here/linux/disk"),
        Check::LocalDisk {
            mounts: vec!["/".into(), "/var".into()]
        }
    );
    assert_eq!(config.local_machine().unwrap().name.as_str(), "here");
}

#[test]
fn a_run_list_is_handed_on_as_it_is() {
    let config = config(
        "machines: {m: {}}
packages:
  p:
    monitors:
      a:
        run: [{script: scripts/a.py}, {shell: \"awk '{print $1}'\"}]
        per: shop
        series: {ads: {type: COUNTER, unit: USD, min: 0, max: 1.5e6, heartbeat: 2m}}
services: {s: {packages: [p], deployments: {d: {machines: [m]}}}}
",
    );
    let Check::Run(run) = check(&config, "m/p/a") else {
        panic!()
    };
    assert_eq!(
        run.run.lookup(["1", "shell"]).unwrap().as_str(),
        Some("awk '{print $1}'")
    );
    assert_eq!(run.folder, Path::new(""));
    let monitor = &config.monitors()[0];
    assert_eq!(monitor.per.as_deref(), Some("shop"));
    let ads = &monitor.series[0];
    assert_eq!(
        (ads.field.as_str(), ads.kind),
        ("ads", Some(SeriesKind::Counter))
    );
    assert_eq!((ads.min, ads.max), (Some(0.0), Some(1.5e6)));
    assert_eq!(
        (ads.unit.as_deref(), ads.heartbeat),
        (Some("USD"), Some(Span::from_seconds(120)))
    );
}

#[test]
fn listeners_say_who_may_use_them() {
    let config = config(
        "listen:
  - {http: 127.0.0.1:2001}
  - {http: '[::1]:0', tls: {self_signed: true}}
  - http: 0.0.0.0:2002
    tls: {cert: scripts/a.py, key: scripts/a.py}
    auth:
      users:
        ann:
          password_hash: $argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$aGFzaGhhc2hoYXNoaGFzaA
          roles: [viewer, admin]
      tokens:
        ci: {token: {env: CI_TOKEN}, roles: [operator]}
        cd: {token_hash: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', roles: [viewer]}
  - {http: 0.0.0.0:2003, auth: none}
",
    );
    let [plain, signed, guarded, open] = config.listeners() else {
        panic!()
    };
    assert_eq!((&plain.auth, &plain.tls), (&Auth::None, &None));
    assert_eq!(signed.tls, Some(Tls::SelfSigned));
    assert_eq!(open.auth, Auth::None);
    assert!(
        matches!(&guarded.tls, Some(Tls::Files { cert, .. }) if cert == Path::new("scripts/a.py"))
    );
    let Auth::Accounts(accounts) = &guarded.auth else {
        panic!()
    };
    assert_eq!(accounts.users[0].role(), Role::Admin);
    assert!(!format!("{accounts:?}").contains("argon2"));
    assert_eq!(
        accounts.tokens[0].source,
        TokenSource::Secret(SecretSource::Env("CI_TOKEN".into()))
    );
    assert!(
        matches!(accounts.tokens[1].source, TokenSource::Sha256(sum) if sum[0] == 0xe3 && sum[31] == 0x55)
    );
}

#[test]
fn the_users_of_the_file_may_use_every_listener_that_asks_who_somebody_is() {
    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$aGFzaGhhc2hoYXNoaGFzaA";
    let config = config(&format!(
        "listen:
  - {{http: 0.0.0.0:2001, auth: users}}
  - http: 0.0.0.0:2002
    auth: {{users: {{bob: {{password_hash: '{HASH}', roles: [viewer]}}, eve: {{password_hash: '{HASH}', roles: [admin]}}}}}}
  - {{http: 127.0.0.1:2003}}
users:
  ann: {{password_hash: '{HASH}', role: admin, token: {{file: ann.token}}}}
  bob: {{password_hash: '{HASH}'}}
  cho: {{name: Cho}}
"
    ));
    let accounts = |at: usize| match &config.listeners()[at].auth {
        Auth::Accounts(accounts) => accounts.clone(),
        Auth::None => panic!("everybody may use it"),
    };
    let users = |at| -> Vec<(String, Role)> {
        let users = accounts(at).users.into_iter();
        users.map(|user| (user.name.clone(), user.role())).collect()
    };
    let named = |name: &str, role| (name.to_owned(), role);
    assert_eq!(
        users(0),
        [named("ann", Role::Admin), named("bob", Role::Operator)]
    );
    assert_eq!(
        users(1),
        [
            named("bob", Role::Viewer),
            named("eve", Role::Admin),
            named("ann", Role::Admin)
        ],
        "what is written at the listener counts"
    );
    assert_eq!(config.listeners()[2].auth, Auth::None);
    let tokens = accounts(1).tokens;
    assert_eq!((&*tokens[0].name, tokens[0].role()), ("ann", Role::Admin));
}

#[test]
fn the_smallest_configuration_is_an_empty_map() {
    let config = config("{}");
    assert_eq!(config.site().as_str(), "main");
    assert_eq!(config.data(), Path::new("data"));
    assert!(config.monitors().is_empty() && config.listeners().is_empty());
}

#[test]
fn everything_can_be_in_its_own_file() {
    let files = [
        (
            "etc/monitor.yaml",
            "site: acme\nimport: [conf.d/*.yaml, conf.d/web.yaml]\n",
        ),
        (
            "etc/conf.d/machines.yaml",
            "machines: {web-01: {address: web-01.example.com}}\ndata: ../state\n",
        ),
        (
            "etc/conf.d/web.yaml",
            "import: ../more/p.yaml\nservices: {s: {packages: [p], deployments: {d: {machines: [web-01]}}}}\n",
        ),
        (
            "etc/more/p.yaml",
            "packages: {p: {monitors: {a: {run: [{script: a.py}]}}}}\n",
        ),
        ("etc/more/a.py", ""),
    ];
    let config = load_with(Loader::from_memory(files), "etc/monitor.yaml").unwrap();
    assert_eq!(ids(&config), ["web-01/p/a"]);
    assert_eq!(config.data(), Path::new("etc/state"));
    assert_eq!(config.files().len(), 4);
    let Check::Run(run) = check(&config, "web-01/p/a") else {
        panic!()
    };
    assert_eq!(run.folder, Path::new("etc/more"));
    assert_eq!(
        config.monitors()[0].place.to_string(),
        "etc/more/p.yaml:1:27"
    );
}

#[test]
fn odd_names_are_names() {
    let config = config(
        "machines: {\"web 1/a\": {}, 80: {}}
packages: {\"a'b\": {monitors: {\"50%\": {run: [{shell: date}]}}}}
services: {s: {packages: [\"a'b\"], deployments: {d: {machines: [\"web 1/a\", '80']}}}}
",
    );
    assert_eq!(ids(&config), ["web 1%2Fa/a'b/50%25", "80/a'b/50%25"]);
}

#[test]
fn packages_and_services_can_be_looked_up() {
    let config = config(SITE);
    let http = config.package("apache").unwrap().interface("http").unwrap();
    assert_eq!((http.listen, http.port.get()), (Transport::Tcp, 8080));
    assert_eq!(http.kind.as_deref(), Some("transaction"));
    assert_eq!(config.package("apache").unwrap().monitors().count(), 2);
    assert_eq!(
        config.service("web").unwrap().deployments[0].machines.len(),
        2
    );
    assert_eq!(
        config.machine("web-01").unwrap().location.as_deref(),
        Some("/na/us/ca")
    );
    assert!(config.machine("web-03").is_none());
    let same = MonitorId::new(
        &config.monitors()[0].machine,
        &config.monitors()[0].package,
        &config.monitors()[0].name,
    );
    assert_eq!(config.monitors()[0].id, same);
}

#[test]
fn merge_keys_share_what_monitors_have_in_common() {
    let config = config(
        "machines: {m: {address: 192.0.2.1}}
packages:
  p:
    monitors:
      a: &fast {check: ping, every: 5s, count: 1}
      b: {<<: *fast, every: 10s}
services: {s: {packages: [p], deployments: {d: {machines: [m]}}}}
",
    );
    let b = &config.monitors()[1];
    assert_eq!((b.every, b.check.kind()), (Span::from_seconds(10), "ping"));
}

#[test]
fn the_examples_are_valid() {
    let folder = Path::new("../../examples");
    let mut found = 0;
    for example in std::fs::read_dir(folder).unwrap() {
        let file = example.unwrap().path().join("monitor.yaml");
        if file.exists() {
            found += 1;
            load(&file).unwrap_or_else(|problems| panic!("{problems}"));
        }
    }
    assert!(found > 0);
}
