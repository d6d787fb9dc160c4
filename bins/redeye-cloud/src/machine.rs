//! What needs one machine's terminal or patience.

use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use redeye_cloud::{Class, CloudError, Kind, Lifecycle, Power};
use rem_command::tell;

use crate::exit::{End, Mistake};
use crate::parsed::id;
use crate::session::Session;

/// How often a machine that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Becomes the program that talks to the console.
pub(crate) fn console(session: &Session<'_>, which: &str) -> anyhow::Result<End> {
    let none = || {
        let message = "only machines of your own hardware have a console here";
        CloudError::new(Class::Unsupported, format!("console of {which}"), message)
    };
    let home = session.home(session.megavisor()?).ok_or_else(none)?;
    let terminal = home.console(&id(which)?)?;
    let (program, arguments) = terminal
        .argv
        .split_first()
        .ok_or_else(|| Mistake("the console's function names no program".into()))?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).envs(terminal.env);
    let error = command.exec();
    Err(anyhow::Error::new(error).context(format!("cannot run {program}")))
}

pub(crate) async fn wait(session: &Session<'_>, which: &str, wanted: &str) -> anyhow::Result<End> {
    if !["on", "off", "gone"].contains(&wanted) {
        return Err(Mistake(format!("--for {wanted}: write on, off or gone")).into());
    }
    let deadline = Instant::now() + session.common.timeout.as_duration();
    let megavisor = session.megavisor()?.clone();
    let (scope, which) = (session.scope()?, id(which)?);
    loop {
        let found = megavisor.get(&scope, Kind::Instance, &which).await;
        let is_so = match (&found, wanted) {
            (Ok(None), "gone") => true,
            // Clouds show for a while what is gone.
            (Ok(Some(item)), "gone") => item
                .as_instance()
                .is_some_and(|one| one.lifecycle == Lifecycle::Terminated),
            (Ok(Some(item)), "on" | "off") => {
                let power = item.as_instance().map(|one| one.power);
                power
                    == Some(if wanted == "on" {
                        Power::On
                    } else {
                        Power::Off
                    })
            }
            _ => false,
        };
        if is_so {
            return Ok(End::Done);
        }
        if let (Ok(None), "on" | "off") = (&found, wanted) {
            tell(&format!("redeye-cloud: there is no instance {which}"));
            return Ok(End::NotFound);
        }
        if deadline <= Instant::now() {
            if let Err(error) = &found {
                tell(&format!("redeye-cloud: {error}"));
            }
            tell(&format!(
                "redeye-cloud: {which} is not {wanted} within {}",
                session.common.timeout
            ));
            return Ok(End::StillRunning);
        }
        tokio::time::sleep(LOOK).await;
    }
}
