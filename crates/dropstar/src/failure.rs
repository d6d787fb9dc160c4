use std::fmt;

use http::StatusCode;

use crate::{Response, encoding};

/// Why a page could not answer.
///
/// Any error becomes a `Failure` by `?`: the client then gets status 500 and the
/// request's id, and the error with its sources goes to the log under that id.
/// A failure made with [`Failure::new`] shows its message to the client.
pub struct Failure {
    status: StatusCode,
    message: String,
    detail: Option<String>,
}

impl Failure {
    /// A failure whose `message` the client may read.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            detail: None,
        }
    }

    /// Status 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Status 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Status 500 with `detail` for the log alone.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "something went wrong here".into(),
            detail: Some(detail.into()),
        }
    }

    /// The status the client gets.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::internal(encoding::chain(&error))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.message)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl<T: Into<Response>> From<Result<T, Failure>> for Response {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(answer) => answer.into(),
            Err(failure) => {
                Response::failure(failure.status, failure.message).with_detail(failure.detail)
            }
        }
    }
}
