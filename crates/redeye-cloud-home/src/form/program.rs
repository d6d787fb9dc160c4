use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use redeye_cloud::{Class, CloudError};
use regex::Regex;
use rem_script::{End, Program, run as run_program};
use rem_time::Span;

use super::{Call, Tools, duration};
use crate::contract::{Code, Said};
use crate::function::Form;
use crate::template::{Template, Values};

/// How long ssh tries to reach a machine, in seconds.
const SSH_CONNECT: &str = "ConnectTimeout=10";
/// What ssh says when trying again is of no use.
const SSH_REFUSALS: [&str; 3] = [
    "Permission denied",
    "Host key verification failed",
    "Too many authentication failures",
];
/// Bytes of the path of a socket, of which ssh takes some for a name in between.
const SOCKET_PATH_MAX: usize = 107 - 17;

/// Runs a program, a script, or a program elsewhere.
pub(super) async fn run(tools: &Tools, call: &Call<'_>) -> Result<Said, CloudError> {
    let function = call.function;
    let (words, env) = words(&function.form, call.values, &tools.folder);
    let Some((name, args)) = words.split_first() else {
        return Err(CloudError::new(Class::Invalid, call.doing, "no program"));
    };
    let mut program = Program::new(name)
        .args(args)
        .stdin(format!("{}\n", call.input))
        .cwd(&tools.folder)
        .deadline(duration(function.timeout))
        .grace(duration(function.kill_after));
    for (name, value) in call.values.iter() {
        program = program.env(format!("REM_{}", name.to_uppercase()), value);
    }
    program = program.envs(env);
    let finished = run_program(&program).await.map_err(|error| {
        let why = std::error::Error::source(&error);
        let message = why.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
        CloudError::new(Class::Tool, call.doing, message)
    })?;
    let stdout = call.values.without_secrets(&finished.stdout.text());
    let stderr = call.values.without_secrets(&finished.stderr.text());
    let code = match finished.end {
        End::Exited(code) => exit(&function.form, code),
        End::TimedOut { .. } => {
            let message = format!("no end within {}", function.timeout);
            return Err(CloudError::new(Class::Unavailable, call.doing, message));
        }
        End::Signaled(signal) => {
            let message = format!("ended by signal {signal}: {}", stderr.trim());
            return Err(CloudError::new(Class::Tool, call.doing, message));
        }
    };
    let said = Said::new(code, stdout);
    match said.error(call.doing, &stderr) {
        Some(error) => Err(classified(call, error, &said.text, &stderr)),
        None => Ok(said),
    }
}

/// A code that says no more than "failed" gets its class from what was said.
fn classified(call: &Call<'_>, mut error: CloudError, text: &str, stderr: &str) -> CloudError {
    let is_ssh = matches!(call.function.form, Form::Ssh { .. });
    let unspecific = error.class == Class::Failed || is_ssh && error.class == Class::Unavailable;
    if !unspecific {
        return error;
    }
    let patterns = call.function.errors.iter();
    let fits = |pattern: &Regex| pattern.is_match(stderr) || pattern.is_match(text);
    let found = patterns.clone().find(|(_, pattern)| fits(pattern));
    let refused = SSH_REFUSALS.iter().any(|word| stderr.contains(word));
    if let Some((class, _)) = found {
        error.class = *class;
    } else if error.class == Class::Unavailable && refused {
        error.class = Class::Denied;
    }
    error
}

/// ssh itself ends with 255 when it does not reach the machine.
fn exit(form: &Form, code: i32) -> Code {
    match (form, code) {
        (Form::Ssh { .. }, 255) => Code::Class(Class::Unavailable),
        // As shells and env say it.
        (_, 126 | 127) => Code::Class(Class::Tool),
        _ => Code::of(code),
    }
}

