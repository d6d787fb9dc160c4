//! Guests of QEMU, each a process with a control socket.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::{Id, Power};

use crate::conformance::{
    FULL, Rig, Spec, conform_when, killed, may_run, missing, start, stop, wait_for_long,
};
use crate::guest::{READY, guest};

/// Ends whatever runs below a folder, also if the test fails.
struct Leftovers(std::path::PathBuf);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.0.join("machines"))
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Some(pid) = pid(&entry.path()) {
                let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
            }
        }
    }
}

/// The process of a machine, if it runs.
fn pid(folder: &Path) -> Option<u32> {
    let file = folder.join("pid");
    let pid: u32 = std::fs::read_to_string(&file).ok()?.trim().parse().ok()?;
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = String::from_utf8_lossy(&words).into_owned();
    words.contains(&*file.to_string_lossy()).then_some(pid)
}

/// How often the guest has come up.
fn boots(folder: &Path) -> usize {
    let log = std::fs::read(folder.join("console.log")).unwrap_or_default();
    String::from_utf8_lossy(&log).matches(READY).count()
}

pub(crate) async fn a_guest_boots_ends_by_its_power_button_and_has_its_plug_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let lacks = missing("qemu-system-x86_64", &["--version"]);
    let guest = match (lacks, guest(folder.path())) {
        (Some(why), _) | (None, Err(why)) => {
            may_run("qemu", Some(&why));
            return;
        }
        (None, Ok(guest)) => guest,
    };
    let machine = format!(
        "kernel: {}, initrd: {}, memory: 128, append: \"console=ttyS0 quiet panic=-1\"",
        guest.kernel.display(),
        guest.initrd.display(),
    );
    let machines = format!("web-1: {{{machine}}}\nbare: {{accel: tcg}}\n");
    let spec = Spec::new("qemu", folder.path()).machines(machines);
    let _leftovers = Leftovers(spec.folder.clone());
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id: Id = "web-1".parse().unwrap();
    let home = spec.folder.join("machines/web-1");

    // The first start finds out what this computer is good for.
    let began = rig.run(start(&id)).await;
    assert!(Rig::well(&began));
    let accel = std::fs::read_to_string(home.join("machine.json")).unwrap();
    eprintln!("qemu: {}", accel.trim());
    let mut up = 0;
    let mut is_up = || {
        up += 1;
        wait_for_long("the guest is up", || up <= boots(&home));
    };
    is_up();
    assert!(Rig::well(&rig.run(stop(&id, false)).await));
    let log = std::fs::read(home.join("console.log")).unwrap();
    assert!(
        String::from_utf8_lossy(&log).contains("guest-button"),
        "it ended by itself"
    );
    conform_when(&rig, &id, &FULL, &mut is_up).await;
    killed(&spec, &folder.path().join("killed"), &id).await;

    // The serial line is a terminal to the guest.
    let terminal = rig.home.console(&id).unwrap();
    let mut child = Command::new(&terminal.argv[0])
        .args(&terminal.argv[1..])
        .envs(terminal.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = child.stdin.take().unwrap();
    let heard = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader};
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = lines
            .map_while(Result::ok)
            .any(|line| line.contains("sum 42"));
        let _ = child.kill();
        let _ = child.wait();
        found
    });
    let until = Instant::now() + Duration::from_secs(60);
    while !heard.is_finished() && Instant::now() < until {
        use std::io::Write;
        // The guest reads what is typed once its shell runs.
        let _ = typed.write_all(b"echo sum $((40 + 2))\n");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(typed);
    assert!(heard.is_finished() && heard.join().unwrap());

    // A control socket that does not answer: it still is on, and the plug still works.
    let process = pid(&home).unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-STOP", &process])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(rig.power(&id).await, Power::On);
    assert!(Rig::well(&rig.run(stop(&id, true)).await));
    assert_eq!(rig.power(&id).await, Power::Off);
    assert_eq!(pid(&home), None);

    let (class, sent, _) = rig.refused(start(&"bare".parse().unwrap()), 20).await;
    assert_eq!((class.name(), sent), ("invalid", 1), "nothing to boot from");
}
