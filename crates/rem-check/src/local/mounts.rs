#[cfg(test)]
mod tests;

use super::ParseProcError;

/// File systems that hold no files of the operator's, or that are images made
/// full once and for all.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fuse.snapfuse",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "udf",
];

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) point: String,
    /// `ext4`, `nfs4`, `fuse.sshfs`.
    pub(super) fs_type: String,
    /// `254:0`; equal for all mounts of one file system.
    device: String,
    /// Which folder of the file system is mounted; `/` but for bind mounts.
    root: String,
}

impl Mount {
    /// Whether a server answers for it, so that asking may hang.
    pub(super) fn is_remote(&self) -> bool {
        let fs_type = self.fs_type.as_str();
        fs_type.starts_with("nfs")
            || fs_type.starts_with("smb")
            || fs_type.starts_with("fuse")
            || matches!(
                fs_type,
                "cifs" | "ceph" | "9p" | "virtiofs" | "lustre" | "afs" | "ocfs2" | "gfs2" | "ncpfs"
            )
    }

    /// An overlay is a view of a file system that is there by itself, except in
    /// a container, whose whole world it is.
    fn is_real(&self) -> bool {
        match self.fs_type.as_str() {
            "overlay" | "aufs" => self.point == "/",
            fs_type => !PSEUDO.contains(&fs_type),
        }
    }
}

/// `27 1 254:0 / /mnt rw,relatime shared:1 - ext4 /dev/vda rw`; any number of
/// words may stand before the lone dash.
pub(super) fn parse_mountinfo(text: &str) -> Result<Vec<Mount>, ParseProcError> {
    let mut mounts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mount = || {
            let mut words = line.split(' ').skip(2);
            let (device, root, point) = (words.next()?, words.next()?, words.next()?);
            let mut words = words.skip_while(|word| *word != "-").skip(1);
            Some(Mount {
                point: unescape(point),
                fs_type: unescape(words.next()?),
                device: device.to_owned(),
                root: unescape(root),
            })
        };
        mounts.push(mount().ok_or(ParseProcError {
            file: "self/mountinfo",
            line: index + 1,
            wanted: "a device, a root, a mount point and a type",
        })?);
    }
    Ok(mounts)
}

/// The mounts to look at by default: real file systems, each once, under its
/// shortest name, in the order they were mounted.
pub(super) fn real(mounts: &[Mount]) -> Vec<Mount> {
    let mut chosen: Vec<Mount> = Vec::new();
    for mount in visible(mounts).filter(|mount| mount.is_real()) {
        // The whole file system before a folder of it, the short name before the long.
        let rank = |mount: &Mount| (mount.root != "/", mount.point.len());
        match chosen.iter_mut().find(|other| other.device == mount.device) {
            Some(other) if rank(mount) < rank(other) => *other = mount.clone(),
            Some(_) => {}
            None => chosen.push(mount.clone()),
        }
    }
    chosen
}

/// What is mounted at `point` now.
pub(super) fn at<'a>(mounts: &'a [Mount], point: &str) -> Option<&'a Mount> {
    mounts.iter().rev().find(|mount| mount.point == point)
}

/// Without the mounts that a later one at the same place hides.
fn visible(mounts: &[Mount]) -> impl Iterator<Item = &Mount> {
    mounts.iter().enumerate().filter_map(|(index, mount)| {
        let hidden = mounts[index + 1..]
            .iter()
            .any(|later| later.point == mount.point);
        (!hidden).then_some(mount)
    })
}

/// Blanks, tabs, line ends and backslashes are written as `\040`.
fn unescape(word: &str) -> String {
    if !word.contains('\\') {
        return word.to_owned();
    }
    let bytes = word.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let octal = match bytes.get(index..index + 4) {
            Some([b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7']) => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        plain.push(octal.unwrap_or(bytes[index]));
        index += if octal.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}
