use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::json;

use super::answer::{count_refusal, refuse};
use super::finish::Asked;
use super::port::Port;
use crate::auth::Refusal;
use crate::site::SIGN_IN;
use crate::{Cookie, Request, Response, Site, Via};

/// Bytes of a sign-in form; more gets 413.
pub(super) const BODY_BYTES_MAX: usize = 16 << 10;

/// Sends a person to the sign-in page, and tells a program how to sign in.
pub(super) fn needed(asked: &Asked, parts: &Parts, site: &Site) -> Response {
    if is_person(parts) {
        let target = parts.uri.path_and_query().map_or("/", |t| t.as_str());
        let next =
            percent_encoding::utf8_percent_encode(target, percent_encoding::NON_ALPHANUMERIC);
        return Response::redirect(&format!("{SIGN_IN}?next={next}"));
    }
    tracing::debug!(id = asked.id, "sign-in needed");
    let response = refuse(StatusCode::UNAUTHORIZED, "sign in first");
    // A page's script must not make the browser ask for a password.
    let from_script = parts
        .headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode != "navigate");
    let realm: String = site
        .name
        .chars()
        .filter(|c| !c.is_control() && *c != '"' && *c != '\\' && c.is_ascii())
        .collect();
    let challenge = if from_script {
        format!("Bearer realm=\"{realm}\"")
    } else {
        format!("Basic realm=\"{realm}\", charset=\"UTF-8\", Bearer realm=\"{realm}\"")
    };
    response.with_header(header::WWW_AUTHENTICATE, &challenge)
}

/// Answers wrong credentials.
pub(super) fn refused(
    port: &Port,
    asked: &Asked,
    parts: &Parts,
    refusal: Refusal,
    site: &Site,
) -> Response {
    count_refusal(&port.metrics, refusal);
    match refusal {
        Refusal::Wrong => {
            tracing::info!(id = asked.id, peer = %asked.peer, "sign-in refused");
            let needed = needed(asked, parts, site);
            if needed.status() == StatusCode::UNAUTHORIZED {
                return needed;
            }
            refuse(StatusCode::UNAUTHORIZED, "wrong name, password or token")
        }
        Refusal::TooManyFailures { retry_in } => {
            let seconds = retry_in.as_seconds() + 1;
            refuse(StatusCode::TOO_MANY_REQUESTS, "too many wrong sign-ins")
                .with_header(header::RETRY_AFTER, &seconds.to_string())
        }
    }
}

/// The sign-in page and what its form sends.
pub(super) async fn page(port: &Arc<Port>, request: Request) -> Response {
    let next = local(request.arg("next").unwrap_or("/"));
    let Some(gate) = &port.gate else {
        return Response::not_found();
    };
    if request.method() != Method::POST {
        return form(next, None);
    }
    let user = request.arg("user").unwrap_or("");
    let password = request.arg("password").unwrap_or("");
    let (peer, now) = (request.peer().ip(), port.clock.now());
    match gate.sign_in(user, password, peer, now).await {
        Ok(value) => {
            tracing::info!(id = request.id(), user, "signed in");
            let cookie = Cookie::new(&port.session_cookie, value)
                .seconds(gate.session_seconds())
                .secure(port.tls.is_some());
            Response::redirect(next).with_cookie(&cookie)
        }
        Err(refusal) => {
            count_refusal(&port.metrics, refusal);
            tracing::info!(id = request.id(), %peer, ?refusal, "sign-in refused");
            let (status, message) = match refusal {
                Refusal::Wrong => (StatusCode::UNAUTHORIZED, "Wrong name or password."),
                Refusal::TooManyFailures { .. } => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many wrong sign-ins. Wait a minute and try again.",
                ),
            };
            let response = form(next, Some(message)).with_status(status);
            match refusal {
                Refusal::Wrong => response,
                Refusal::TooManyFailures { retry_in } => {
                    let seconds = (retry_in.as_seconds() + 1).to_string();
                    response.with_header(header::RETRY_AFTER, &seconds)
                }
            }
        }
    }
}

pub(super) fn sign_out(port: &Port, asked: &Asked) -> Response {
    if let (Some(gate), Some(session)) = (&port.gate, &asked.session) {
        debug_assert_eq!(asked.caller.via(), Via::Session);
        gate.sign_out(session);
    }
    let cookie = Cookie::new(&port.session_cookie, "")
        .seconds(0)
        .secure(port.tls.is_some());
    Response::redirect(SIGN_IN).with_cookie(&cookie)
}

fn form(next: &str, problem: Option<&str>) -> Response {
    Response::view(
        "sign_in.html",
        json!({ "title": "Sign in", "next": next, "problem": problem }),
    )
}

/// A path of this site; anything that a browser could take for another is `/`.
fn local(next: &str) -> &str {
    let fine = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n', '\t'])
        && !next.starts_with(SIGN_IN);
    if fine { next } else { "/" }
}

/// A browser that wants to show a page, and did not try to sign in by itself.
fn is_person(parts: &Parts) -> bool {
    let accepts_html = parts
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    reads && accepts_html && !parts.headers.contains_key(header::AUTHORIZATION)
}
