//! A site with two people and a passive monitor, whose messages land in a test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dropstar::{Accounts, Auth, Listener, Role, Server};
use rem_desk::Report;
use rem_monitor::{Host, Reload, ReloadRequests, Running};
use rem_notify::FakePost;
use rem_time::{Clock, SystemClock, Timestamp};
use tempfile::TempDir;

const YAML: &str = r#"
site: acme
machines: {web-01: {address: 127.0.0.1}}
packages:
  backup:
    monitors:
      nightly:
        check: passive
        fresh: 26h
        every: 1h
        title: Nightly backup
        levels: {failed: {when: status == critical, alert: backup-failed}}
services:
  all:
    packages: [backup]
    deployments: {prod: {machines: [web-01]}}
    owners: [{role: web, tries: 3, every: 5m}]
users:
  ann: {name: Ann, zone: Europe/Berlin, contacts: [{mail: ann@example.com}]}
  bob: {name: Bob, zone: UTC, contacts: [{mail: bob@example.com}]}
  eve: {name: Eve, role: viewer}
roles:
  web: {users: [ann, bob], admins: [ann], rotation: {every: 1w, at: mon 09:00, from: 2026-01-05, zone: Europe/Berlin}}
alerts: {web-down: {severity: critical, notes: "https://wiki.example.com/web-down"}}
notify: {url: "https://rem.example.com", fallback: [{mail: root@example.com}], smtp: {url: "smtp://localhost:25", from: rem@example.com}, self_test: {comes_back: [mail]}}
"#;

/// The only monitor.
pub(crate) const MONITOR: &str = "web-01/backup/nightly";
pub(crate) const OPERATOR: &str = "authorization: Bearer operator-0123456789\r\n";
pub(crate) const ADMIN: &str = "authorization: Bearer admin-0123456789abcd\r\n";
pub(crate) const VIEWER: &str = "authorization: Bearer viewer-0123456789abc\r\n";

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    /// Where accounts are asked for.
    pub(crate) guarded: SocketAddr,
    pub(crate) running: Running,
    pub(crate) post: Arc<FakePost>,
    pub(crate) reloads: ReloadRequests,
    _server: dropstar::Running,
    _host: Host,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        let loader = rem_yaml::Loader::from_memory([("monitor.yaml", YAML)]);
        let config = rem_config::load_with(loader, "monitor.yaml");
        let config = config.unwrap_or_else(|problems| panic!("{problems}"));
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let host = Host::open(folder.path(), clock.clone(), []).await.unwrap();
        let (reload, reloads) = Reload::channel();
        let post = Arc::new(FakePost::new());
        let running = host.start(&config, post.clone(), reload).await.unwrap();
        let accounts = Accounts::new()
            .token("ann", "operator-0123456789", Role::Operator)
            .and_then(|a| a.token("root", "admin-0123456789abcd", Role::Admin))
            .and_then(|a| a.token("looker", "viewer-0123456789abc", Role::Viewer))
            .unwrap();
        let loopback = || Listener::on(([127, 0, 0, 1], 0)).site(rem_web::site(&running));
        let listeners = [loopback(), loopback().auth(Auth::from(accounts))];
        let server = Server::bind(listeners, clock).await.unwrap();
        Self {
            address: server.addresses()[0],
            guarded: server.addresses()[1],
            running,
            post,
            reloads,
            _server: server,
            _host: host,
            _folder: folder,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// An alert fires; its number.
    pub(crate) async fn fires(&self, alert: &str, subject: &str) -> u64 {
        let report = Report::fires(alert, subject, self.now())
            .message("it <burns> & smokes")
            .label("machine", "web-01");
        self.running.desk.report(vec![report]).await.unwrap();
        let alerts = self.running.desk.overview().alerts;
        let same = alerts
            .iter()
            .find(|open| *open.id.alert == *alert && *open.id.subject == *subject);
        same.unwrap().id.number
    }
}

/// Looks again and again until it is so.
pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < until, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
