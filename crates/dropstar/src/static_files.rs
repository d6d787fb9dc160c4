use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use parking_lot::Mutex;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::response::Body;
use crate::route::Access;
use crate::{Response, assets};

#[cfg(test)]
mod tests;

/// A larger file is read while it is sent, and never compressed.
const WHOLE_BYTES_MAX: u64 = 1 << 20;
/// Compressed files kept; at the limit all are forgotten.
const COMPRESSED_MAX: usize = 512;

/// A folder whose files are served.
pub(crate) struct Folder {
    pub(crate) mount: String,
    pub(crate) access: Access,
    root: Arc<Path>,
    compressed: Arc<Mutex<std::collections::HashMap<String, Option<Bytes>>>>,
}

enum Opened {
    File(File),
    Folder,
    Nothing,
}

impl Folder {
    pub(crate) fn new(mount: String, root: PathBuf, access: Access) -> Self {
        Self {
            mount,
            access,
            root: root.into(),
            compressed: Arc::default(),
        }
    }

    /// The file below the mount; `None` if there is none that may be served.
    pub(crate) async fn answer(
        &self,
        below: &str,
        path: &str,
        headers: &HeaderMap,
    ) -> io::Result<Option<Response>> {
        let Some(relative) = inside(below) else {
            return Ok(None);
        };
        let (root, wants_folder) = (self.root.clone(), below.is_empty() || below.ends_with('/'));
        let compressed = self.compressed.clone();
        let (headers, path) = (headers.clone(), path.to_owned());
        let read = move || -> io::Result<Option<Response>> {
            let name = if wants_folder {
                relative.join("index.html")
            } else {
                relative
            };
            match open_below(&root, &name)? {
                Opened::File(file) => respond(file, &name, &headers, &compressed).map(Some),
                Opened::Folder if !wants_folder => Ok(Some(
                    Response::new(StatusCode::MOVED_PERMANENTLY)
                        .with_header(header::LOCATION, &format!("{path}/")),
                )),
                Opened::Folder | Opened::Nothing => Ok(None),
            }
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)?
    }
}

/// The relative path if each part of it is a plain name. The path has been
/// percent-decoded once and is not decoded again.
fn inside(below: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(['\0', '\\'])
            && part.len() < 256
    };
    let parts = below.strip_suffix('/').unwrap_or(below);
    if parts.is_empty() {
        return Some(PathBuf::new());
    }
    if !parts.split('/').all(plain) {
        return None;
    }
    let path = PathBuf::from(parts);
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then_some(path)
}

/// Opens the file in one step that cannot leave the folder, whatever symbolic
/// links are put in its way meanwhile.
fn open_below(root: &Path, name: &Path) -> io::Result<Opened> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root_fd = openat(CWD, root, folder, Mode::empty())?;
    // Without NONBLOCK, opening a FIFO would wait for somebody to write to it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = match openat2(&root_fd, name, flags, Mode::empty(), resolve) {
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            return open_resolved(root, name);
        }
        other => other,
    };
    match opened {
        Ok(fd) => Ok(kind(File::from(fd))?),
        Err(error) => nothing_or(error.into()),
    }
}

/// For kernels and sandboxes without `openat2`: the resolved path must lie
/// below the resolved folder.
fn open_resolved(root: &Path, name: &Path) -> io::Result<Opened> {
    let opened = root.canonicalize().and_then(|root| {
        let path = root.join(name).canonicalize()?;
        if !path.starts_with(&root) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        Ok(File::from(openat(CWD, &path, flags, Mode::empty())?))
    });
    match opened {
        Ok(file) => kind(file),
        Err(error) => nothing_or(error),
    }
}

fn kind(file: File) -> io::Result<Opened> {
    let kind = file.metadata()?.file_type();
    Ok(if kind.is_file() {
        Opened::File(file)
    } else if kind.is_dir() {
        Opened::Folder
    } else {
        Opened::Nothing
    })
}

/// What does not exist, leads outside or may not be read is just not there.
fn nothing_or(error: io::Error) -> io::Result<Opened> {
    use rustix::io::Errno;
    let quiet = [
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::XDEV,
        Errno::LOOP,
        Errno::ACCESS,
        Errno::NAMETOOLONG,
        Errno::NXIO,
    ];
    match Errno::from_io_error(&error) {
        Some(errno) if quiet.contains(&errno) => Ok(Opened::Nothing),
        None if error.kind() == io::ErrorKind::NotFound => Ok(Opened::Nothing),
        _ => Err(error),
    }
}

fn respond(
    mut file: File,
    name: &Path,
    headers: &HeaderMap,
    compressed: &Mutex<std::collections::HashMap<String, Option<Bytes>>>,
) -> io::Result<Response> {
    let meta = file.metadata()?;
    let changed = meta.modified()?.duration_since(UNIX_EPOCH);
    let changed = changed.map_or(0, |time| time.as_nanos());
    let etag = format!("\"{changed:x}-{:x}\"", meta.len());
    let (content_type, is_text) = content_type(name);
    let with_cache = |response: Response| {
        response
            .with_header(header::ETAG, &etag)
            .with_header(header::CACHE_CONTROL, "no-cache")
            .with_header(header::VARY, "accept-encoding")
    };
    if assets::is_current(headers, &etag) {
        return Ok(with_cache(Response::new(StatusCode::NOT_MODIFIED)));
    }
    if meta.len() > WHOLE_BYTES_MAX {
        let mut response = Response::new(StatusCode::OK);
        response.body = Body::File(tokio::fs::File::from_std(file), meta.len());
        return Ok(with_cache(
            response.with_header(header::CONTENT_TYPE, content_type),
        ));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.by_ref()
        .take(WHOLE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    if is_text && assets::accepts_gzip(headers) {
        let key = format!("{} {etag}", name.display());
        let known = compressed.lock().get(&key).cloned();
        let gzip = known.unwrap_or_else(|| {
            let gzip = assets::gzip(&bytes, flate2::Compression::best());
            let mut compressed = compressed.lock();
            if compressed.len() >= COMPRESSED_MAX {
                compressed.clear();
            }
            compressed.insert(key, gzip.clone());
            gzip
        });
        if let Some(gzip) = gzip {
            return Ok(with_cache(
                Response::bytes(content_type, gzip).with_header(header::CONTENT_ENCODING, "gzip"),
            ));
        }
    }
    Ok(with_cache(Response::bytes(content_type, bytes)))
}

/// The content type by the name's ending, and whether compressing it pays.
pub(crate) fn content_type(name: &Path) -> (&'static str, bool) {
    let ending = name.extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or("").to_ascii_lowercase().as_str() {
        "html" | "htm" => ("text/html; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "json" | "map" => ("application/json", true),
        "svg" => ("image/svg+xml", true),
        "xml" => ("application/xml", true),
        "txt" | "log" | "md" | "yaml" | "yml" | "csv" => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", false),
        "jpg" | "jpeg" => ("image/jpeg", false),
        "gif" => ("image/gif", false),
        "webp" => ("image/webp", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        "woff" => ("font/woff", false),
        "pdf" => ("application/pdf", false),
        "mp4" => ("video/mp4", false),
        "wasm" => ("application/wasm", true),
        _ => ("application/octet-stream", false),
    }
}
