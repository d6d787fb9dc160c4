//! Alerts that other programs post, in the words of Alertmanager: Prometheus itself,
//! and an Alertmanager's webhook.

mod alert;
mod expiry;
mod shared;

use std::sync::Arc;

use dropstar::{Request, Response, StatusCode};
use rem_desk::{DeskError, Report};
use rem_monitor::Running;
use rem_time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;

pub(crate) use expiry::Expiry;

use alert::{Alert, Heard, Webhook};

/// Bytes of one POST.
pub(crate) const BODY_MAX: usize = 8 << 20;
/// Alerts of one POST.
const ALERTS_MAX: usize = 20_000;

/// `POST /api/v2/alerts`: an array of alerts, each of which fires until its `endsAt`,
/// or five minutes if it has none. Answered when they are durable.
pub(crate) async fn alerts(running: Running, expiry: Arc<Expiry>, request: Request) -> Response {
    let now = running.engine.clock().now();
    let heard = parsed::<Vec<Alert>>(&request).and_then(|alerts| heard(alerts, now, Alert::heard));
    take(&running, &expiry, heard, now).await
}

/// `POST /api/v2/webhook`: the body that Alertmanager sends to a webhook, version 4.
pub(crate) async fn webhook(running: Running, expiry: Arc<Expiry>, request: Request) -> Response {
    let now = running.engine.clock().now();
    let heard = parsed::<Webhook>(&request).and_then(|webhook| {
        heard(webhook.alerts, now, |alert, now| {
            alert.heard_by_webhook(now)
        })
    });
    take(&running, &expiry, heard, now).await
}

/// A mistake in what was sent, for its sender.
#[derive(Debug)]
struct Mistake(StatusCode, String);

fn parsed<T: DeserializeOwned>(request: &Request) -> Result<T, Mistake> {
    serde_json::from_slice(request.body()).map_err(|error| {
        let what = format!("the body is not what is taken here: {error}");
        Mistake(StatusCode::BAD_REQUEST, what)
    })
}

fn heard(
    alerts: Vec<Alert>,
    now: Timestamp,
    hear: impl Fn(Alert, Timestamp) -> Result<Heard, String>,
) -> Result<Vec<Heard>, Mistake> {
    if ALERTS_MAX < alerts.len() {
        let what = format!("at most {ALERTS_MAX} alerts at once, not {}", alerts.len());
        return Err(Mistake(StatusCode::PAYLOAD_TOO_LARGE, what));
    }
    let one = |(place, alert)| {
        let wrong = |why| Mistake(StatusCode::BAD_REQUEST, format!("alert {place}: {why}"));
        hear(alert, now).map_err(wrong)
    };
    alerts.into_iter().enumerate().map(one).collect()
}

/// Nothing of a body with a mistake is taken.
async fn take(
    running: &Running,
    expiry: &Expiry,
    heard: Result<Vec<Heard>, Mistake>,
    now: Timestamp,
) -> Response {
    let mut heard = match heard {
        Ok(heard) => heard,
        Err(Mistake(status, what)) => return refused(status, &what),
    };
    shared::share(&mut heard);
    if let Err(full) = expiry.expect(&heard, now) {
        return refused(StatusCode::SERVICE_UNAVAILABLE, &full);
    }
    let number = heard.len();
    let reports: Vec<Report> = heard.into_iter().map(|heard| heard.report).collect();
    match running.desk.report(reports).await {
        Ok(()) => Response::json(&json!({ "status": "success", "accepted": number })),
        Err(error @ (DeskError::NotDurable(_) | DeskError::Closed)) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
        Err(error) => {
            tracing::error!(error = %rem_monitor::chain(&error), "posted alerts not taken");
            refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "something went wrong here",
            )
        }
    }
}

fn refused(status: StatusCode, what: &str) -> Response {
    Response::json(&json!({ "status": "error", "error": what })).with_status(status)
}
