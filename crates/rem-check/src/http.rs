mod assertion;
mod connection;
mod exchange;
mod json;
mod options;
mod packed;
mod pool;
mod status;
mod url;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, USER_AGENT,
};
use rem_time::{Span, Timestamp};
use rustls::ClientConfig;
use tokio::time::Instant;

use self::assertion::{Assertion, Said};
pub(crate) use self::exchange::words;
use self::exchange::{Answer, Limits, Progress, Way};
pub use self::json::{JsonError, JsonPath, JsonTest};
pub use self::options::{
    HttpAssertion, HttpAuth, HttpError, HttpOptions, HttpVersion, JsonReading,
};
pub use self::pool::HttpPool;
use self::pool::Key;
pub use self::status::{StatusRanges, StatusRangesError};
pub(crate) use self::url::Url;
use crate::check::Finding;
use crate::{Check, Running, Verdict, tls};

/// `http`: one request and what must be true of its answer.
///
/// Readings: `status`; in seconds `dns`, `connect`, `tls` (https only),
/// `first_byte` (from the request to the end of the response's headers) and
/// `duration`, which is all of it; `size`, the bytes of the body as they came;
/// `redirects`; `certificate_days` until the server's certificate ends (https
/// only); and those that were asked for of a JSON body.
/// Where redirects are followed each phase is the sum over all hops, and
/// status, size and certificate are the last one's. A phase that was not
/// reached, or that an open connection made needless, is unknown.
#[derive(Debug)]
pub struct Http {
    options: HttpOptions,
    request: Request,
    assertions: Vec<Assertion>,
    tls: Arc<ClientConfig>,
    pool: Option<HttpPool>,
}

/// What was understood of the options.
#[derive(Clone, Debug)]
struct Request {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

/// What was found, but for its numbers.
type Judgement = (Verdict, String);

impl Http {
    /// A check that is ready to run. Reads the CA file, if there is one. With
    /// [`HttpOptions::fresh`] off it keeps its connections for itself.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        Self::pooled(options, &HttpPool::new())
    }

    /// The same, sharing open connections with other checks; of no effect with
    /// [`HttpOptions::fresh`].
    pub fn pooled(options: HttpOptions, pool: &HttpPool) -> Result<Self, HttpError> {
        let url = Url::parse(&options.url).map_err(|why| HttpError::Url {
            url: options.url.clone(),
            why,
        })?;
        let method = Method::from_bytes(options.method.as_bytes())
            .map_err(|_| HttpError::Method(options.method.clone()))?;
        let contains = options.contains.clone().map(HttpAssertion::BodyContains);
        let assertions = contains.iter().chain(&options.assertions);
        Ok(Self {
            assertions: assertions.map(Assertion::new).collect::<Result<_, _>>()?,
            request: Request {
                url,
                method,
                headers: headers(&options)?,
                body: Bytes::copy_from_slice(&options.body),
            },
            tls: tls::config(&options.verify, options.version.protocols())?,
            pool: (!options.fresh).then(|| pool.clone()),
            options,
        })
    }

    async fn look(&self, now: Timestamp, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut progress = Progress::default();
        let outcome = tokio::time::timeout_at(deadline, self.follow(deadline, &mut progress)).await;
        let failed = |message| ((Verdict::Critical, message), Err(String::new()));
        let ((verdict, message), json) = match outcome {
            Ok(Ok((answer, url))) => {
                self.judge(&answer, &url, progress.certificate_days(now), started)
            }
            Ok(Err(reason)) => failed(reason),
            Err(_) => {
                let within = self.options.deadline;
                failed(format!("{} within {within}", progress.waiting_for()))
            }
        };
        let finished = progress.finished.then(|| started.elapsed());
        let mut readings = progress.readings(now, finished);
        readings.extend(assertion::numbers(&self.options.json_readings, &json));
        Finding::new(verdict, message).with(readings)
    }

