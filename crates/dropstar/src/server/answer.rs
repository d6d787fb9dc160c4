use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;

use super::body::OutBody;
use super::finish::{self, Asked};
use super::port::Port;
use super::run::{call, read, run};
use super::sign_in;
use crate::auth::Refusal;
use crate::csrf::{self, Seal};
use crate::encoding::{self, base64, base64_url, random};
use crate::metrics::{Metrics, Open, count};
use crate::request::cookie;
use crate::route::Access;
use crate::site::{Found, Site};
use crate::{Caller, Format, Request, Response, Via, assets};

/// Answers one request, whatever it is and whatever goes wrong.
pub(super) async fn answer(
    port: Arc<Port>,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> hyper::Response<OutBody> {
    let started = Instant::now();
    count(&port.metrics.requests);
    let (parts, body) = request.into_parts();
    let mut asked = Asked::new(&port, &parts, peer);
    let open = Open::below(port.limits.requests, &port.metrics, |m: &Metrics| {
        &m.requests_open
    });
    let response = match &open {
        None => Response::failure(StatusCode::SERVICE_UNAVAILABLE, "too much to do at once")
            .with_header(header::RETRY_AFTER, "1"),
        Some(_) => match routed(&port, &mut asked, parts, body).await {
            Ok(response) | Err(response) => response,
        },
    };
    let answered = finish::finish(&port, &asked, response);
    finish::log(&port, &asked, answered.status(), started.elapsed());
    answered
}

/// An early answer, mostly a refusal.
pub(super) type Early = Response;

async fn routed(
    port: &Arc<Port>,
    asked: &mut Asked,
    mut parts: Parts,
    body: Incoming,
) -> Result<Response, Early> {
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    if target.len() > port.limits.target_bytes {
        return Err(refuse(StatusCode::URI_TOO_LONG, "this address is too long"));
    }
    // HTTP/2 has the host in the address.
    if !parts.headers.contains_key(header::HOST)
        && let Some(authority) = parts.uri.authority()
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, value);
    }
    let authority = text(&parts.headers, header::HOST);
    let Some(site) = port.site(authority).cloned() else {
        let message = "this server is not known by this name";
        return Err(refuse(StatusCode::MISDIRECTED_REQUEST, message));
    };
    asked.site = Some(site.clone());
    let path = encoding::percent_decode(parts.uri.path()).filter(|path| !path.contains('\0'));
    let Some(path) = path else {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "this address cannot be read",
        ));
    };
    let found = site.find(&parts.method, &path);
    if let Found::Page { twin: true, .. } = found {
        asked.format = Format::Json;
    }
    authorise(port, asked, &parts, &found, &site).await?;
    if csrf::changes_state(&parts.method) {
        let own: Vec<&str> = authority.into_iter().collect();
        if !csrf::same_origin(&parts.headers, &own) {
            let message = "this was sent by a page of another site";
            return Err(refuse(StatusCode::FORBIDDEN, message));
        }
    }
    dispatch(port, asked, parts, body, &path, found, &site).await
}

/// Finds out who asks and whether they may.
async fn authorise(
    port: &Arc<Port>,
    asked: &mut Asked,
    parts: &Parts,
    found: &Found<'_>,
    site: &Site,
) -> Result<(), Early> {
    let Some(gate) = &port.gate else {
        asked.caller = Caller::nobody(Some(crate::Role::Admin));
        return Ok(());
    };
    let now = port.clock.now();
    let cookie_name = &port.session_cookie;
    let known = gate
        .caller(&parts.headers, cookie_name, asked.peer.ip(), now)
        .await;
    match known {
        Ok(Some(caller)) => {
            if caller.via() == Via::Session {
                asked.session = gate.session(&parts.headers, cookie_name, now);
            }
            asked.caller = caller;
        }
        Ok(None) => {}
        Err(refusal) => return Err(sign_in::refused(port, asked, parts, refusal, site)),
    }
    match found.access(site) {
        Access::Public => Ok(()),
        Access::AtLeast(role) if asked.caller.may(role) => Ok(()),
        Access::AtLeast(role) if asked.caller.role().is_some() => {
            let message = format!("this needs the role {role}");
            Err(refuse(StatusCode::FORBIDDEN, &message))
        }
        Access::AtLeast(_) => Err(sign_in::needed(asked, parts, site)),
    }
}

