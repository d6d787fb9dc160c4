//! Asking a running monitor: JSON-RPC over HTTP, one connection a call.

#[cfg(test)]
mod tests;

mod tls;
mod whom;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rem_command::Exit;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) use whom::{Whom, WhomError};

use crate::instant::NotATime;

/// A longer answer is cut off: 50,000 monitors are about 15 MB.
const ANSWER_MAX: usize = 256 << 20;
/// What is shown of an answer that is not ours.
const SHOWN_MAX: usize = 200;

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Whom to ask is not clear.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// What is to be sent makes no sense.
    #[error(transparent)]
    Time(#[from] NotATime),
    /// Nobody is there.
    #[error("no monitor answers at {url}: {why}; is it running?")]
    NoAnswer { url: String, why: String },
    /// It is there and did not answer in time.
    #[error("the monitor at {url} has not answered within {after}")]
    Late { url: String, after: rem_time::Span },
    /// We are nobody there.
    #[error("{url} wants to know who asks: give --token env:NAME or file:PATH")]
    NotSignedIn { url: String },
    /// Something else answers there.
    #[error("{url} is no monitor: {what}")]
    NotOurs { url: String, what: String },
    /// The monitor says no.
    #[error("{message}")]
    Refused { code: i64, message: String },
    /// It cannot be sent.
    #[error("cannot ask {url}")]
    Request { url: String, source: http::Error },
}

impl AskError {
    const INVALID_PARAMS: i64 = -32_602;
    const METHOD_NOT_FOUND: i64 = -32_601;

    /// How a command that meets this ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoAnswer { .. } | Self::Late { .. } => Exit::NoAnswer,
            Self::Whom(_) | Self::Time(_) | Self::NotSignedIn { .. } | Self::Request { .. } => {
                Exit::Mistake
            }
            Self::Refused { code, .. } if *code == Self::INVALID_PARAMS => Exit::Mistake,
            Self::NotOurs { .. } | Self::Refused { .. } => Exit::Failed,
        }
    }
}

impl Whom {
    /// Calls a method.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, AskError> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = Some(("application/json", call.to_string()));
        let (status, answer) = self.send(Method::POST, "/rpc", body).await?;
        let Ok(mut answer) = serde_json::from_slice::<Value>(&answer) else {
            return Err(self.not_ours(status, &answer));
        };
        if let Some(result) = answer.get_mut("result") {
            return Ok(result.take());
        }
        let error = &answer["error"];
        match (error["code"].as_i64(), error["message"].as_str()) {
            (Some(AskError::METHOD_NOT_FOUND), _) => Err(AskError::Refused {
                code: AskError::METHOD_NOT_FOUND,
                message: format!(
                    "the monitor at {} does not know {method}: is it older than this command?",
                    self.url()
                ),
            }),
            (Some(code), Some(message)) => Err(AskError::Refused {
                code,
                message: message.to_owned(),
            }),
            _ => Err(self.not_ours(status, answer.to_string().as_bytes())),
        }
    }

    /// Gets a page as text.
    pub(crate) async fn get(&self, path: &str) -> Result<String, AskError> {
        let (status, body) = self.send(Method::GET, path, None).await?;
        self.page(status, &body)
    }

    /// Posts a text.
    pub(crate) async fn post(&self, path: &str, text: String) -> Result<String, AskError> {
        let body = Some(("text/plain; charset=utf-8", text));
        let (status, body) = self.send(Method::POST, path, body).await?;
        self.page(status, &body)
    }

    fn page(&self, status: StatusCode, body: &[u8]) -> Result<String, AskError> {
        let text = String::from_utf8_lossy(body);
        match status.is_success() {
            true => Ok(text.into_owned()),
            false => Err(AskError::Refused {
                code: i64::from(status.as_u16()),
                message: shown(&text).unwrap_or_else(|| status.to_string()),
            }),
        }
    }

    fn not_ours(&self, status: StatusCode, body: &[u8]) -> AskError {
        let said = shown(&String::from_utf8_lossy(body)).unwrap_or_default();
        AskError::NotOurs {
            url: self.url().to_owned(),
            what: format!("{status} {said}").trim_end().to_owned(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let asking = self.send_now(method, path, body);
        match timeout(Duration::from(self.timeout), asking).await {
            Ok(answer) => answer,
            Err(_) => Err(AskError::Late {
                url: self.url().to_owned(),
                after: self.timeout,
            }),
        }
    }

    async fn send_now(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, self.authority());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut content = Bytes::new();
        if let Some((kind, text)) = body {
            request = request.header(CONTENT_TYPE, kind);
            content = text.into();
        }
        let request = request.body(Full::new(content));
        let request = request.map_err(|source| AskError::Request {
            url: self.url().to_owned(),
            source,
        })?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| self.nobody(&error))?;
        let answer = match &self.tls {
            None => exchange(stream, request).await,
            Some(tls) => {
                let stream = tls::secured(Arc::clone(tls), &self.host, stream).await;
                exchange(stream.map_err(|error| self.nobody(&error))?, request).await
            }
        };
        let (status, body) = answer.map_err(|error| self.nobody(&error))?;
        match status {
            StatusCode::UNAUTHORIZED => Err(AskError::NotSignedIn {
                url: self.url().to_owned(),
            }),
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Err(self.nobody(&io::Error::other(status.to_string())))
            }
            status => Ok((status, body)),
        }
    }

    fn nobody(&self, error: &io::Error) -> AskError {
        AskError::NoAnswer {
            url: self.url().to_owned(),
            why: match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                _ => error.to_string(),
            },
        }
    }
}

/// The beginning of a text, in one line; nothing of a page.
fn shown(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') {
        return None;
    }
    let text: String = text.chars().take(SHOWN_MAX).collect();
    Some(rem_command::visible(&text).into_owned())
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> io::Result<(StatusCode, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let hello = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = hello.map_err(io::Error::other)?;
    // It ends with the answer; what went wrong with it, the answer tells.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(io::Error::other)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => io::Error::other(format!("the answer is longer than {ANSWER_MAX} bytes")),
        false => io::Error::other(error),
    })?;
    Ok((status, body.to_bytes()))
}
