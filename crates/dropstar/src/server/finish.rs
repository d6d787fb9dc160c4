use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use ring::digest;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::body::OutBody;
use super::port::Port;
use crate::auth::Session;
use crate::csrf::Seal;
use crate::encoding::{base64, escape_html, hex, random};
use crate::metrics::{Metrics, Open, count};
use crate::response::Body;
use crate::{Caller, Cookie, Format, Response, Role, Site, Via, assets};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about a request while it is being answered.
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) format: Format,
    pub(super) peer: SocketAddr,
    pub(super) caller: Caller,
    pub(super) session: Option<Session>,
    pub(super) site: Option<Arc<Site>>,
    pub(super) nonce: OnceLock<String>,
    pub(super) seal: Option<Seal>,
    known_etag: Option<http::HeaderMap>,
    accepts_gzip: bool,
}

/// Smaller bodies fit into the first packet anyway.
const GZIP_BYTES_MIN: usize = 1_400;

impl Asked {
    pub(super) fn new(port: &Port, parts: &Parts, peer: SocketAddr) -> Self {
        let known_etag = parts
            .headers
            .get(header::IF_NONE_MATCH)
            .map(|value| http::HeaderMap::from_iter([(header::IF_NONE_MATCH, value.clone())]));
        Self {
            id: port.next_id(),
            method: parts.method.clone(),
            target: parts.uri.path().to_owned(),
            format: wanted(parts),
            peer,
            caller: Caller::nobody(None),
            session: None,
            site: None,
            nonce: OnceLock::new(),
            seal: None,
            known_etag,
            accepts_gzip: assets::accepts_gzip(&parts.headers),
        }
    }

    fn nonce(&self) -> &str {
        self.nonce.get_or_init(|| base64(&random::<16>()))
    }
}

/// JSON where it is asked for before HTML.
fn wanted(parts: &Parts) -> Format {
    let query = parts.uri.query().unwrap_or("");
    if query.split('&').any(|pair| pair == "format=json") {
        return Format::Json;
    }
    let accept = parts.headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = accept
        .split(',')
        .map(|one| one.split(';').next().unwrap_or("").trim())
        .find(|one| matches!(*one, "application/json" | "text/html"));
    match first {
        Some("application/json") => Format::Json,
        _ => Format::Html,
    }
}

/// Turns our answer into the protocol's.
pub(super) fn finish(
    port: &Port,
    asked: &Asked,
    mut response: Response,
) -> hyper::Response<OutBody> {
    if let Some(detail) = &response.detail {
        tracing::error!(
            id = asked.id, method = %asked.method, path = asked.target, error = detail,
            "request failed"
        );
    }
    let body = std::mem::replace(&mut response.body, Body::Bytes(Bytes::new()));
    let out = match body {
        Body::Bytes(bytes) => OutBody::Whole(Some(bytes)),
        Body::View { template, data } => view(asked, &mut response, &template, &data),
        Body::Failure(message) => failure(asked, &mut response, &message),
        Body::Pieces(pieces) => OutBody::Pieces(pieces),
        Body::File(file, left) => OutBody::File { file, left },
        Body::Events(subscription) => {
            let max = port.limits.streams;
            match Open::below(max, &port.metrics, |m: &Metrics| &m.streams_open) {
                Some(open) => OutBody::Events {
                    subscription,
                    closing: Box::pin(closed(port.closing.clone())),
                    _open: open,
                },
                None => {
                    response = Response::new(StatusCode::SERVICE_UNAVAILABLE)
                        .with_header(header::RETRY_AFTER, "5");
                    failure(asked, &mut response, "too many event streams are open")
                }
            }
        }
    };
    let out = with_etag(asked, &mut response, out);
    let out = compressed(asked, &mut response, out);
    headers(port, asked, &mut response);
    assemble(asked, response, out)
}

/// Programs that look at a page's JSON again and again are told when it is the
/// same. HTML has a fresh nonce in it each time.
fn with_etag(asked: &Asked, response: &mut Response, out: OutBody) -> OutBody {
    let is_twin = asked.format == Format::Json
        && matches!(asked.method, Method::GET | Method::HEAD)
        && response.status == StatusCode::OK
        && !response.headers.contains_key(header::ETAG);
    let OutBody::Whole(Some(bytes)) = &out else {
        return out;
    };
    if !is_twin || bytes.is_empty() {
        return out;
    }
    let digest = digest::digest(&digest::SHA256, bytes);
    let etag = format!("\"{}\"", hex(&digest.as_ref()[..12]));
    let is_current = asked
        .known_etag
        .as_ref()
        .is_some_and(|headers| assets::is_current(headers, &etag));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers.insert(header::ETAG, value);
    }
    if is_current {
        response.status = StatusCode::NOT_MODIFIED;
        return OutBody::Whole(None);
    }
    out
}

/// Text that was made for this answer, compressed quickly rather than well.
fn compressed(asked: &Asked, response: &mut Response, out: OutBody) -> OutBody {
    let headers = &mut response.headers;
    let is_text = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"text/")
            || kind.starts_with(b"application/json")
            || kind.starts_with(b"image/svg+xml")
    });
    let plain = match out {
        OutBody::Whole(Some(bytes)) if is_text && bytes.len() >= GZIP_BYTES_MIN => bytes,
        other => return other,
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return OutBody::Whole(Some(plain));
    }
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let gzip = asked
        .accepts_gzip
        .then(|| assets::gzip(&plain, Compression::fast()));
    match gzip.flatten() {
        Some(gzip) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            OutBody::Whole(Some(gzip))
        }
        None => OutBody::Whole(Some(plain)),
    }
}

