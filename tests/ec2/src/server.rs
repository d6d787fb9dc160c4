//! HTTP around the world, and the faults.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::fault::Fault;
use crate::handle::{Inner, KEY, Seen};
use crate::params::Params;
use crate::world::{Refusal, is_balancing};

type Body = BoxBody<Bytes, io::Error>;

pub(crate) async fn serve(listener: TcpListener, inner: Arc<Mutex<Inner>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let inner = inner.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, inner.clone()));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks is what some tests want.
            let _ = connection.await;
        });
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "as the test wants it")
}

async fn answer(
    request: Request<Incoming>,
    inner: Arc<Mutex<Inner>>,
) -> Result<Response<Body>, io::Error> {
    let key = key_of(&request);
    let body = request.into_body().collect().await.map_err(|_| closed())?;
    let params = Params::read(&body.to_bytes());
    let action = params.get("Action").unwrap_or("").to_owned();
    let (fault, answered) = {
        let mut inner = inner.lock();
        inner.seen.push(Seen {
            at: Instant::now(),
            action: action.clone(),
            params: params.clone(),
        });
        let fault = inner.faults.next(&action);
        let done = fault.as_ref().is_none_or(Fault::is_done);
        let answered = match (key.as_deref(), done) {
            (Some(KEY), true) => inner.world.answer(&action, &params),
            (Some(KEY), false) => Ok(String::new()),
            _ => Err(Refusal::new(
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            )),
        };
        (fault, answered)
    };
    let (status, whole) = page(&action, answered);
    match fault {
        None => Ok(plain(status, whole)),
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            Ok(plain(status, whole))
        }
        Some(Fault::Hang | Fault::DoneAndHang) => std::future::pending().await,
        Some(Fault::Reset | Fault::Lost) => Err(closed()),
        Some(Fault::Truncate) => Ok(cut(&whole)),
        Some(Fault::EmptyBody) => Ok(plain(200, String::new())),
        Some(Fault::Html) => Ok(plain(
            200,
            "<html><body><h1>Please sign in</h1></body></html>".into(),
        )),
        Some(Fault::OtherNamespace) => {
            let other = whole.replace("amazonaws.com/doc/", "example.com/doc/");
            Ok(plain(status, other))
        }
        Some(Fault::NoSet) => Ok(plain(200, envelope(&action, ""))),
        Some(Fault::EmptySet) => Ok(plain(200, envelope(&action, empty_set(&action)))),
        Some(Fault::Throttle) => Ok(refused(503, &action, "RequestLimitExceeded")),
        Some(Fault::Internal) => Ok(refused(500, &action, "InternalError")),
        Some(Fault::Unavailable) => Ok(refused(503, &action, "Unavailable")),
        Some(Fault::Denied) => Ok(refused(403, &action, "UnauthorizedOperation")),
        Some(Fault::NoCapacity) => Ok(refused(500, &action, "InsufficientInstanceCapacity")),
    }
}

/// Whose request it is: `Credential=KEY/…` of its signature.
fn key_of(request: &Request<Incoming>) -> Option<String> {
    let header = request.headers().get("authorization")?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    Some(credential.split('/').next()?.to_owned())
}

/// An answer as the protocol of its action writes it.
fn page(action: &str, answered: Result<String, Refusal>) -> (u16, String) {
    match answered {
        Ok(inner) => (200, envelope(action, &inner)),
        Err(refusal) => (refusal.status, refusal.page(is_balancing(action))),
    }
}

fn envelope(action: &str, inner: &str) -> String {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    match is_balancing(action) {
        true => format!(
            "{head}<{action}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>r-1</RequestId>\
             </ResponseMetadata></{action}Response>"
        ),
        false => format!(
            "{head}<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r-1</requestId>{inner}</{action}Response>"
        ),
    }
}

fn empty_set(action: &str) -> &'static str {
    match action {
        "DescribeInstances" => "<reservationSet/>",
        "DescribeVolumes" => "<volumeSet/>",
        "DescribeSnapshots" => "<snapshotSet/>",
        "DescribeLoadBalancers" => "<LoadBalancers/>",
        _ => "",
    }
}

fn refused(status: u16, action: &str, code: &'static str) -> Response<Body> {
    let refusal = Refusal::new(status, code, "as the test wants it");
    plain(status, refusal.page(is_balancing(action)))
}

fn plain(status: u16, text: String) -> Response<Body> {
    let whole = Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {});
    response(status, whole.boxed())
}

/// Half of a body, and then the connection is closed.
fn cut(whole: &str) -> Response<Body> {
    let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() / 2]);
    let frames = [Ok(Frame::data(half)), Err(closed())];
    response(200, BodyExt::boxed(StreamBody::new(stream::iter(frames))))
}

fn response(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let xml = hyper::header::HeaderValue::from_static("text/xml;charset=UTF-8");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, xml);
    response
}
