//! A real snmpd of our own, and what net-snmp's snmpwalk reads from it.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rem_check::{
    Check, Snmp, SnmpAuth, SnmpCipher, SnmpHash, SnmpObject, SnmpOptions, SnmpPrivacy, SnmpSockets,
    SnmpUser, SnmpVersion, Verdict,
};
use rem_time::{Span, Timestamp};
use tempfile::TempDir;

pub(crate) const AUTH: &str = "a long way to authenticate";
pub(crate) const PRIVACY: &str = "a longer way to encrypt";

/// Every sort of user: the name that agents know the digest and the cipher by.
pub(crate) const HASHES: [(&str, SnmpHash); 6] = [
    ("MD5", SnmpHash::Md5),
    ("SHA", SnmpHash::Sha1),
    ("SHA-224", SnmpHash::Sha224),
    ("SHA-256", SnmpHash::Sha256),
    ("SHA-384", SnmpHash::Sha384),
    ("SHA-512", SnmpHash::Sha512),
];
pub(crate) const CIPHERS: [(&str, SnmpCipher); 6] = [
    ("DES", SnmpCipher::Des),
    ("AES", SnmpCipher::Aes128),
    ("AES-192", SnmpCipher::Aes192),
    ("AES-256", SnmpCipher::Aes256),
    ("AES-192-C", SnmpCipher::Aes192Cisco),
    ("AES-256-C", SnmpCipher::Aes256Cisco),
];

/// Ends with the test.
pub(crate) struct Agent {
    pub(crate) port: u16,
    folder: TempDir,
    process: Child,
}

impl Agent {
    /// An agent that answers.
    pub(crate) async fn start() -> Self {
        // Another program can take the port before the agent does.
        let mut tries = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let free = UdpSocket::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let process = launch(folder.path(), port, "");
            let mut agent = Self {
                port,
                folder,
                process,
            };
            tries += 1;
            if agent.answers().await {
                return agent;
            }
            assert!(tries < 5, "snmpd does not start: {}", agent.log());
        }
    }

    /// Kills it and starts it again on the same port.
    pub(crate) async fn restart(&mut self, more: &str) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = launch(self.folder.path(), self.port, more);
        assert!(self.answers().await, "{}", self.log());
    }

    /// Waits for the first answer; `false` if the agent ended instead.
    async fn answers(&mut self) -> bool {
        let sockets = SnmpSockets::new();
        let options = SnmpOptions {
            timeout: Span::from_millis(50),
            retries: 0,
            get: vec![SnmpObject::new("uptime", "sysUpTime.0")],
            ..self.options(v2c())
        };
        let check = Snmp::new(&sockets, options).unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while check.run(Timestamp::EPOCH).await.verdict != Verdict::Ok {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < until, "snmpd is silent: {}", self.log());
        }
        true
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Patient, because the machine may be busy.
    pub(crate) fn options(&self, version: SnmpVersion) -> SnmpOptions {
        SnmpOptions {
            port: self.port,
            deadline: Span::from_seconds(60),
            timeout: Span::from_seconds(5),
            retries: 5,
            ..SnmpOptions::new("127.0.0.1", version)
        }
    }

    /// What snmpwalk prints below an object: by the rest of its number, the
    /// value without its type.
    pub(crate) fn snmpwalk(&self, below: &str) -> BTreeMap<String, String> {
        let output = Command::new("snmpwalk")
            .args(["-v2c", "-c", "public", "-On", "-Oe", "-OU", "-t", "5"])
            .args([&format!("127.0.0.1:{}", self.port), below])
            .env("MIBS", "")
            .output()
            .expect("snmpwalk does not start; install the Debian package snmp");
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let (name, value) = line.split_once(" = ")?;
            let index = name.strip_prefix(&format!(".{below}."))?;
            let value = value.split_once(": ").map_or(value, |(_, value)| value);
            Some((index.to_owned(), value.trim_matches('"').to_owned()))
        };
        text.lines().filter_map(line).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(folder: &Path, port: u16, more: &str) -> Child {
    let mut config = format!(
        "rocommunity public 127.0.0.1\nsysLocation a test\nsysName agent\nsysServices 72\n\
         view less included .1.3.6.1.2.1.1\nrocommunity narrow 127.0.0.1 -V less\n\
         createUser plain\nrouser plain noauth\n{more}\n"
    );
    for (hash, _) in HASHES {
        config.push_str(&format!(
            "createUser {hash} {hash} \"{AUTH}\"\nrouser {hash} auth\n"
        ));
        for (cipher, _) in CIPHERS {
            config.push_str(&format!(
                "createUser {hash}/{cipher} {hash} \"{AUTH}\" {cipher} \"{PRIVACY}\"\n\
                 rouser {hash}/{cipher} priv\n"
            ));
        }
    }
    let file = folder.join("snmpd.conf");
    std::fs::write(&file, config).unwrap();
    Command::new("/usr/sbin/snmpd")
        .args(["-f", "-C", "-c"])
        .arg(&file)
        .arg("-Lf")
        .arg(folder.join("log"))
        .arg(format!("udp:127.0.0.1:{port}"))
        .env("SNMP_PERSISTENT_DIR", folder.join("persistent"))
        .env("MIBS", "")
        .stdin(Stdio::null())
        .spawn()
        .expect("snmpd does not start; install the Debian package snmpd")
}

pub(crate) fn v2c() -> SnmpVersion {
    SnmpVersion::V2c {
        community: "public".into(),
    }
}

pub(crate) fn user(hash: (&str, SnmpHash), cipher: Option<(&str, SnmpCipher)>) -> SnmpUser {
    let auth = Some(SnmpAuth {
        hash: hash.1,
        passphrase: AUTH.into(),
    });
    let privacy = cipher.map(|(_, cipher)| SnmpPrivacy {
        cipher,
        passphrase: PRIVACY.into(),
    });
    let name = match cipher {
        None => hash.0.to_owned(),
        Some((cipher, _)) => format!("{}/{cipher}", hash.0),
    };
    SnmpUser {
        auth,
        privacy,
        ..SnmpUser::new(name)
    }
}
