mod body;
mod connection;
mod names;
mod series;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, USER_AGENT,
};
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use self::body::Body;
use self::connection::{Came, Connection, Failure, Source};
pub use self::names::NameGlobError;
use self::names::Names;
use self::series::{Known, Scrape, Series};
use crate::check::Finding;
use crate::exposition::Format;
use crate::{Check, HttpError, Reading, Running, TrustError, Unit, Verdict, Verify};

/// What [`Exporter`] asks for, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExporterOptions {
    /// Such as `http://web-01:9100/metrics`.
    pub url: String,
    /// Sent as they are, beside those of a scrape.
    pub headers: Vec<(String, String)>,
    /// Whose certificates are trusted.
    pub verify: Verify,
    /// How long all of it may take; 10 s unless told. The exporter is told.
    pub deadline: Span,
    /// The names of samples to take, with `*` and `?`; empty is all of them.
    pub only: Vec<String>,
    /// The names of samples not to take, with `*` and `?`.
    pub without: Vec<String>,
    /// What to take of histograms.
    pub histograms: Histograms,
    /// How long the body may be, unpacked; 64 MiB unless told.
    pub body_bytes_max: u64,
    /// How many samples there may be, also of those that are not taken;
    /// 500,000 unless told.
    pub samples_max: usize,
    /// How many series may be taken; 20,000 unless told.
    pub series_max: usize,
}

impl ExporterOptions {
    /// Everything at this URL, within the usual limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            verify: Verify::Public,
            deadline: Span::from_seconds(10),
            only: Vec::new(),
            without: Vec::new(),
            histograms: Histograms::Sums,
            body_bytes_max: 64 * 1024 * 1024,
            samples_max: 500_000,
            series_max: 20_000,
        }
    }
}

/// What to take of histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// `_sum` and `_count`, which make the mean.
    #[default]
    Sums,
    /// Those, and every `_bucket`.
    Buckets,
}

/// Options that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    /// The URL or a header.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The certificates to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A pattern of names.
    #[error(transparent)]
    Name(#[from] NameGlobError),
}

/// `exporter`: scrapes a Prometheus exporter, as text 0.0.4 or OpenMetrics 1.0.
///
/// Every sample is a reading: its name is the field, its labels in the order
/// of their names are the group (`device=sda,mode=read`). Counters are
/// [`Kind::Counter`](crate::Kind::Counter), as are sums, counts and buckets of
/// histograms; the unit comes from the name (`_seconds`, `_bytes`) or from
/// OpenMetrics. Infinite and not-a-number are unknown, `_created` is left out,
/// and the exporter's own times are not used.
///
/// Three readings are added: `up` (1 or 0), `scrape_duration_seconds` and
/// `scrape_samples_scraped`. A series that was there the last time and is gone
/// is unknown once; while a scrape fails all of them are unknown.
///
/// A body that is malformed, too long, too slow or has too many samples makes
/// the check critical, with no readings but these: a part of a scrape is never
/// taken for the whole. Of a series that comes twice the first counts.
///
/// One connection is kept open between the runs. Redirects are not followed.
#[derive(Debug)]
pub struct Exporter {
    options: ExporterOptions,
    source: Source,
    names: Names,
    headers: HeaderMap,
    /// The connection of the last run, unless one is under way on it.
    kept: Mutex<Option<Connection>>,
    known: Mutex<Known>,
}

