use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, StatusCode, header};
use ring::digest;

use crate::Response;
use crate::encoding::hex;

#[cfg(test)]
mod tests;

/// Where assets hang on every site.
pub(crate) const MOUNT: &str = "/assets/";

/// A file that is part of the program.
pub(crate) struct Asset {
    content_type: &'static str,
    plain: &'static [u8],
    gzip: OnceLock<Option<Bytes>>,
    hash: String,
}

macro_rules! files {
    ($($name:literal => $content_type:literal, $path:literal;)*) => {
        /// Name under `/assets/`, content type, content.
        const FILES: &[(&str, &str, &[u8])] = &[
            $(($name, $content_type, include_bytes!(concat!("../assets/", $path))),)*
        ];
    };
}

files! {
    "rem.css" => "text/css; charset=utf-8", "rem.css";
    "rem.js" => "text/javascript; charset=utf-8", "rem.js";
    "theme.js" => "text/javascript; charset=utf-8", "theme.js";
    "favicon.svg" => "image/svg+xml", "favicon.svg";
    "htmx.min.js" => "text/javascript; charset=utf-8", "vendor/htmx.org-4.0.1/htmx.min.js";
    "hx-sse.min.js" => "text/javascript; charset=utf-8", "vendor/htmx.org-4.0.1/hx-sse.min.js";
    "uplot.min.js" => "text/javascript; charset=utf-8", "vendor/uplot-1.6.32/uPlot.iife.min.js";
    "uplot.min.css" => "text/css; charset=utf-8", "vendor/uplot-1.6.32/uPlot.min.css";
}

static FAVICON: &[u8] = include_bytes!("../assets/favicon.ico");

static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    let asset = |(name, content_type, plain): &(&'static str, &'static str, &'static [u8])| {
        (*name, Asset::new(content_type, plain))
    };
    FILES.iter().map(asset).collect()
});

/// The address of an asset that is part of dropstar, such as `rem.css`. It holds
/// a hash of the content, so that browsers keep it for ever. `None` if there is
/// no such asset. Templates have it as `asset("rem.css")`.
pub fn asset_url(name: &str) -> Option<String> {
    Some(ASSETS.get(name)?.url(name))
}

/// dropstar's own files, and those that a program adds.
#[derive(Clone, Default)]
pub(crate) struct Assets {
    added: HashMap<String, Arc<Asset>>,
}

impl Assets {
    /// Adds a file, or replaces one of dropstar's own.
    pub(crate) fn add(&mut self, name: String, content_type: &'static str, plain: &'static [u8]) {
        self.added
            .insert(name, Arc::new(Asset::new(content_type, plain)));
    }

    pub(crate) fn url(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.url(name))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Answers a GET below [`MOUNT`], under the hashed name or, to be looked at anew
    /// each time, under the plain one.
    pub(crate) fn answer(&self, name: &str, headers: &HeaderMap) -> Option<Response> {
        let (asset, hashed) = self.find(name)?;
        let etag = format!("\"{}\"", asset.hash);
        let cache = if hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let response = if is_current(headers, &etag) {
            Response::new(StatusCode::NOT_MODIFIED)
        } else {
            match asset.gzipped().filter(|_| accepts_gzip(headers)) {
                Some(gzip) => Response::bytes(asset.content_type, gzip)
                    .with_header(header::CONTENT_ENCODING, "gzip"),
                None => Response::bytes(asset.content_type, Bytes::from_static(asset.plain)),
            }
        };
        Some(
            response
                .with_header(header::ETAG, &etag)
                .with_header(header::VARY, "accept-encoding")
                .with_header(header::CACHE_CONTROL, cache),
        )
    }

    fn get(&self, name: &str) -> Option<&Asset> {
        self.added
            .get(name)
            .map(AsRef::as_ref)
            .or_else(|| ASSETS.get(name))
    }

    fn find(&self, name: &str) -> Option<(&Asset, bool)> {
        if let Some(asset) = self.get(name) {
            return Some((asset, false));
        }
        let (front, extension) = name.rsplit_once('.')?;
        let (stem, hash) = front.rsplit_once('.')?;
        let asset = self.get(&format!("{stem}.{extension}"))?;
        (asset.hash == hash).then_some((asset, true))
    }
}

/// The icon browsers ask for unasked.
pub(crate) fn favicon() -> Response {
    Response::bytes("image/x-icon", Bytes::from_static(FAVICON))
        .with_header(header::CACHE_CONTROL, "public, max-age=86400")
}

impl Asset {
    fn new(content_type: &'static str, plain: &'static [u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, plain);
        Self {
            content_type,
            plain,
            gzip: OnceLock::new(),
            hash: hex(&digest.as_ref()[..6]),
        }
    }

    fn url(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{MOUNT}{stem}.{}.{extension}", self.hash),
            None => format!("{MOUNT}{name}.{}", self.hash),
        }
    }

    /// Compressed when it is first asked for; `None` if that does not make it smaller.
    fn gzipped(&self) -> Option<Bytes> {
        self.gzip
            .get_or_init(|| gzip(self.plain, Compression::best()))
            .clone()
    }
}

/// `None` if the result would not be smaller.
pub(crate) fn gzip(plain: &[u8], how: Compression) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), how);
    encoder.write_all(plain).ok()?;
    let bytes = encoder.finish().ok()?;
    (bytes.len() < plain.len()).then(|| bytes.into())
}

/// Whether the client's copy is the one we have.
pub(crate) fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    let Some(known) = headers.get(header::IF_NONE_MATCH) else {
        return false;
    };
    let Ok(known) = known.to_str() else {
        return false;
    };
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == etag.trim_start_matches("W/"))
}

pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(accepted) = headers.get(header::ACCEPT_ENCODING) else {
        return false;
    };
    let Ok(accepted) = accepted.to_str() else {
        return false;
    };
    accepted.split(',').any(|one| {
        let (coding, parameters) = one.split_once(';').unwrap_or((one, ""));
        let quality = parameters.trim().strip_prefix("q=").map(str::trim);
        let refused = quality.is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        coding.trim() == "gzip" && !refused
    })
}
