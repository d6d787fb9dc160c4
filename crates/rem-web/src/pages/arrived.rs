use dropstar::{Failure, Request, Response, StatusCode};
use rem_desk::DeskError;
use rem_monitor::Running;

use crate::trouble::Trouble;

/// A self-test came back by the link in it. By GET as well: whatever fetched it got
/// the message, and that is all this tells.
pub(crate) async fn take(running: Running, request: Request) -> Result<Response, Failure> {
    let token = match request.rest() {
        "" => request.arg("t").unwrap_or(""),
        rest => rest,
    };
    match running.desk.arrived(token).await {
        Ok(kind) => Ok(Response::bytes(
            "text/plain; charset=utf-8",
            format!("the self-test by {kind} arrived\n"),
        )),
        Err(DeskError::Token(error)) => Err(Failure::new(StatusCode::FORBIDDEN, error.to_string())),
        Err(error) => Err(Trouble::from(error).page()),
    }
}