/// OpenMetrics first: it says where it ends.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;q=0.8,\
                        text/plain;version=0.0.4;q=0.6,*/*;q=0.1";

impl Exporter {
    /// A check that is ready to run. Reads the CA file, if there is one.
    pub fn new(options: ExporterOptions) -> Result<Self, ExporterError> {
        let timeout = options.deadline.as_secs_f64();
        let mut headers = HeaderMap::new();
        let agent = concat!("rem-check/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if let Ok(timeout) = HeaderValue::from_str(&timeout.to_string()) {
            let name = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
            headers.insert(name, timeout);
        }
        let mut named = HeaderMap::new();
        for (name, value) in &options.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            let (header, value) = header.ok_or_else(|| HttpError::Header(name.clone()))?;
            headers.remove(&header);
            named.append(header, value);
        }
        Ok(Self {
            source: Source::new(&options.url, named, &options.verify)?,
            names: Names::new(&options.only, &options.without)?,
            headers,
            kept: Mutex::new(None),
            known: Mutex::default(),
            options,
        })
    }

    async fn look(&self, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut progress = Progress::default();
        let outcome = tokio::time::timeout_at(deadline, self.scrape(deadline, &mut progress)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let (doing, url) = (progress.doing, self.source.url());
            Err(format!("{doing} {url} within {}", self.options.deadline))
        });
        let took = started.elapsed();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (verdict, message, count, mut readings) = match outcome {
            Ok(scrape) => {
                let (samples, twice) = (scrape.samples, scrape.twice);
                let readings = known.replace(scrape);
                let mut message = match readings.len() == samples {
                    true => format!("{samples} samples in {}", milliseconds(took)),
                    false => {
                        let taken = readings.len();
                        let took = milliseconds(took);
                        format!("{taken} series of {samples} samples in {took}")
                    }
                };
                if twice > 0 {
                    message.push_str(&format!(", {twice} of them for the second time"));
                }
                (Verdict::Ok, message, Some(samples), readings)
            }
            Err(why) => (Verdict::Critical, why, None, known.lost()),
        };
        drop(known);
        let up = f64::from(u8::from(verdict == Verdict::Ok));
        let count = count.map(|count| count as f64);
        let seconds = took.as_secs_f64();
        // An exporter's own series of these names would hide what we say.
        readings.retain(|reading| reading.group.is_some() || !OURS.contains(&&*reading.field));
        let mut all = vec![
            Reading::gauge(OURS[0], up, Unit::One),
            Reading::gauge(OURS[1], seconds, Unit::Seconds),
            Reading::gauge(OURS[2], count, Unit::One),
        ];
        all.append(&mut readings);
        Finding::new(verdict, message).with(all)
    }

    async fn scrape(&self, deadline: Instant, progress: &mut Progress) -> Result<Scrape, String> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut connection) = kept
            && connection.is_open().await
        {
            match self.ask(&mut connection, progress).await {
                Ok(scrape) => {
                    self.keep(connection);
                    return Ok(scrape);
                }
                // The server closed it while nobody looked.
                Err(Failure::Closed(_)) if !progress.has_head => {}
                Err(failure) => return Err(failure.into_words()),
            }
        }
        progress.doing = "no connection to";
        let connection = self.source.connect(deadline).await;
        let mut connection = connection.map_err(Failure::into_words)?;
        let scrape = self.ask(&mut connection, progress).await;
        let scrape = scrape.map_err(Failure::into_words)?;
        self.keep(connection);
        Ok(scrape)
    }

    fn keep(&self, connection: Connection) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    async fn ask(
        &self,
        connection: &mut Connection,
        progress: &mut Progress,
    ) -> Result<Scrape, Failure> {
        progress.doing = "no answer from";
        let series = Series::new(&self.options, &self.names);
        let mut body = Body::new(series, self.options.body_bytes_max);
        let url = self.source.url();
        let take = |came: Came<'_>| match came {
            Came::Piece(piece) => body.take(piece).map_err(|why| format!("{url}: {why}")),
            Came::Head(answer) => {
                progress.has_head = true;
                progress.doing = "no end of the body from";
                let status = answer.status().as_u16();
                let text = |name| {
                    let value = answer.headers().get(name);
                    value.map_or("", |value: &HeaderValue| value.to_str().unwrap_or_default())
                };
                match (status, text(LOCATION)) {
                    (200, _) => {
                        let format = Format::of_content_type(text(CONTENT_TYPE));
                        body.begin(format, text(CONTENT_TYPE), text(CONTENT_ENCODING))
                    }
                    (_, "") => Err(format!("{url} answered {status}, expected 200")),
                    (_, to) => Err(format!(
                        "{url} answered {status}, expected 200; it points to {to}"
                    )),
                }
            }
        };
        connection.ask(&self.source, &self.headers, take).await?;
        let scrape = body.finish();
        scrape.map_err(|why| Failure::Other(format!("{url}: {why}")))
    }
}

const OURS: [&str; 3] = ["up", "scrape_duration_seconds", "scrape_samples_scraped"];

impl Check for Exporter {
    fn name(&self) -> &str {
        "exporter"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(started).await.stamp(now, started)
        })
    }
}

/// How far it came.
#[derive(Debug)]
struct Progress {
    doing: &'static str,
    has_head: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            doing: "no answer from",
            has_head: false,
        }
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}ms", time.as_secs_f64() * 1000.0)
}
