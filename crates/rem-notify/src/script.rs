//! A program that is run for each message.

use std::time::Duration;

use rem_script::{End, Finished, Program, StartError};

use crate::{Outgoing, Script, SendError, Sent, body, wire};

/// How much of what it prints is kept for the timeline.
const OUTPUT_KEPT_MAX: usize = 500;
/// How long after TERM it gets KILL.
const GRACE: Duration = Duration::from_secs(1);

/// Exit statuses that say that the contact itself is wrong, as `sysexits.h`
/// and the shell have them: usage, data, input, no such user, no such host, a
/// file missing, no permission, configuration; not executable, not found.
/// Every other status is worth another try: most scripts end with 1 for
/// anything, and trying again loses nothing.
const PERMANENT: &[i32] = &[64, 65, 66, 67, 68, 72, 77, 78, 126, 127];

pub(crate) async fn send(
    message: &Outgoing,
    script: &Script,
    deadline: Duration,
) -> Result<Sent, SendError> {
    let grace = GRACE.min(deadline / 4);
    let mut program = Program::new(&script.argv[0])
        .args(&script.argv[1..])
        .env("REM_ID", wire::id(&message.id))
        .env("REM_KIND", message.kind.as_str())
        .env("REM_URGENCY", message.urgency.as_str())
        .env("REM_SUBJECT", wire::one_line(&message.subject, 1000))
        .stdin(body::rem(message).to_string())
        .deadline(deadline.saturating_sub(grace))
        .grace(grace)
        .output_max(4 * OUTPUT_KEPT_MAX);
    for (name, value) in &script.env {
        program = program.env(name, value.reveal());
    }
    if let Some(cwd) = &script.cwd {
        program = program.cwd(cwd);
    }
    match rem_script::run(&program).await {
        Ok(finished) => judge(&finished, script),
        Err(error) => Err(not_started(&error)),
    }
}

fn judge(finished: &Finished, script: &Script) -> Result<Sent, SendError> {
    let success = finished.end.is_success();
    // A program that fails says why on its standard error.
    let (first, second) = match success {
        true => (&finished.stdout, &finished.stderr),
        false => (&finished.stderr, &finished.stdout),
    };
    let said = if first.text().trim().is_empty() {
        second
    } else {
        first
    };
    let mut said = wire::one_line(&said.text(), OUTPUT_KEPT_MAX * 2);
    for (_, value) in &script.env {
        said = value.hide_in(&said);
    }
    let text = match said.is_empty() {
        true => finished.end.to_string(),
        false => wire::cut(&format!("{}: {said}", finished.end), OUTPUT_KEPT_MAX),
    };
    match finished.end {
        End::Exited(0) => Ok(Sent {
            provider_id: None,
            detail: text,
        }),
        End::Exited(status) if PERMANENT.contains(&status) => Err(SendError::permanent(text)),
        End::Exited(_) | End::Signaled(_) | End::TimedOut { .. } => Err(SendError::temporary(text)),
    }
}

fn not_started(error: &StartError) -> SendError {
    let text = wire::one_line(&error.to_string(), OUTPUT_KEPT_MAX);
    match error {
        StartError::NotFound { .. }
        | StartError::NotExecutable { .. }
        | StartError::NotAProgram { .. }
        | StartError::BadInterpreter { .. }
        | StartError::Cwd { .. } => SendError::permanent(text),
        StartError::Spawn { .. } | StartError::Wait { .. } => SendError::temporary(text),
    }
}
