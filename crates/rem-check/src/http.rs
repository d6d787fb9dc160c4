mod certificate;
mod exchange;
mod options;
mod status;
mod tls;
mod url;

use std::sync::Arc;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use rem_time::{Span, Timestamp};
use rustls::ClientConfig;
use tokio::time::Instant;

use self::exchange::{Answer, Progress};
pub use self::options::{HttpError, HttpOptions, Verify};
pub use self::status::{StatusRanges, StatusRangesError};
use self::url::Url;
use crate::check::Finding;
use crate::local::bytes;
use crate::{Check, Reading, Running, Unit, Verdict};

/// `http`: one request over a connection of its own, so that every run
/// measures the whole path.
///
/// Readings: `status`; in seconds `dns`, `connect`, `tls` (https only),
/// `first_byte` (from the request to the end of the response's headers) and
/// `duration`, which is all of it; `size`, the bytes of the body; `redirects`;
/// `certificate_days` until the server's certificate ends (https only).
/// Where redirects are followed each phase is the sum over all hops, and
/// status, size and certificate are the last one's. A phase that was not
/// reached is unknown.
#[derive(Debug)]
pub struct Http {
    options: HttpOptions,
    request: Request,
    tls: Arc<ClientConfig>,
}

/// What was understood of the options.
#[derive(Clone, Debug)]
struct Request {
    url: Url,
    method: Method,
    headers: HeaderMap,
}

impl Http {
    /// A check that is ready to run. Reads the CA file, if there is one.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        let url = Url::parse(&options.url).map_err(|why| HttpError::Url {
            url: options.url.clone(),
            why,
        })?;
        let method = Method::from_bytes(options.method.as_bytes())
            .map_err(|_| HttpError::Method(options.method.clone()))?;
        let mut headers = HeaderMap::new();
        let agent = HeaderValue::from_str(&options.user_agent);
        let agent = agent.map_err(|_| HttpError::Header("user-agent".into()))?;
        headers.insert(hyper::header::USER_AGENT, agent);
        headers.insert(hyper::header::ACCEPT, HeaderValue::from_static("*/*"));
        let mut named = HeaderMap::new();
        for (name, value) in &options.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            let (header, value) = header.ok_or_else(|| HttpError::Header(name.clone()))?;
            named.append(header, value);
        }
        // Later insertions of one name replace the defaults and add up among themselves.
        for name in named.keys() {
            headers.remove(name);
        }
        headers.extend(named);
        if options.contains.as_ref().is_some_and(Vec::is_empty) {
            return Err(HttpError::EmptyContains);
        }
        let tls = tls::config(&options.verify)?;
        let request = Request {
            url,
            method,
            headers,
        };
        Ok(Self {
            options,
            request,
            tls,
        })
    }

    async fn look(&self, now: Timestamp, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut progress = Progress::default();
        let outcome = tokio::time::timeout_at(deadline, self.follow(deadline, &mut progress)).await;
        let (verdict, message) = match outcome {
            Ok(Ok(answer)) => self.judge(&answer, started),
            Ok(Err(reason)) => (Verdict::Critical, reason),
            Err(_) => {
                let within = self.options.deadline;
                let message = format!("{} within {within}", progress.waiting_for());
                (Verdict::Critical, message)
            }
        };
        let finished = progress.finished.then(|| started.elapsed());
        let readings = progress.readings(now, finished);
        Finding::new(verdict, message).with(readings)
    }

    /// Asks, and asks again where the answer is a redirect to be followed.
    async fn follow(&self, deadline: Instant, progress: &mut Progress) -> Result<Answer, String> {
        let mut request = self.request.clone();
        let mut body = self.options.body.clone();
        loop {
            progress.next_hop(&request.url);
            let answer =
                exchange::exchange(&request, &body, &self.tls, self.limits(deadline), progress)
                    .await?;
            let Some(location) = answer
                .location
                .as_deref()
                .filter(|_| self.options.redirects > 0)
            else {
                progress.finished = true;
                return Ok(answer);
            };
            if progress.redirects == u32::from(self.options.redirects) {
                let redirects = self.options.redirects;
                return Err(format!(
                    "more than {redirects} redirects, the last from {} to {location}",
                    request.url
                ));
            }
            let next = request.url.join(location).map_err(|why| {
                format!(
                    "{} redirects to {location:?}, which is no URL: {why}",
                    request.url
                )
            })?;
            if next.origin() != request.url.origin() {
                // Secrets are for whom they were meant.
                request.headers.remove(hyper::header::AUTHORIZATION);
                request.headers.remove(hyper::header::COOKIE);
                request.headers.remove(hyper::header::HOST);
            }
            // As browsers do: 307 and 308 repeat the request, the others ask.
            let repeats = matches!(answer.status, 307 | 308);
            if !repeats && !matches!(request.method, Method::GET | Method::HEAD) {
                request.method = Method::GET;
                request.headers.remove(hyper::header::CONTENT_TYPE);
                body.clear();
            }
            request.url = next;
            progress.redirects += 1;
        }
    }

    fn limits(&self, deadline: Instant) -> exchange::Limits {
        exchange::Limits {
            deadline,
            body: self.options.read_max,
        }
    }

    fn judge(&self, answer: &Answer, started: Instant) -> (Verdict, String) {
        let status = answer.status;
        if !self.options.status.contain(status) {
            let expected = &self.options.status;
            let message = format!("answered {status}, expected {expected}");
            return (Verdict::Critical, message);
        }
        if let Some(wanted) = &self.options.contains
            && !answer.body.windows(wanted.len()).any(|part| part == wanted)
        {
            let wanted = String::from_utf8_lossy(wanted);
            let place = match answer.is_complete {
                true => "body".to_owned(),
                false => format!("first {} of the body", bytes(self.options.read_max as u64)),
            };
            let message = format!("answered {status}, but the {place} does not contain {wanted:?}");
            return (Verdict::Critical, message);
        }
        let took = started.elapsed().as_secs_f64() * 1000.0;
        (Verdict::Ok, format!("answered {status} in {took:.1}ms"))
    }
}

impl Check for Http {
    fn name(&self) -> &str {
        "http"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(now, started).await.stamp(now, started)
        })
    }
}

fn seconds(field: &str, time: Option<std::time::Duration>) -> Reading {
    Reading::gauge(field, time.map(|time| time.as_secs_f64()), Unit::Seconds)
}
