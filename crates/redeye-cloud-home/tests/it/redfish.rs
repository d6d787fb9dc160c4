//! A controller that speaks Redfish: OpenStack's sushy-emulator, with password and TLS.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redeye_cloud::{Action, Id, Power};

use crate::conformance::{
    FULL, Manners, Server, Spec, can_run, conform, denied, hung, killed, missing, start, stop,
    wait_for,
};

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin")
}

fn run(program: &Path, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// The SHA-256 of a certificate, as openssl writes it.
fn fingerprint(certificate: &Path) -> String {
    let file = certificate.to_string_lossy();
    let said = run(
        Path::new("openssl"),
        &["x509", "-noout", "-fingerprint", "-sha256", "-in", &file],
    );
    said.trim().rsplit_once('=').unwrap().1.to_owned()
}

/// The port of an emulator, which runs as long as its other half.
fn emulator(folder: &Path) -> (u16, Server) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let openssl = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=bmc",
        "-keyout",
        &key.to_string_lossy(),
        "-out",
        &certificate.to_string_lossy(),
    ]
    .map(str::to_owned);
    let openssl: Vec<&str> = openssl.iter().map(String::as_str).collect();
    run(Path::new("openssl"), &openssl);
    let hash =
        "import bcrypt; print('admin:' + bcrypt.hashpw(b'test', bcrypt.gensalt(4)).decode())";
    let users = run(&peers().join("python3"), &["-c", hash]);
    fs::write(folder.join("users"), users).unwrap();
    let system = |name: &str| {
        format!(
            "{{'uuid': '{name}', 'name': 'n-{name}', 'power_state': 'Off', 'nics': [], \
             'external_notifier': False}}"
        )
    };
    let config = format!(
        "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = {port}\n\
         SUSHY_EMULATOR_AUTH_FILE = '{0}/users'\nSUSHY_EMULATOR_SSL_CERT = '{0}/cert.pem'\n\
         SUSHY_EMULATOR_SSL_KEY = '{0}/key.pem'\nSUSHY_EMULATOR_STATE_DIR = '{0}'\n\
         SUSHY_EMULATOR_FAKE_SYSTEMS = [{1}, {2}]\n",
        folder.display(),
        system("web-1"),
        system("web-2"),
    );
    let file = folder.join("sushy.conf");
    fs::write(&file, config).unwrap();
    let log = fs::File::create(folder.join("sushy.log")).unwrap();
    let child = Command::new(peers().join("sushy-emulator"))
        .arg("--fake")
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let server = Server(child);
    // Connecting proves nothing: the port is one that others may be given too.
    let root = format!("https://127.0.0.1:{port}/redfish/v1/");
    wait_for("sushy-emulator answers", || {
        let asked = Command::new("curl")
            .args(["-sk", "--max-time", "2", "-o", "/dev/null", &root])
            .status();
        asked.unwrap().success()
    });
    (port, server)
}

pub(crate) async fn a_redfish_controller_switches_its_machine() {
    let emulator_there = peers().join("sushy-emulator");
    let lacks = missing(&emulator_there.to_string_lossy(), &["--help"])
        .or_else(|| missing("openssl", &["version"]))
        .or_else(|| missing("curl", &["--version"]));
    if !can_run("redfish", lacks) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (port, _server) = emulator(folder.path());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (address.port(), silent))
        .unwrap();
    let print = fingerprint(&folder.path().join("cert.pem"));
    let machine = |name: &str, port: u16, system: &str, pass: &str| {
        format!(
            "{name}: {{bmc: \"https://127.0.0.1:{port}\", system: {system}, user: admin, pass: {{env: {pass}}}, fingerprint: \"{print}\"}}\n"
        )
    };
    let machines = [
        machine("web-1", port, "web-1", "PASS"),
        machine("web-2", port, "web-2", "PASS"),
    ];
    let spec = Spec::new("redfish", folder.path()).machines(machines.concat());
    let stranger = machine("stranger", port, "web-1", "PASS").replace(&print, &"00".repeat(32));
    let machines = [
        stranger,
        machine("wrong", port, "web-1", "WRONG"),
        machine("other", port, "web-9", "PASS"),
        machine("hung", silent.0, "web-1", "PASS"),
    ];
    let odd = Spec::new("redfish", &folder.path().join("odd")).machines(machines.concat());
    let odd = odd.rig(&folder.path().join("journal-2")).await;
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id = |text: &str| -> Id { text.parse().unwrap() };
    let (web, other) = (id("web-1"), id("web-2"));
    let unknown = async {
        assert_eq!(odd.power(&id("wrong")).await, Power::Unknown);
        denied(&odd, start(&id("wrong"))).await;
        denied(&odd, stop(&id("wrong"), true)).await;
        denied(&odd, start(&id("stranger"))).await;
        let (class, sent, _) = odd.refused(start(&id("other")), 60).await;
        assert_eq!((class.name(), sent), ("not_found", 1));
        hung(&odd, &id("hung"), start(&id("hung"))).await;
    };
    // The emulator lets each change of power take up to eleven seconds.
    let manners = Manners {
        reboots: &[true],
        ..FULL
    };
    let second = async {
        killed(&spec, &folder.path().join("killed"), &other).await;
        let graceful = Action::RebootInstance {
            id: other.clone(),
            force: false,
        };
        assert!(crate::conformance::Rig::well(&rig.run(graceful).await));
    };
    tokio::join!(conform(&rig, &web, &manners), second, unknown);
}
