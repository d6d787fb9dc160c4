//! A receiver of webhooks that does what the path says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::PATIENCE;
use crate::tls::Identity;

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    got: Mutex<Vec<Got>>,
    news: Notify,
    connections: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    pub(crate) async fn start_with_tls(identity: &Identity) -> Self {
        Self::serve(Some(TlsAcceptor::from(identity.server()))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self {
            port,
            state: Arc::default(),
        };
        let state = Arc::clone(&receiver.state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, tls) = (Arc::clone(&state), tls.clone());
                tokio::spawn(async move {
                    state.connections.fetch_add(1, Ordering::SeqCst);
                    let service = service_fn(|request| answer(Arc::clone(&state), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let _ = http.serve_connection(TokioIo::new(stream), service).await;
                            }
                        }
                        None => {
                            let _ = http.serve_connection(TokioIo::new(stream), service).await;
                        }
                    }
                });
            }
        });
        receiver
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.state.got.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Waits until it got `count` requests.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        self.wait_until(|got| (got.len() >= count).then(|| got.to_vec()))
            .await
    }

    /// Waits until `enough` finds what it looks for in what it got.
    pub(crate) async fn wait_until<T>(&self, enough: impl Fn(&[Got]) -> Option<T>) -> T {
        let wait = async {
            loop {
                let news = self.state.news.notified();
                if let Some(found) = enough(&self.got()) {
                    return found;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("a request")
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let first = {
        let mut got = state.got.lock().unwrap();
        let first = !got.iter().any(|got| got.path == path);
        got.push(Got {
            path: path.clone(),
            headers,
            body,
        });
        first
    };
    state.news.notify_waiters();
    let response = Response::builder();
    let (response, text) = match path.as_str() {
        "/hang" => std::future::pending().await,
        "/429" => (
            response.status(429).header("Retry-After", "7"),
            "slow down".to_owned(),
        ),
        "/redirect" => (
            response.status(302).header("Location", "/ok"),
            String::new(),
        ),
        "/long" => (response.status(200), "x".repeat(3_000_000)),
        "/flaky" if first => (response.status(503), "starting".to_owned()),
        "/goodbye" => (
            response.status(200).header("Connection", "close"),
            "bye".to_owned(),
        ),
        "/echo" => (
            response.status(403),
            "no hook /echo?key=s3cret for Bearer t0psecret".to_owned(),
        ),
        path => match path[1..].parse::<u16>() {
            Ok(status) => (response.status(status), format!("status {status}")),
            Err(_) => (response.status(200), r#"{"id":"m-1"}"#.to_owned()),
        },
    };
    Ok(response.body(Full::new(Bytes::from(text))).unwrap())
}