/// The program with its arguments, and what its environment has beside the values.
pub(super) fn words(
    form: &Form,
    values: &Values,
    folder: &Path,
) -> (Vec<String>, Vec<(String, String)>) {
    let fill = |template: &Template| template.fill(values);
    match form {
        Form::Argv { argv, env } => {
            let env = env.iter().map(|(name, value)| (name.clone(), fill(value)));
            (argv.iter().map(fill).collect(), env.collect())
        }
        Form::Script {
            path,
            interpreter,
            args,
            env,
        } => {
            let mut words: Vec<String> = interpreter.iter().cloned().collect();
            words.push(path.to_string_lossy().into_owned());
            words.extend(args.iter().map(fill));
            let env = env.iter().map(|(name, value)| (name.clone(), fill(value)));
            (words, env.collect())
        }
        Form::Ssh { .. } => (ssh(form, &fill, folder), Vec::new()),
        Form::Http { .. } | Form::WakeOnLan { .. } | Form::Ping { .. } | Form::AnyOf(_) => {
            (Vec::new(), Vec::new())
        }
    }
}

fn ssh(form: &Form, fill: &dyn Fn(&Template) -> String, folder: &Path) -> Vec<String> {
    let Form::Ssh {
        host,
        user,
        port,
        key,
        known_hosts,
        persist,
        argv,
    } = form
    else {
        return Vec::new();
    };
    let known = "StrictHostKeyChecking=yes";
    let mut words: Vec<String> = ["ssh", "-T", "-o", "BatchMode=yes", "-o", SSH_CONNECT]
        .into_iter()
        .chain(["-o", known])
        .map(str::to_owned)
        .collect();
    let options = [("-l", user), ("-p", port), ("-i", key)];
    for (option, template) in options {
        if let Some(value) = template
            .as_ref()
            .map(fill)
            .filter(|value| !value.is_empty())
        {
            words.extend([option.to_owned(), value]);
        }
    }
    if let Some(file) = known_hosts
        .as_ref()
        .map(fill)
        .filter(|file| !file.is_empty())
    {
        words.extend(["-o".to_owned(), format!("UserKnownHostsFile={file}")]);
    }
    if key.as_ref().is_some_and(|key| !fill(key).is_empty()) {
        words.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
    }
    if let Some(span) = persist {
        words.extend(shared(&words, &fill(host), *span, folder));
    }
    // A host that looks like an option must stay a host.
    words.extend(["--".to_owned(), fill(host)]);
    // The other side hands this to a shell.
    words.push(
        argv.iter()
            .map(|word| quoted(&fill(word)))
            .collect::<Vec<_>>()
            .join(" "),
    );
    words
}

/// One connection for many calls, which saves half of each. Only calls with the same
/// host, user, port, key and known hosts share one: a wrong key must not come along with
/// a right one. Without, where the path of its socket would be too long.
fn shared(options: &[String], host: &str, span: Span, folder: &Path) -> Vec<String> {
    let mut hasher = DefaultHasher::new();
    (options, host).hash(&mut hasher);
    let socket = folder.join(format!("ssh-{:016x}", hasher.finish()));
    let path = socket.to_string_lossy();
    // ssh expands percent signs.
    if SOCKET_PATH_MAX < path.len() || path.contains('%') {
        return Vec::new();
    }
    // A connection to a machine that vanished must not be held on to.
    let alive = ["ServerAliveInterval=5", "ServerAliveCountMax=2"].map(str::to_owned);
    let options = [
        "ControlMaster=auto".to_owned(),
        format!("ControlPath={path}"),
        format!("ControlPersist={}", span.as_duration().as_secs().max(1)),
    ];
    let options = options.into_iter().chain(alive);
    options
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
}

/// A word that a POSIX shell reads as itself.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./=:,@%+".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The call as people may see it.
pub(super) fn show(form: &Form, values: &Values, folder: &Path) -> Vec<String> {
    let show = |template: &Template| template.show(values);
    match form {
        Form::Argv { argv, .. } => argv.iter().map(show).collect(),
        Form::Script {
            path,
            interpreter,
            args,
            ..
        } => {
            let mut words: Vec<String> = interpreter.iter().cloned().collect();
            words.push(path.to_string_lossy().into_owned());
            words.extend(args.iter().map(show));
            words
        }
        form => ssh(form, &show, folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_on_the_other_side() {
        assert_eq!(quoted("a-b/c.d"), "a-b/c.d");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
        assert_eq!(quoted(""), "''");
    }
}