fn assemble(asked: &Asked, response: Response, out: OutBody) -> hyper::Response<OutBody> {
    use hyper::body::Body as _;
    let mut answered = hyper::Response::new(out);
    *answered.status_mut() = response.status;
    *answered.headers_mut() = response.headers;
    if asked.method == Method::HEAD {
        // The length a GET would have, without what it counts.
        if let Some(length) = answered.body().size_hint().exact() {
            let headers = answered.headers_mut();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        *answered.body_mut() = OutBody::Whole(None);
    }
    answered
}

async fn closed(mut closing: watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// What every template knows beside its data.
#[derive(Serialize)]
struct PageContext<'a> {
    csrf_token: String,
    csp_nonce: &'a str,
    path: &'a str,
    site: &'a str,
    request_id: &'a str,
    caller: CallerContext<'a>,
}

#[derive(Serialize)]
struct CallerContext<'a> {
    name: &'a str,
    role: Option<Role>,
    signed_in: bool,
    can_sign_out: bool,
    may_operate: bool,
    may_administer: bool,
}

fn view(asked: &Asked, response: &mut Response, template: &str, data: &Value) -> OutBody {
    if asked.format == Format::Json {
        return whole(response, "application/json", twin(data));
    }
    let Some(site) = &asked.site else {
        return failure(asked, response, "nothing to show");
    };
    match render(asked, site, template, data) {
        Ok(html) => whole(response, "text/html; charset=utf-8", html),
        Err(error) => {
            tracing::error!(id = asked.id, %error, "page cannot be shown");
            response.status = StatusCode::INTERNAL_SERVER_ERROR;
            failure(asked, response, "something went wrong here")
        }
    }
}

fn render(
    asked: &Asked,
    site: &Site,
    template: &str,
    data: &Value,
) -> Result<String, crate::TemplateError> {
    let caller = &asked.caller;
    let page = PageContext {
        csrf_token: asked.seal.as_ref().map(Seal::token).unwrap_or_default(),
        csp_nonce: asked.nonce(),
        path: &asked.target,
        site: &site.name,
        request_id: &asked.id,
        caller: CallerContext {
            name: caller.name(),
            role: caller.role(),
            signed_in: caller.via() != Via::Nothing,
            can_sign_out: caller.via() == Via::Session,
            may_operate: caller.may(Role::Operator),
            may_administer: caller.may(Role::Admin),
        },
    };
    site.templates.render_page(template, data, &page)
}

fn twin(data: &Value) -> String {
    data.to_string()
}

/// The error page, or the error object. An internal error says no more than the
/// request's id, under which the log has the rest.
fn failure(asked: &Asked, response: &mut Response, message: &str) -> OutBody {
    let status = response.status;
    let reason = status.canonical_reason().unwrap_or("error");
    if asked.format == Format::Json {
        let body = json!({
            "error": { "status": status.as_u16(), "message": message, "id": asked.id }
        });
        return whole(response, "application/json", body.to_string());
    }
    let data = json!({
        "title": reason, "status": status.as_u16(), "reason": reason, "message": message,
    });
    let rendered =
        asked
            .site
            .as_ref()
            .and_then(|site| match render(asked, site, "failure.html", &data) {
                Ok(html) => Some(html),
                Err(error) => {
                    tracing::error!(id = asked.id, %error, "error page cannot be shown");
                    None
                }
            });
    let html = rendered.unwrap_or_else(|| {
        format!(
            "<!doctype html><title>{reason}</title><h1>{reason}</h1><p>{}</p><p>{}</p>",
            escape_html(message),
            asked.id
        )
    });
    whole(response, "text/html; charset=utf-8", html)
}

fn whole(response: &mut Response, content_type: &'static str, text: String) -> OutBody {
    let content_type = HeaderValue::from_static(content_type);
    response.headers.insert(header::CONTENT_TYPE, content_type);
    OutBody::Whole(Some(text.into()))
}

fn headers(port: &Port, asked: &Asked, response: &mut Response) {
    if let Some(seal) = asked.seal.as_ref().filter(|seal| seal.must_be_kept())
        && let Some(name) = seal.browser.strip_prefix("browser:")
    {
        let cookie = Cookie::new(&port.browser_cookie, name).secure(port.tls.is_some());
        let old = std::mem::replace(response, Response::new(StatusCode::OK));
        *response = old.with_cookie(&cookie);
    }
    let headers = &mut response.headers;
    if let Ok(id) = HeaderValue::from_str(&asked.id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut fixed = |name: HeaderName, value: &'static str| {
        let entry = headers.entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    };
    fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    fixed(header::REFERRER_POLICY, "same-origin");
    fixed(header::X_FRAME_OPTIONS, "DENY");
    fixed(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    fixed(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    fixed(header::CACHE_CONTROL, "private, no-cache");
    if asked.format == Format::Json || is_html(headers) {
        headers.append(header::VARY, HeaderValue::from_static("accept"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy = policy(is_html(headers).then(|| asked.nonce()));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}

fn is_html(headers: &http::HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What the browser may load: nothing from elsewhere, no inline script or style
/// without this answer's nonce, and no `eval`.
fn policy(nonce: Option<&str>) -> String {
    let nonce = nonce.map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
    format!(
        "default-src 'none'; script-src 'self'{nonce}; style-src 'self'{nonce}; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

pub(super) fn log(port: &Port, asked: &Asked, status: StatusCode, took: Duration) {
    if status.is_client_error() {
        count(&port.metrics.client_errors);
    } else if status.is_server_error() {
        count(&port.metrics.server_errors);
    }
    tracing::debug!(
        id = asked.id, method = %asked.method, path = asked.target, status = status.as_u16(),
        caller = asked.caller.name(), peer = %asked.peer, took_us = took.as_micros() as u64,
        "answered"
    );
}