async fn dispatch(
    port: &Arc<Port>,
    asked: &mut Asked,
    parts: Parts,
    body: Incoming,
    path: &str,
    found: Found<'_>,
    site: &Arc<Site>,
) -> Result<Response, Early> {
    match found {
        Found::Page { page, rest, twin } => {
            let max = page.route.body_max.unwrap_or(port.limits.body_bytes);
            let body = read(port, body, &parts, max).await?;
            let path = path.strip_suffix(".json").filter(|_| twin).unwrap_or(path);
            let request = request(port, asked, parts, body, path, rest);
            run(port, page, request).await
        }
        Found::Rpc => {
            let body = read(port, body, &parts, port.limits.body_bytes).await?;
            call(port, asked, site, &parts, body).await
        }
        Found::Stream(stream) => {
            let query = form_urlencoded(&parts);
            let topics = query("topics").unwrap_or_default();
            let since = text(
                &parts.headers,
                header::HeaderName::from_static("last-event-id"),
            )
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .or_else(|| query("since"));
            let topics = topics.split(',').map(str::trim);
            Ok(Response::events(
                stream.hub.subscribe(topics, since.as_deref()),
            ))
        }
        Found::Asset(name) => Ok(site
            .templates
            .assets()
            .answer(name, &parts.headers)
            .unwrap_or_else(Response::not_found)),
        Found::Favicon => Ok(assets::favicon()),
        Found::Files(folders) => {
            for (folder, below) in folders {
                match folder.answer(below, path, &parts.headers).await {
                    Ok(Some(_)) if !is_read(&parts.method) => {
                        return Ok(other_methods(&[Method::GET, Method::HEAD]));
                    }
                    Ok(Some(response)) => return Ok(response),
                    Ok(None) => {}
                    Err(error) => {
                        return Err(refuse(
                            StatusCode::INTERNAL_SERVER_ERROR,
                            "something went wrong here",
                        )
                        .with_detail(Some(encoding::chain(&error))));
                    }
                }
            }
            miss(port, asked, parts, body, path, site).await
        }
        Found::Home(home) => Ok(Response::redirect(home)),
        Found::SignIn | Found::SignOut if port.gate.is_none() => {
            miss(port, asked, parts, body, path, site).await
        }
        Found::SignIn | Found::SignOut => {
            let signs_in = matches!(found, Found::SignIn);
            let body = read(port, body, &parts, sign_in::BODY_BYTES_MAX).await?;
            let request = request(port, asked, parts, body, path, path.len());
            if let Some(refusal) = form_refusal(&request) {
                return Err(refusal);
            }
            Ok(if signs_in {
                sign_in::page(port, request).await
            } else {
                sign_in::sign_out(port, asked)
            })
        }
        Found::OtherMethods(allowed) => Ok(if parts.method == Method::OPTIONS {
            Response::new(StatusCode::NO_CONTENT).with_header(header::ALLOW, &list(&allowed))
        } else {
            other_methods(&allowed)
        }),
        Found::Nothing => miss(port, asked, parts, body, path, site).await,
    }
}

/// Nothing hangs under this path: a look-alike, the fallback, or 404.
async fn miss(
    port: &Arc<Port>,
    asked: &mut Asked,
    parts: Parts,
    body: Incoming,
    path: &str,
    site: &Arc<Site>,
) -> Result<Response, Early> {
    if is_read(&parts.method)
        && let Some(other) = site.with_other_slash(path)
    {
        return Ok(Response::redirect(&other).with_status(StatusCode::MOVED_PERMANENTLY));
    }
    let Some(page) = &site.fallback else {
        return Ok(Response::not_found());
    };
    let body = read(port, body, &parts, port.limits.body_bytes).await?;
    let request = request(port, asked, parts, body, path, 0);
    run(port, page, request).await
}

fn request(
    port: &Port,
    asked: &mut Asked,
    parts: Parts,
    body: Bytes,
    path: &str,
    rest: usize,
) -> Request {
    let seal = seal(port, asked, &parts.headers);
    asked.seal = Some(seal.clone());
    Request {
        id: asked.id.clone(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        method: parts.method,
        path: path.to_owned(),
        rest,
        headers: parts.headers,
        body,
        caller: asked.caller.clone(),
        peer: asked.peer,
        tls: port.tls.is_some(),
        port: port.address.port(),
        format: asked.format,
        nonce: asked.nonce.get_or_init(|| base64(&random::<16>())).clone(),
        seal,
        form: OnceLock::new(),
    }
}

fn seal(port: &Port, asked: &Asked, headers: &HeaderMap) -> Seal {
    let key = port.form_key.clone();
    if let Some(session) = &asked.session {
        return Seal::new(key, format!("session:{}", session.id), false);
    }
    match cookie(headers, &port.browser_cookie).filter(|name| name.len() <= 64) {
        Some(known) => Seal::new(key, format!("browser:{known}"), false),
        None => Seal::new(
            key,
            format!("browser:{}", base64_url(&random::<18>())),
            true,
        ),
    }
}

/// A form must carry this browser's token. Programs that send a bearer token,
/// JSON or XML need none: no page of another site can send those.
pub(super) fn form_refusal(request: &Request) -> Option<Early> {
    let exempt = !csrf::changes_state(request.method())
        || request.caller().via() == Via::Token
        || !csrf::is_form(request.headers());
    if exempt {
        return None;
    }
    let token = request.header("x-csrf-token").or(request.arg("_csrf"));
    if token.is_some_and(|token| request.seal.accepts(token)) {
        return None;
    }
    let message = "this form is too old or was not ours; load the page again and repeat";
    Some(refuse(StatusCode::FORBIDDEN, message))
}

pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    Response::failure(status, message)
}

fn other_methods(allowed: &[Method]) -> Response {
    let message = "this address does not take this method";
    refuse(StatusCode::METHOD_NOT_ALLOWED, message).with_header(header::ALLOW, &list(allowed))
}

fn list(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Looks up single parameters of the query.
fn form_urlencoded(parts: &Parts) -> impl Fn(&str) -> Option<String> {
    let form = crate::form::parse(parts.uri.query().unwrap_or(""), "", &Bytes::new());
    move |name| form.args.get(name)?.as_str().map(str::to_owned)
}

/// What a refusal counts as.
pub(super) fn count_refusal(metrics: &Metrics, refusal: Refusal) {
    match refusal {
        Refusal::Wrong => count(&metrics.sign_ins_failed),
        Refusal::TooManyFailures { .. } => count(&metrics.sign_ins_limited),
    }
}
