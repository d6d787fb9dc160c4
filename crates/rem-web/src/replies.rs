use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rem_monitor::{NoReply, Running};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::trouble::Trouble;

/// Takes an answer by mail: `{done: …}`, or `{ignored: why}` for a mail that is none.
pub(crate) async fn take(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let mail = STANDARD
        .decode(asked.wanted("mail")?)
        .map_err(|error| Trouble::Invalid(format!("mail is not base64: {error}")))?;
    match running.replies.take(&mail).await {
        Ok(done) => Ok(json!({ "done": done })),
        Err(NoReply::Desk(error)) => Err(error.into()),
        Err(ignored) => Ok(json!({ "ignored": ignored.to_string() })),
    }
}
