//! Starting a program, and saying clearly why it did not start.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Access, Mode, OFlags, access};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::Program;
use crate::group::Group;
use crate::sys::{Execution, spawn};

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No such file, or no such name in the search path.
    #[error("program not found: {program}{}", searched(search_path))]
    NotFound {
        /// The program as given.
        program: PathBuf,
        /// The search path, if the program was given as a bare name.
        search_path: Option<String>,
    },
    /// The file is there and may not be executed.
    #[error("not executable: {program}")]
    NotExecutable {
        /// The file found.
        program: PathBuf,
    },
    /// The file may be executed and is neither a binary for this machine nor a
    /// script with `#!`.
    #[error("neither a binary for this machine nor a script that starts with #!: {program}")]
    NotAProgram {
        /// The file found.
        program: PathBuf,
    },
    /// The file names an interpreter that is not there.
    #[error("bad interpreter {interpreter} of {program}")]
    BadInterpreter {
        /// The file found.
        program: PathBuf,
        /// What its first line names.
        interpreter: PathBuf,
    },
    /// The folder to start in is missing or not a folder.
    #[error("cannot start {program} in {cwd}")]
    Cwd {
        /// The program as given.
        program: PathBuf,
        /// The folder.
        cwd: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused for another reason.
    #[error("cannot start {program}")]
    Spawn {
        /// The program as given.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It started and somebody else took its exit status (`SIGCHLD` ignored).
    #[error("cannot learn how {program} ended")]
    Wait {
        /// The program as given.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn searched(search_path: &Option<String>) -> String {
    let Some(path) = search_path else {
        return String::new();
    };
    format!(" in {path}")
}

/// A program that runs, with our ends of its pipes.
pub(crate) struct Started {
    pub(crate) group: Group,
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// What a program reads.
#[derive(Debug)]
pub(crate) enum Stdin {
    Nothing,
    /// What is written to our end of a pipe.
    Pipe,
    Given(OwnedFd),
}

/// Starts a program as the leader of its own process group.
pub(crate) fn start(program: &Program, stdin: Stdin) -> Result<Started, StartError> {
    let path = find(program)?;
    let refused = |source| StartError::Spawn {
        program: program.name.clone(),
        source,
    };
    let (given, stdin) = match stdin {
        Stdin::Nothing => (None, None),
        Stdin::Given(fd) => (Some(fd), None),
        Stdin::Pipe => {
            let (read, write) = pipe().map_err(refused)?;
            (Some(read), Some(write))
        }
    };
    let (stdout, theirs) = pipe().map_err(refused)?;
    let (stderr, their_errors) = pipe().map_err(refused)?;
    let input = match &given {
        Some(given) => given.as_fd(),
        None => nothing().map_err(refused)?.as_fd(),
    };
    let name = [program.name.as_os_str()];
    let arguments = name.into_iter().chain(program.args.iter().map(|a| &**a));
    let path_of_search = [(OsStr::new("PATH"), program.search_path())];
    let others = program.env.iter().filter(|(name, _)| name != "PATH");
    let environment = path_of_search
        .into_iter()
        .chain(others.map(|(name, value)| (&**name, &**value)));
    let execution = Execution {
        path: path.as_os_str(),
        cwd: program.cwd.as_deref().map(Path::as_os_str),
        arguments: &arguments.collect::<Vec<_>>(),
        environment: &environment.collect::<Vec<_>>(),
        stdio: [input, theirs.as_fd(), their_errors.as_fd()],
    };
    let (leader, pidfd) = spawn(&execution).map_err(|source| explain(program, &path, source))?;
    let group = Group::of_leader(leader, pidfd).map_err(refused)?;
    Ok(Started {
        group,
        stdin,
        stdout,
        stderr,
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)
}

/// Opened once, for all programs that read nothing.
fn nothing() -> io::Result<&'static OwnedFd> {
    static NOTHING: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(nothing) = NOTHING.get() {
        return Ok(nothing);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = rustix::fs::open("/dev/null", flags, Mode::empty())?;
    Ok(NOTHING.get_or_init(|| opened))
}

/// The file to execute: a bare name is searched here, so that the search path
/// is the program's own and not the calling process's.
fn find(program: &Program) -> Result<PathBuf, StartError> {
    if program.name.as_os_str().as_bytes().contains(&b'/') {
        return Ok(program.name.clone());
    }
    let search_path = program.search_path();
    let mut forbidden = None;
    for folder in std::env::split_paths(search_path) {
        let path = folder.join(&program.name);
        let seen = in_cwd(program, &path);
        if access(&seen, Access::EXEC_OK).is_ok() && !seen.is_dir() {
            return Ok(path);
        }
        if forbidden.is_none() && seen.is_file() {
            forbidden = Some(seen);
        }
    }
    Err(match forbidden {
        Some(program) => StartError::NotExecutable { program },
        None => StartError::NotFound {
            program: program.name.clone(),
            search_path: Some(search_path.to_string_lossy().into_owned()),
        },
    })
}

/// Looks for what the bare error number of a failed start does not tell.
fn explain(program: &Program, path: &Path, source: io::Error) -> StartError {
    let name = program.name.clone();
    if let Some(cwd) = &program.cwd {
        let trouble = match std::fs::metadata(cwd) {
            Ok(found) if found.is_dir() => access(cwd, Access::EXEC_OK).err().map(io::Error::from),
            Ok(_) => Some(io::Error::from(io::ErrorKind::NotADirectory)),
            Err(error) => Some(error),
        };
        if let Some(source) = trouble {
            return StartError::Cwd {
                program: name,
                cwd: cwd.clone(),
                source,
            };
        }
    }
    let seen = in_cwd(program, path);
    match source.raw_os_error() {
        Some(libc::ENOENT) if seen.exists() => StartError::BadInterpreter {
            interpreter: interpreter(&seen).unwrap_or_else(|| PathBuf::from("(dynamic loader)")),
            program: seen,
        },
        Some(libc::ENOENT | libc::ENOTDIR) => StartError::NotFound {
            program: name,
            search_path: None,
        },
        Some(libc::EACCES) => StartError::NotExecutable { program: seen },
        Some(libc::ENOEXEC) => StartError::NotAProgram { program: seen },
        _ => StartError::Spawn {
            program: name,
            source,
        },
    }
}

fn in_cwd(program: &Program, path: &Path) -> PathBuf {
    match &program.cwd {
        Some(cwd) => cwd.join(path),
        None => path.to_path_buf(),
    }
}

/// The file that a `#!` line names.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut start = Vec::new();
    File::open(script)
        .ok()?
        .take(256)
        .read_to_end(&mut start)
        .ok()?;
    let line = start.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    // A carriage return is kept: it is then what is wrong with the line.
    let name = line.trim_matches([' ', '\t']).split([' ', '\t']).next()?;
    Some(PathBuf::from(name.replace('\r', "\\r")))
}
