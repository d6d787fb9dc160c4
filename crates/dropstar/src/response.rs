use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{Subscription, encoding};

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// For the log alone.
    pub(crate) detail: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Bytes(Bytes),
    /// Rendered once the wanted format is looked at.
    View {
        template: String,
        data: Value,
    },
    /// A message that becomes a small page or a JSON object.
    Failure(String),
    Events(Box<Subscription>),
    Pieces(mpsc::Receiver<Bytes>),
    File(tokio::fs::File, u64),
}

impl Response {
    /// Nothing but a status.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Bytes(Bytes::new()),
            detail: None,
        }
    }

    /// Bytes of some content type.
    pub fn bytes(content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let mut response = Self::new(StatusCode::OK);
        response.body = Body::Bytes(bytes.into());
        response.with_header(header::CONTENT_TYPE, content_type)
    }

    /// A page that is already HTML.
    pub fn html(html: impl Into<String>) -> Self {
        Self::bytes("text/html; charset=utf-8", html.into())
    }

    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes("text/plain; charset=utf-8", text.into())
    }

    /// JSON; a value that cannot be written as JSON becomes status 500.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::bytes("application/json", bytes),
            Err(error) => Self::failure(StatusCode::INTERNAL_SERVER_ERROR, "no answer")
                .with_detail(Some(encoding::chain(&error))),
        }
    }

    /// A page whose template gets `data`, a JSON object; a caller that asks for
    /// JSON gets `data` itself.
    pub fn view(template: impl Into<String>, data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(data) => {
                let mut response = Self::new(StatusCode::OK);
                response.body = Body::View {
                    template: template.into(),
                    data,
                };
                response
            }
            Err(error) => Self::failure(StatusCode::INTERNAL_SERVER_ERROR, "no answer")
                .with_detail(Some(encoding::chain(&error))),
        }
    }

    /// A stream of live events.
    pub fn events(subscription: Subscription) -> Self {
        let mut response = Self::new(StatusCode::OK);
        response.body = Body::Events(Box::new(subscription));
        response
            .with_header(header::CONTENT_TYPE, "text/event-stream")
            .with_header(HeaderName::from_static("x-accel-buffering"), "no")
    }

    /// A body that comes in pieces and ends when nobody sends any more. Whoever sends
    /// them waits while the client takes its time, so that a long answer needs no
    /// more memory than a few pieces; it is not compressed.
    pub fn pieces(content_type: &str, pieces: mpsc::Receiver<Bytes>) -> Self {
        let mut response = Self::new(StatusCode::OK);
        response.body = Body::Pieces(pieces);
        response.with_header(header::CONTENT_TYPE, content_type)
    }

    /// Sends the browser on to `target` with GET (status 303), as one does after
    /// a form.
    pub fn redirect(target: &str) -> Self {
        Self::new(StatusCode::SEE_OTHER).with_header(header::LOCATION, target)
    }

    /// Status 404.
    pub fn not_found() -> Self {
        Self::failure(StatusCode::NOT_FOUND, "there is nothing under this address")
    }

    /// An error that tells the client `message`, as a page or as JSON.
    pub fn failure(status: StatusCode, message: impl Into<String>) -> Self {
        let mut response = Self::new(status);
        response.body = Body::Failure(message.into());
        response
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, where it is already bytes.
    pub fn body(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes),
            Body::View { .. }
            | Body::Failure(_)
            | Body::Events(_)
            | Body::Pieces(_)
            | Body::File(..) => None,
        }
    }

    /// Another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a header. A value that may not stand in a header (a line break, a
    /// control character) is left out and logged: it would be an attack.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => tracing::warn!(header = %name, "header left out, its value is not allowed"),
        }
        self
    }

    /// Adds a cookie.
    pub fn with_cookie(mut self, cookie: &Cookie) -> Self {
        match HeaderValue::from_str(&cookie.to_line()) {
            Ok(value) => {
                self.headers.append(header::SET_COOKIE, value);
            }
            Err(_) => tracing::warn!(cookie = cookie.name, "cookie left out, not allowed"),
        }
        self
    }

    pub(crate) fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }
}

/// A cookie for the whole site, which scripts cannot read and other sites'
/// pages cannot send along with a form.
#[derive(Clone, Debug)]
pub struct Cookie {
    name: String,
    value: String,
    seconds: Option<u64>,
    secure: bool,
}

impl Cookie {
    /// A cookie that lives as long as the browser does.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            seconds: None,
            secure: false,
        }
    }

    /// Lives so long; 0 removes the cookie.
    pub fn seconds(mut self, seconds: u64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Only sent over TLS.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    fn to_line(&self) -> String {
        let mut line = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Lax",
            self.name,
            self.value.replace(';', "%3B")
        );
        if let Some(seconds) = self.seconds {
            line.push_str(&format!("; Max-Age={seconds}"));
        }
        if self.secure {
            line.push_str("; Secure");
        }
        line
    }
}
