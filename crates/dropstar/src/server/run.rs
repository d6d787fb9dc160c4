use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::answer::{Early, form_refusal, refuse, text};
use super::finish::Asked;
use super::port::Port;
use crate::metrics::count;
use crate::site::{Page, Site};
use crate::{Request, Response, csrf, rpc};

/// Runs a page, within its time.
pub(super) async fn run(
    port: &Arc<Port>,
    page: &Page,
    request: Request,
) -> Result<Response, Early> {
    if page.route.csrf
        && let Some(refusal) = form_refusal(&request)
    {
        return Err(refusal);
    }
    let changes = csrf::changes_state(request.method());
    let handler = page.handler.clone();
    let answering = AssertUnwindSafe(async move { handler(request).await }).catch_unwind();
    let answered = if changes {
        // A task of its own: what changes something is not cut off half-way
        // because the client hangs up or the time is over.
        let task = tokio::spawn(answering);
        tokio::time::timeout(port.limits.answer_time, task)
            .await
            .map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
    } else {
        tokio::time::timeout(port.limits.answer_time, answering).await
    };
    match answered {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => {
            let message = "the answer took too long";
            Err(refuse(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

/// Runs what an RPC caller sent, in the protocol its content type names.
pub(super) async fn call(
    port: &Arc<Port>,
    asked: &Asked,
    site: &Arc<Site>,
    parts: &Parts,
    body: Bytes,
) -> Result<Response, Early> {
    count(&port.metrics.rpc_calls);
    let kind = text(&parts.headers, header::CONTENT_TYPE).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    let (site, caller) = (site.clone(), asked.caller.clone());
    let limit = port.limits.answer_time;
    // Tasks of their own, as for pages that change something.
    let answered = match kind.to_ascii_lowercase().as_str() {
        "application/json" => {
            let calling = async move { rpc::answer_json(&site.rpc, &body, &caller).await };
            tokio::time::timeout(limit, tokio::spawn(calling))
                .await
                .map(|joined| joined.map(|bytes| bytes.map(|b| ("application/json", b))))
        }
        "text/xml" | "application/xml" => {
            let calling = async move { rpc::answer_xml(&site.rpc, &body, &caller).await };
            tokio::time::timeout(limit, tokio::spawn(calling))
                .await
                .map(|joined| joined.map(|bytes| Some(("text/xml; charset=utf-8", bytes))))
        }
        _ => {
            let message = "send application/json or text/xml";
            return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
    };
    match answered {
        Ok(Ok(Some((kind, bytes)))) => Ok(Response::bytes(kind, bytes)),
        Ok(Ok(None)) => Ok(Response::new(StatusCode::NO_CONTENT)),
        Ok(Err(error)) => Err(refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong here",
        )
        .with_detail(Some(error.to_string()))),
        Err(_) => {
            let message = "the answer took too long";
            Err(refuse(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

/// The whole body, unless it is too long or takes too long.
pub(super) async fn read(
    port: &Port,
    body: Incoming,
    parts: &Parts,
    max: usize,
) -> Result<Bytes, Early> {
    use hyper::body::Body as _;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_long = || {
        let message = format!("at most {max} bytes can be sent here");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &message).with_header(header::CONNECTION, "close")
    };
    let announced = text(&parts.headers, header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_long());
    }
    let reading = Limited::new(body, max).collect();
    match tokio::time::timeout(port.limits.body_time, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(refuse(StatusCode::BAD_REQUEST, "the body ended too early")),
        Err(_) => Err(
            refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long")
                .with_header(header::CONNECTION, "close"),
        ),
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        "something went wrong here",
    )
    .with_detail(Some(format!("panicked: {message}")))
}
