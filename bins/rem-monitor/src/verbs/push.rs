use std::io::{BufRead, stdin};

use rem_command::Exit;
use rem_time::{Clock, Span, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::params;
use super::show::{Answer, Show};
use crate::arguments::Push;
use crate::ask::{AskError, Whom};
use crate::instant::instant;

/// A longer line of Nagios' command file is refused by the monitor anyway.
const LINE_MAX: u64 = 1 << 20;
/// Lines that are shown as refused.
const SHOWN_MAX: usize = 20;

/// Tells what was found elsewhere.
pub(super) async fn push(push: &Push, _: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(&push.ask)?;
    if push.stdin {
        return lines(&whom, push.ttl).await;
    }
    let at = match &push.at {
        None => None,
        Some(text) => Some(instant(text, SystemClock.now())?),
    };
    let given = json!({
        "id": push.id, "exit_status": push.exit_status,
        "plugin_output": push.message,
        "execution_start": at.map(Timestamp::as_secs_f64),
        "ttl": push.ttl.map(Span::as_secs_f64),
        "check_source": push.source,
    });
    let value = whom.call("monitor.push", params(&whom, given)).await?;
    Ok(Answer::done(value, "taken\n"))
}

/// Each line by itself: one that is wrong must not lose the others.
async fn lines(whom: &Whom, ttl: Option<Span>) -> Result<Answer, AskError> {
    let path = match ttl {
        None => "/passive".to_owned(),
        Some(ttl) => format!("/passive?ttl={ttl}"),
    };
    let mut input = stdin().lock();
    let (mut taken, mut refused) = (0_u64, Vec::new());
    for number in 1_u64.. {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut input, LINE_MAX).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                refused.push(json!({ "line": number, "why": error.to_string() }));
                break;
            }
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match whom.post(&path, line.to_owned()).await {
            Ok(_) => taken += 1,
            Err(AskError::Refused { message, .. }) => {
                refused.push(json!({ "line": number, "why": message }));
            }
            Err(error) => return Err(error),
        }
    }
    let mut text = format!("{taken} taken, {} refused\n", refused.len());
    for line in refused.iter().take(SHOWN_MAX) {
        let why = line["why"].as_str().unwrap_or_default();
        text.push_str(&format!(
            "line {}: {}\n",
            line["line"],
            rem_command::visible(why)
        ));
    }
    let exit = match refused.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    };
    let value = json!({ "taken": taken, "refused": Value::from(refused) });
    Ok(Answer::done(value, text).exit(exit))
}
