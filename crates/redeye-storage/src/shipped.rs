use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::handler::Handler;
use crate::read::read_handler;

/// A handler that comes with us: its file and its script.
struct Shipped {
    name: &'static str,
    file: &'static str,
    script: &'static str,
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped {
            name: $name,
            file: include_str!(concat!("../handlers/", $name, ".yaml")),
            script: include_str!(concat!("../handlers/", $name, ".sh")),
        }
    };
}

const ALL: [Shipped; 5] = [
    shipped!("btrfs"),
    shipped!("drbd"),
    shipped!("ext4"),
    shipped!("loop"),
    shipped!("lvm"),
];

/// The names of the handlers that come with us.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|one| one.name)
}

/// Why one that comes with us cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShippedError {
    /// There is none of this name.
    #[error("no handler comes with us under this name: {0}")]
    Unknown(String),
    /// Its script cannot be written.
    #[error("cannot write the script of a handler into {folder}")]
    Write {
        /// Where to.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It has mistakes, which a test of ours rules out.
    #[error("a handler of ours has mistakes")]
    Broken(#[from] rem_yaml::Problems),
}

/// A handler that comes with us. Its script is written into the folder.
///
/// # Errors
/// If there is none of this name, or the folder cannot be written.
pub fn from_shipped(name: &str, folder: &Path) -> Result<Handler, ShippedError> {
    let one = ALL.iter().find(|one| one.name == name);
    let one = one.ok_or_else(|| ShippedError::Unknown(name.into()))?;
    write(one, folder).map_err(|source| ShippedError::Write {
        folder: folder.to_owned(),
        source,
    })?;
    Ok(read_handler(&format!("{name}.yaml"), one.file, folder)?)
}

fn write(one: &Shipped, folder: &Path) -> io::Result<()> {
    let path = folder.join(format!("{}.sh", one.name));
    if fs::read(&path).is_ok_and(|old| old == one.script.as_bytes()) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Aside first: somebody may be running the old one.
    let aside = tempname(folder, one.name);
    fs::write(&aside, one.script)?;
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o755))?;
    fs::rename(&aside, &path)
}

/// A name that no other writer has: threads of one process are told apart as well.
fn tempname(folder: &Path, name: &str) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    folder.join(format!(".{name}.{}.{thread}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use redeye_cloud::Phase;

    use super::*;

    #[test]
    fn what_comes_with_us_can_be_read_and_its_shell_is_shell() {
        let folder = tempfile::tempdir().unwrap();
        for name in shipped() {
            let handler = from_shipped(name, folder.path()).unwrap();
            assert_eq!(handler.name, name);
            let script = folder.path().join(format!("{name}.sh"));
            let checked = std::process::Command::new("sh")
                .arg("-n")
                .arg(&script)
                .status();
            assert!(checked.unwrap().success(), "{name}");
            // Each phase that the file names is in the script.
            for function in handler.functions.keys() {
                for (phase, word) in [(Phase::Entry, "entry"), (Phase::Exit, "exit")] {
                    let yes = |yes: bool| {
                        let value = if yes { "true" } else { "false" };
                        handler
                            .parameters
                            .keys()
                            .map(|name| (name.clone(), value.to_owned()))
                            .collect()
                    };
                    let has = handler.script(function, phase, &yes(true)).is_some()
                        || handler.script(function, phase, &yes(false)).is_some();
                    let text = fs::read_to_string(&script).unwrap();
                    assert_eq!(
                        text.contains(&format!(" {function}-{word}")),
                        has,
                        "{name}: {function} {word}"
                    );
                }
            }
        }
        assert!(matches!(
            from_shipped("zfs", folder.path()),
            Err(ShippedError::Unknown(_))
        ));
    }
}
