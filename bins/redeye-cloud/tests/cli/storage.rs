//! A storage on a real ext4 that lies in a file.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{check, command, json, run};

/// All beds lie here, each under the number of its process.
const BEDS: &str = "/tmp/redeye-cloud-storage-tests";

/// A folder of its own of which nothing is left: no mount, no loop device, no freeze.
struct Bed(PathBuf);

impl Bed {
    fn new(name: &str, config: &str) -> Self {
        for entry in fs::read_dir(BEDS).into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            let pid = pid.split('-').next().unwrap_or_default().to_owned();
            if !Path::new("/proc").join(pid).exists() {
                clear(&entry.path());
            }
        }
        let folder = PathBuf::from(BEDS).join(format!("{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("redeye-cloud.yaml"), config).unwrap();
        Self(folder)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        clear(&self.0);
    }
}

fn clear(folder: &Path) {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut points: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|point| Path::new(point).starts_with(folder))
        .collect();
    points.reverse();
    for point in points {
        let _ = Command::new("fsfreeze").args(["-u", point]).output();
        let _ = Command::new("umount").args(["-l", point]).output();
    }
    let listed = Command::new("losetup")
        .args(["-l", "-n", "-O", "NAME,BACK-FILE"])
        .output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    for line in listed.unwrap_or_default().lines() {
        if let Some((device, file)) = line.trim().split_once(char::is_whitespace)
            && Path::new(file.trim()).starts_with(folder)
        {
            let _ = Command::new("losetup").args(["-d", device]).output();
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Loop devices, file systems and freezing need root and the tools.
fn available() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    let mut tools = ["mkfs.ext4", "losetup", "mount", "fsfreeze"].into_iter();
    let missing = tools.find(|program| Command::new(program).arg("-V").output().is_err());
    let why = match (root, missing) {
        (false, _) => "it needs root".to_owned(),
        (true, Some(program)) => format!("{program} is missing"),
        (true, None) => return true,
    };
    let required = std::env::var("REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
    assert!(!required, "storages must run here: {why}");
    eprintln!("skipped storages: {why}");
    false
}

const SHOP: &str = "\
data: data
storages:
  shop:
    mount: mnt
    layers: [ext4, {loop: {files: shop.img, size: 16M}}]
    verify: {shell: 'grep -q fine \"$REM_MOUNT/state\"'}
    keep: {last: 2}
";

/// A layer that says when it is reached, and never ends.
const SLOW: &str = "\
handler: slow
functions:
  snapshot: {entry: {shell: ': >FOLDER/reached; exec tail -f /dev/null'}}
";

fn shop(name: &str, more: &str) -> Option<Bed> {
    if !available() {
        return None;
    }
    let bed = Bed::new(name, "");
    let folder = bed.0.display().to_string();
    fs::write(
        folder.clone() + "/slow.yaml",
        SLOW.replace("FOLDER", &folder),
    )
    .unwrap();
    let config = SHOP.replace("FOLDER", &folder) + more;
    fs::write(bed.0.join("redeye-cloud.yaml"), config).unwrap();
    for function in ["configure", "mount"] {
        check(&bed.0, &format!("storage run shop {function}"), 0, "");
    }
    Some(bed)
}

#[track_caller]
fn id_of(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_storage_is_taken_spoilt_and_restored() {
    let Some(bed) = shop("restore", "") else {
        return;
    };
    let here = &bed.0;
    let state = here.join("mnt/state");
    fs::write(&state, "fine 1").unwrap();
    let good = id_of(here, "storage snapshot shop");
    fs::write(&state, "broken").unwrap();
    let wrong = id_of(here, "storage snapshot shop");
    check(
        here,
        "storage snapshots shop -o id",
        0,
        &format!("{wrong}\n{good}\n"),
    );
    check(here, "storage verify shop", 1, "");
    check(
        here,
        &format!("storage verify shop --snapshot {good}"),
        0,
        "",
    );
    check(here, "storage list -o id", 0, "shop\n");

    // Nobody is there to say yes.
    assert_eq!(run(here, "storage restore shop").status.code(), Some(1));
    assert_eq!(fs::read_to_string(&state).unwrap(), "broken");
    check(here, "storage restore shop --yes", 0, &format!("{good}\n"));
    assert_eq!(fs::read_to_string(&state).unwrap(), "fine 1");

    let listed = json(here, "storage snapshots shop -o json");
    assert_eq!(listed["snapshots"][0]["verified"], "bad");
    assert_eq!(listed["snapshots"][1]["verified"], "good");
    assert!(listed["snapshots"][1]["held"].is_string(), "{listed}");
    let shown = json(here, "storage show shop -o json");
    assert_eq!(shown["storage"]["state"], "idle");
    let all = run(here, "op list --all");
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    for words in ["storage snapshot", "storage restore", "storage mount"] {
        assert!(all.contains(words), "{all}");
    }
    let shown = run(here, &format!("op show {good}"));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("snapshot exit ext4: ok"), "{shown}");
    check(here, "storage thaw shop", 0, "ext4\n");
}

#[test]
fn a_dry_run_of_a_storage_lists_every_step_and_does_nothing() {
    let Some(bed) = shop("dry", "") else { return };
    let plan = run(&bed.0, "storage snapshot shop --dry-run");
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    for words in [
        "storage snapshot would:\n  1. start the watchdog: it lets go after 30s at the latest\n",
        "2. snapshot: entry ext4; writing stops\n",
        "5. snapshot: exit ext4; writing goes on\n",
    ] {
        assert!(plan.contains(words), "{plan}");
    }
    check(&bed.0, "storage snapshots shop -o id", 0, "");
    for (arguments, code, wanted) in [
        (
            "storage snapshot mars",
            3,
            "there is no storage mars; there are: shop",
        ),
        (
            "storage run shop fly",
            2,
            "no layer has this function; there are: configure",
        ),
        (
            "storage restore shop --yes",
            2,
            "there is no complete snapshot",
        ),
        (
            "storage restore shop --snapshot 5",
            2,
            "not the id of an operation",
        ),
    ] {
        let output = run(&bed.0, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {told}");
        assert!(told.contains(wanted), "{arguments}: {told}");
    }
}

/// Waits for somebody who may hang in the kernel.
#[track_caller]
fn ends(child: &mut Child, within: Duration) {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < within, "it hangs");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_command_that_is_killed_while_writing_is_stopped_leaves_nothing_frozen() {
    let more = "  slow:\n    mount: mnt\n    layers: [ext4, {file: slow.yaml}]\n";
    let Some(bed) = shop("kill", more) else {
        return;
    };
    let here = &bed.0;
    let mut frozen = command(here, "storage snapshot slow")
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while !here.join("reached").exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "never frozen");
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut writer = Command::new("touch")
        .arg(here.join("mnt/written"))
        .spawn()
        .unwrap();
    let group = format!("-{}", frozen.id());
    let killed = Command::new("kill").args(["-9", "--", &group]).status();
    assert!(killed.unwrap().success());
    frozen.wait().unwrap();
    ends(&mut writer, Duration::from_secs(2));
    // The next command unwinds what it left.
    let resumed = run(here, "op resume");
    assert_eq!(resumed.status.code(), Some(1));
    let told = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(told.contains("ext4: the watchdog has let go"), "{told}");
    check(here, "op list -o id", 0, "");
}
