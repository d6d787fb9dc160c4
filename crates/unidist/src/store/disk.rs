use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A folder of files, as the log needs it. [`DirDisk`] is the real one,
/// [`crate::SimDisk`] one that loses and refuses what a test tells it to.
pub trait Disk: Debug + Send + Sync {
    /// The path shown in errors.
    fn path_of(&self, name: &str) -> PathBuf;
    /// The names of all files.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The whole content of a file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// Makes an empty file, in place of one that may be there.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file that is there, for writing.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, in place of one that may be there.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names of the files durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file of a [`Disk`].
pub trait DiskFile: Debug + Send {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the system says; part of it may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written durable.
    ///
    /// # Errors
    /// What the system says; nothing is known about the file from then on.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Clone, Debug)]
pub struct DirDisk {
    dir: PathBuf,
}

impl DirDisk {
    /// The folder `dir`, which is there.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }
}

impl Disk for DirDisk {
    fn path_of(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path_of(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::create(self.path_of(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).open(self.path_of(name))?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path_of(from), self.path_of(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path_of(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

impl DiskFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sync_data()
    }
}
