use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::definition::{Definition, HomeError};

/// A megavisor that comes with us: its file, and the scripts beside it.
struct Shipped {
    name: &'static str,
    file: &'static str,
    scripts: &'static [(&'static str, &'static str)],
}

/// One of them: its file, and the script of the same name if it has one.
macro_rules! megavisor {
    ($name:literal) => {
        Shipped {
            name: $name,
            file: include_str!(concat!("../megavisors/", $name, ".yaml")),
            scripts: &[],
        }
    };
    ($name:literal, script) => {
        Shipped {
            name: $name,
            file: include_str!(concat!("../megavisors/", $name, ".yaml")),
            scripts: &[(
                concat!($name, ".py"),
                include_str!(concat!("../megavisors/", $name, ".py")),
            )],
        }
    };
}

const ALL: [Shipped; 9] = [
    megavisor!("haproxy", script),
    megavisor!("ipmi"),
    megavisor!("libvirt", script),
    megavisor!("local", script),
    megavisor!("lxc", script),
    megavisor!("qemu", script),
    megavisor!("redfish"),
    megavisor!("ssh"),
    megavisor!("wol"),
];

/// The names of the megavisors that come with us.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|one| one.name)
}

/// Why one that comes with us cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShippedError {
    /// There is none of this name.
    #[error("no megavisor comes with us under this name: {0}")]
    Unknown(String),
    /// Its files cannot be written.
    #[error("cannot write the files of a megavisor into {folder}")]
    Write {
        /// Where to.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What it is given makes no sense.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// A megavisor that comes with us, without machines; see
/// [`Definition::with_machines`]. Its scripts are written into a folder of its own,
/// where it also keeps what it makes.
///
/// # Errors
/// If there is none of this name, or the folder cannot be written.
pub fn from_shipped(name: &str, folder: &Path) -> Result<Definition, ShippedError> {
    let one = ALL.iter().find(|one| one.name == name);
    let one = one.ok_or_else(|| ShippedError::Unknown(name.into()))?;
    let write = || {
        fs::create_dir_all(folder)?;
        for (script, text) in one.scripts {
            let path = folder.join(script);
            if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
                continue;
            }
            // Aside first: somebody may be running the old one.
            let aside = folder.join(format!(".{script}.{}", std::process::id()));
            fs::write(&aside, text)?;
            fs::set_permissions(&aside, fs::Permissions::from_mode(0o755))?;
            fs::rename(&aside, &path)?;
        }
        Ok(())
    };
    write().map_err(|source| ShippedError::Write {
        folder: folder.to_owned(),
        source,
    })?;
    Ok(Definition::parse(
        &format!("{name}.yaml"),
        one.file,
        folder,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_us_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in shipped() {
            let definition = from_shipped(name, &folder.path().join(name)).unwrap();
            assert_eq!(definition.name().as_str(), name);
        }
        let script = folder.path().join("local/local.py");
        let mode = fs::metadata(script).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(from_shipped("mars", folder.path()).is_err());
        let ipmi = from_shipped("ipmi", folder.path()).unwrap();
        let wrong = ipmi
            .with_machines("rack.yaml", "web-1: {bcm: x}\n")
            .unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "rack.yaml:1:8: web-1: the parameter bmc is missing\n\
             rack.yaml:1:9: web-1.bcm: no parameter of this megavisor: bcm\n  help: did you mean bmc?"
        );
    }
}
