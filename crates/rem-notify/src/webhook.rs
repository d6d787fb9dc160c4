//! POSTs over connections that are kept.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ring::hmac;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use self::connect::Connector;
use crate::{Outgoing, SendError, Sent, Trust, Webhook, body, wire};

mod connect;
#[cfg(test)]
mod tests;

/// How much of an answer is kept for the timeline.
const ANSWER_KEPT_MAX: usize = 500;
/// How much of it is looked at for secrets, before the rest is cut off: a
/// secret cut in two would not be found.
const ANSWER_LOOKED_AT_MAX: usize = 4096;
/// A longer answer is not read to its end; its connection is not kept.
const ANSWER_READ_MAX: usize = 64 * 1024;
/// Asked for a longer wait, we come back earlier.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// A connection unused for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Sends webhooks.
pub(crate) struct Webhooks {
    client: Client<Connector, Full<Bytes>>,
    connections_max: usize,
    /// One gate for each receiver: scheme, host and port.
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Webhooks {
    pub(crate) fn new(trust: &Trust, connections_max: usize) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(connections_max)
            .pool_timer(TokioTimer::new())
            .http1_max_headers(100)
            .build(Connector::new(trust));
        Self {
            client,
            connections_max,
            gates: Mutex::default(),
        }
    }

    pub(crate) async fn send(
        &self,
        message: &Outgoing,
        webhook: &Webhook,
        deadline: Duration,
    ) -> Result<Sent, SendError> {
        let until = Instant::now() + deadline;
        let result = self.post(message, webhook, deadline, until).await;
        result.map_err(|error| SendError {
            text: webhook.without_secrets(&error.text),
            ..error
        })
    }

    async fn post(
        &self,
        message: &Outgoing,
        webhook: &Webhook,
        deadline: Duration,
        until: Instant,
    ) -> Result<Sent, SendError> {
        let request = request(message, webhook)?;
        let Ok(_permit) = timeout_at(until, self.enter(webhook)).await else {
            let text = format!("all {} connections were busy", self.connections_max);
            return Err(SendError::temporary(text));
        };
        let silent = || SendError::temporary(format!("no answer within {deadline:.1?}"));
        let response = match timeout_at(until, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(SendError::temporary(wire::cut(&chain(&error), 300))),
            Err(_) => return Err(silent()),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        // The status has decided; what else is said may be missing.
        let answer = timeout_at(until, read(response)).await.unwrap_or_default();
        let answer = webhook.without_secrets(&String::from_utf8_lossy(&answer));
        judge(status, &headers, &answer)
    }

    /// Waits until the receiver has a connection free for one more.
    async fn enter(&self, webhook: &Webhook) -> Option<OwnedSemaphorePermit> {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            let origin = webhook.origin();
            match gates.get(&origin) {
                Some(gate) => Arc::clone(gate),
                None => {
                    // Gates nobody stands at are those of contacts long gone.
                    gates.retain(|_, gate| Arc::strong_count(gate) > 1);
                    let gate = Arc::new(Semaphore::new(self.connections_max));
                    gates.insert(origin, Arc::clone(&gate));
                    gate
                }
            }
        };
        gate.acquire_owned().await.ok()
    }
}

fn request(message: &Outgoing, webhook: &Webhook) -> Result<Request<Full<Bytes>>, SendError> {
    let broken = |what: &str| SendError::permanent(format!("no request can be made: {what}"));
    let made = body::make(message, &webhook.body).map_err(|error| broken(&error))?;
    let mut request = Request::new(Full::new(made.bytes.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = webhook.uri.clone();
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("rem-notify"));
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| broken("a header"));
    headers.insert(CONTENT_TYPE, value(&made.content_type)?);
    headers.insert("idempotency-key", value(&wire::id(&message.id))?);
    headers.insert(
        "x-rem-kind",
        HeaderValue::from_static(message.kind.as_str()),
    );
    for (name, text) in &made.headers {
        headers.insert(*name, value(text)?);
    }
    if let Some(key) = &webhook.hmac_key {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.reveal().as_bytes());
        let tag = wire::hex(hmac::sign(&key, &made.bytes).as_ref());
        headers.insert("x-rem-signature", value(&format!("sha256={tag}"))?);
    }
    for (name, secret) in &webhook.headers {
        let mut value = value(secret.reveal())?;
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
    Ok(request)
}

/// The beginning of an answer; all of it is read, so that the connection can
/// be kept, unless it is very long.
async fn read(response: Response<Incoming>) -> Bytes {
    let mut body = response.into_body();
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else {
            continue;
        };
        seen += data.len();
        let room = ANSWER_LOOKED_AT_MAX - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if seen > ANSWER_READ_MAX {
            break;
        }
    }
    kept.freeze()
}

fn judge(status: StatusCode, headers: &HeaderMap, answer: &str) -> Result<Sent, SendError> {
    let answer = wire::one_line(answer, ANSWER_KEPT_MAX);
    let text = match answer.is_empty() {
        true => status.to_string(),
        false => format!("{status}: {answer}"),
    };
    if status.is_success() {
        return Ok(Sent {
            provider_id: provider_id(headers, &answer),
            detail: text,
        });
    }
    let retry = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
        || status == StatusCode::TOO_EARLY;
    if retry {
        return Err(SendError {
            retry_after: retry_after(headers),
            ..SendError::temporary(text)
        });
    }
    if status.is_redirection() {
        return Err(SendError::permanent(format!(
            "redirects are not followed: {text}"
        )));
    }
    Err(SendError::permanent(text))
}

/// `Retry-After` in seconds, or until a date, reckoned from the answer's own
/// `Date`: whose clock is right does not matter.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = httpdate(text)?;
            let now = httpdate(headers.get("date")?.to_str().ok()?)?;
            Duration::from_secs(u64::try_from(then.saturating_sub(now)).unwrap_or(0))
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// Seconds since 1970 of `Sat, 21 Nov 2026 10:47:04 GMT`.
fn httpdate(text: &str) -> Option<i64> {
    mailparse::dateparse(text).ok()
}

fn provider_id(headers: &HeaderMap, answer: &str) -> Option<String> {
    let header = |name| headers.get(name)?.to_str().ok();
    let id = header("x-message-id").or_else(|| header("x-request-id"));
    if let Some(id) = id {
        return Some(wire::cut(id, 100));
    }
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    Some(wire::cut(answer.get("id")?.as_str()?, 100))
}

/// An error with its sources on one line.
fn chain(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        let one = error.to_string();
        if !text.contains(&one) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&one);
        }
        source = error.source();
    }
    match text.is_empty() {
        true => error.to_string(),
        false => text,
    }
}
