//! A guest for hypervisors: Debian's cloud kernel, and a first process of busybox that
//! says when it runs and ends when its power button is pressed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the first process does.
const INIT: &str = "#!/bin/sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
insmod /lib/button.ko
insmod /lib/evdev.ko
exec 3</dev/input/event0 4</dev/input/event1
(head -c 24 <&3 >/dev/null; echo guest-button; poweroff -f) &
(head -c 24 <&4 >/dev/null; echo guest-button; poweroff -f) &
echo guest-ready
exec sh </dev/console >/dev/console 2>&1
";

/// What its first process says once it can be asked to end.
pub(crate) const READY: &str = "guest-ready";

pub(crate) struct Guest {
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
}

/// Makes a guest in a folder, or says why there is none.
pub(crate) fn guest(folder: &Path) -> Result<Guest, String> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest");
    let found = |name: &str, under: &Path| {
        let all = walk(under);
        let one = all.into_iter().find(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(name)
        });
        one.ok_or_else(|| format!("no {name} in {}: run scripts/setup test", under.display()))
    };
    let kernel = found("vmlinuz-", &kept.join("boot"))?;
    let modules = ["button.ko", "evdev.ko"].map(|name| found(name, &kept.join("lib")));
    let [button, evdev] = modules;
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "lib"] {
        archive.add(folder, 0o40_755, &[]);
    }
    let busybox = Command::new("sh")
        .args(["-c", "command -v busybox"])
        .output();
    let busybox = String::from_utf8(busybox.map_err(|why| why.to_string())?.stdout).unwrap();
    let read = |path: &Path| fs::read(path).map_err(|why| format!("{}: {why}", path.display()));
    archive.add("bin/busybox", 0o100_755, &read(Path::new(busybox.trim()))?);
    archive.add("bin/sh", 0o120_777, b"busybox");
    let needs = Command::new("ldd").arg(busybox.trim()).output();
    let needs = String::from_utf8(needs.map_err(|why| why.to_string())?.stdout).unwrap();
    for library in needs
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let mut above = PathBuf::new();
        for part in Path::new(&library[1..]).parent().unwrap() {
            above.push(part);
            archive.add(&above.to_string_lossy(), 0o40_755, &[]);
        }
        archive.add(&library[1..], 0o100_755, &read(Path::new(library))?);
    }
    archive.add("lib/button.ko", 0o100_644, &read(&button?)?);
    archive.add("lib/evdev.ko", 0o100_644, &read(&evdev?)?);
    archive.add("init", 0o100_755, INIT.as_bytes());
    let initrd = folder.join("initrd");
    fs::write(&initrd, archive.end()).unwrap();
    Ok(Guest { kernel, initrd })
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => walk(&entry.path()),
        _ => vec![entry.path()],
    });
    below.collect()
}

/// A cpio archive as kernels read it (`newc`, Linux Documentation/driver-api/early-userspace).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    files: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, data: &[u8]) {
        self.files += 1;
        let size = u32::try_from(data.len()).unwrap();
        let name_size = u32::try_from(name.len() + 1).unwrap();
        let (number, none) = (self.files, 0);
        let fields = [
            number, mode, none, none, 1, none, size, none, none, none, none, name_size, none,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.align();
        self.bytes.extend(data);
        self.align();
    }

    fn align(&mut self) {
        let to = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(to, 0);
    }

    fn end(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}