    /// Asks, and asks again where the answer is a redirect to be followed.
    async fn follow(
        &self,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(Answer, Url), String> {
        let mut request = self.request.clone();
        let limits = Limits {
            deadline,
            body: self.options.read_max,
        };
        loop {
            progress.next_hop(&request.url);
            let way = self.way(&request.url);
            let answer = exchange::exchange(&request, way, limits, progress).await?;
            let location = answer.location().filter(|_| self.options.redirects > 0);
            let Some(location) = location else {
                progress.finished = true;
                return Ok((answer, request.url));
            };
            if progress.redirects == u32::from(self.options.redirects) {
                let redirects = self.options.redirects;
                return Err(format!(
                    "more than {redirects} redirects, the last from {} to {location}",
                    request.url
                ));
            }
            let next = request.url.join(&location).map_err(|why| {
                format!(
                    "{} redirects to {location:?}, which is no URL: {why}",
                    request.url
                )
            })?;
            if next.origin() != request.url.origin() {
                // Secrets are for whom they were meant.
                request.headers.remove(AUTHORIZATION);
                request.headers.remove(COOKIE);
                request.headers.remove(HOST);
            }
            // As browsers do: 307 and 308 repeat the request, the others ask.
            let repeats = matches!(answer.status, 307 | 308);
            if !repeats && !matches!(request.method, Method::GET | Method::HEAD) {
                request.method = Method::GET;
                request.headers.remove(CONTENT_TYPE);
                request.body.clear();
            }
            request.url = next;
            progress.redirects += 1;
        }
    }

    fn way(&self, url: &Url) -> Way<'_> {
        let is_first = url.origin() == self.request.url.origin();
        let server_name = self.options.server_name.as_ref().filter(|_| is_first);
        Way {
            key: Key {
                is_https: url.is_https(),
                peer: url.peer().clone(),
                server_name: server_name.unwrap_or(&url.peer().host).clone(),
                verify: self.options.verify.clone(),
                version: self.options.version,
            },
            config: &self.tls,
            pool: self.pool.as_ref(),
        }
    }

    /// The verdict, and the body as JSON if anybody wants it.
    fn judge(
        &self,
        answer: &Answer,
        url: &Url,
        certificate_days: Option<f64>,
        started: Instant,
    ) -> (Judgement, Result<serde_json::Value, String>) {
        let said = Said {
            url,
            headers: &answer.headers,
            body: &answer.body,
            is_complete: answer.is_complete,
        };
        let is_json_wanted = !self.options.json_readings.is_empty()
            || self.assertions.iter().any(Assertion::needs_json);
        let json = match is_json_wanted {
            true => said.json(),
            false => Err(String::new()),
        };
        let status = answer.status;
        if !self.options.status.contain(status) {
            let expected = &self.options.status;
            let message = format!("answered {status}, expected {expected}");
            return ((Verdict::Critical, message), json);
        }
        let mut defects: Vec<String> = Vec::new();
        for defect in self
            .assertions
            .iter()
            .filter_map(|a| a.defect(&said, &json))
        {
            // Ten questions to a body that is no JSON have one answer.
            if !defects.contains(&defect) {
                defects.push(defect);
            }
        }
        let limit = self.options.certificate_warn_days;
        let judgement = match certificate_days.filter(|days| tls::is_near(*days, limit)) {
            _ if !defects.is_empty() => {
                let message = format!("answered {status}, but {}", defects.join(", "));
                (Verdict::Critical, message)
            }
            Some(days) => {
                let message = format!("answered {status}, but {}", tls::ends_in(days));
                (Verdict::Warning, message)
            }
            None => {
                let took = started.elapsed().as_secs_f64() * 1000.0;
                (Verdict::Ok, format!("answered {status} in {took:.1}ms"))
            }
        };
        (judgement, json)
    }
}

/// What is sent: the defaults, and the operator's own.
fn headers(options: &HttpOptions) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    let agent = HeaderValue::from_str(&options.user_agent);
    let agent = agent.map_err(|_| HttpError::Header("user-agent".into()))?;
    headers.insert(USER_AGENT, agent);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if options.gzip {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(auth) = &options.auth {
        headers.insert(AUTHORIZATION, authorization(auth)?);
    }
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
    Ok(headers)
}

fn authorization(auth: &HttpAuth) -> Result<HeaderValue, HttpError> {
    let text = match auth {
        HttpAuth::Basic { user, .. } if user.contains(':') => return Err(HttpError::Auth),
        HttpAuth::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        }
        HttpAuth::Bearer(token) => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| HttpError::Auth)?;
    value.set_sensitive(true);
    Ok(value)
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
