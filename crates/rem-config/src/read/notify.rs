use rem_time::Span;
use rem_yaml::{At, Located, Problems, Value};

use crate::contact::Contact;
use crate::notify::{Heartbeat, Imap, Notify, Smtp, THROTTLE_DEFAULT};

use super::contact::{self, Whose};
use super::once;
use super::owner::at_least;
use super::self_test::{self, SelfTestDraft, WaysBack};

const IMAP_EVERY_DEFAULT: Span = Span::from_seconds(30);
const HEARTBEAT_EVERY_DEFAULT: Span = Span::from_seconds(60);
const EVERY_MIN: Span = Span::from_seconds(1);

/// What was read of `notify:` so far, over all files.
#[derive(Default)]
pub(crate) struct NotifyDraft {
    url: Option<Located<String>>,
    smtp: Option<Located<Smtp>>,
    imap: Option<Located<Imap>>,
    heartbeat: Option<Located<Heartbeat>>,
    self_test: Option<Located<Option<SelfTestDraft>>>,
    fallback: Option<Located<Vec<Contact>>>,
    throttle: Option<Located<Span>>,
}

impl NotifyDraft {
    pub(super) fn read(&mut self, at: &At<'_>, problems: &mut Problems) {
        let Some(mut map) = at.map(problems) else {
            return;
        };
        if let Some(at) = map.get("url")
            && let Some(url) = url(&at, problems)
        {
            once(&mut self.url, at.located(url), "notify.url", problems);
        }
        if let Some(at) = map.get("smtp")
            && let Some(smtp) = smtp(&at, problems)
        {
            once(&mut self.smtp, at.located(smtp), "notify.smtp", problems);
        }
        if let Some(at) = map.get("imap")
            && let Some(imap) = imap(&at, problems)
        {
            once(&mut self.imap, at.located(imap), "notify.imap", problems);
        }
        if let Some(at) = map.get("heartbeat")
            && let Some(heartbeat) = heartbeat(&at, problems)
        {
            let heartbeat = at.located(heartbeat);
            once(&mut self.heartbeat, heartbeat, "notify.heartbeat", problems);
        }
        if let Some(at) = map.get("self_test")
            && let Some(test) = self_test::read(&at, problems)
        {
            let test = at.located(test);
            once(&mut self.self_test, test, "notify.self_test", problems);
        }
        if let Some(at) = map.get("fallback") {
            let contacts = contact::list(Some(at.clone()), Whose::default(), problems);
            if at.node().as_seq().is_some_and(<[_]>::is_empty) {
                let problem = at.problem("nobody is told when no role has anybody");
                problems.add(problem.help("write [{mail: root@example.com}], or remove it"));
            }
            let contacts = at.located(contacts);
            once(&mut self.fallback, contacts, "notify.fallback", problems);
        }
        if let Some(at) = map.get("throttle")
            && let Some(every) = throttle(&at, problems)
        {
            let every = at.located(every);
            once(&mut self.throttle, every, "notify.throttle", problems);
        }
        map.finish(problems);
    }

    /// `has_listener` says whether the pages are anywhere.
    pub(super) fn finish(self, has_listener: bool, problems: &mut Problems) -> Notify {
        let ways = WaysBack {
            smtp: self.smtp.is_some(),
            imap: self.imap.is_some(),
            pages: has_listener || self.url.is_some(),
        };
        let self_test = match self.self_test {
            Some(test) => test.value,
            None => Some(SelfTestDraft::daily()),
        };
        Notify {
            url: self.url.map(|url| url.value),
            smtp: self.smtp.map(|smtp| smtp.value),
            imap: self.imap.map(|imap| imap.value),
            heartbeat: self.heartbeat.map(|heartbeat| heartbeat.value),
            self_test: self_test.map(|test| test.settle(ways, problems)),
            fallback: self.fallback.map_or(Vec::new(), |contacts| contacts.value),
            throttle: self.throttle.map_or(THROTTLE_DEFAULT, |every| every.value),
        }
    }
}

fn url(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    at.parse_with(problems, |text| {
        super::check_url(text)
            .map_err(|why| why.replace("a URL to check", "the URL of the pages"))?;
        Ok(text.trim_end_matches('/').to_owned())
    })
}

/// A server's URL without a password, which is not shown where it is wrong.
fn server(
    at: &At<'_>,
    schemes: [&str; 2],
    user_needed: bool,
    problems: &mut Problems,
) -> Option<String> {
    let text = at.text(problems)?;
    let [plain, secure] = schemes;
    let example = match user_needed {
        true => format!("write {secure}://user@host"),
        false => format!("write {plain}://localhost:25 or {secure}://user@host"),
    };
    let (message, help) = 'wrong: {
        let Some((scheme, rest)) = text.split_once("://") else {
            break 'wrong ("not the URL of a mail server: it has no scheme", example);
        };
        if !schemes.contains(&scheme) {
            break 'wrong (
                "not the URL of a mail server: its scheme is another one",
                example,
            );
        }
        let rest = rest.split(['?', '/']).next().unwrap_or_default();
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        if login.is_some_and(|login| login.contains(':')) {
            let help = "write it as `password: {env: NAME}` or `password: {file: path}`";
            break 'wrong ("a password does not belong into a URL", help.to_owned());
        }
        if user_needed && login.is_none_or(str::is_empty) {
            break 'wrong ("the user is missing in the URL", example);
        }
        if super::check_url(&format!("http://{place}/")).is_err() {
            break 'wrong (
                "not the URL of a mail server: its host or port is wrong",
                example,
            );
        }
        return Some(text.to_owned());
    };
    problems.add(at.problem(message).help(help));
    None
}

fn smtp(at: &At<'_>, problems: &mut Problems) -> Option<Smtp> {
    let mut map = at.map(problems)?;
    let url = match map.get("url") {
        Some(at) => server(&at, ["smtp", "smtps"], false, problems),
        None => {
            let help = "add `url: smtp://localhost:25`";
            problems.add(map.missing("url").help(help));
            None
        }
    };
    let from = match map.get("from") {
        Some(at) => contact::mail(&at, problems),
        None => {
            let help = "add `from: rem@example.com`";
            problems.add(map.missing("from").help(help));
            None
        }
    };
    let reply_to = map.get("reply_to").and_then(|at| {
        let text = at.text(problems)?;
        let filled = text.replace("{token}", "token");
        let is_fine = contact::is_mail_address(&filled);
        if !is_fine {
            let message = format!("not a mail address such as rem+{{token}}@example.com: {text}");
            problems.add(at.problem(message));
        }
        is_fine.then(|| text.to_owned())
    });
    let hello = map.optional("hello", problems);
    let password_at = map.get("password");
    let password = password_at.as_ref().map(|at| at.read(problems));
    map.finish(problems);
    let url = url?;
    if let Some(at) = password_at
        && !url.contains('@')
    {
        let problem = at.problem("a password and no user");
        problems.add(problem.help("write the user into the URL: smtp://user@host"));
    }
    Some(Smtp {
        url,
        from: from?,
        password: match password {
            Some(password) => Some(password?),
            None => None,
        },
        reply_to,
        hello,
    })
}

fn imap(at: &At<'_>, problems: &mut Problems) -> Option<Imap> {
    let mut map = at.map(problems)?;
    let url = match map.get("url") {
        Some(at) => server(&at, ["imap", "imaps"], true, problems),
        None => {
            let help = "add `url: imaps://rem@mail.example.com`";
            problems.add(map.missing("url").help(help));
            None
        }
    };
    let password = map.required("password", problems);
    let folder = map.with_default("folder", "INBOX".to_owned(), problems);
    let every = match map.get("every") {
        Some(at) => at_least(&at, EVERY_MIN, problems),
        None => Some(IMAP_EVERY_DEFAULT),
    };
    map.finish(problems);
    Some(Imap {
        url: url?,
        password: password?,
        folder,
        every: every?,
    })
}

/// A contact, with how often it hears from us beside it.
fn heartbeat(at: &At<'_>, problems: &mut Problems) -> Option<Heartbeat> {
    let mut every = Some(HEARTBEAT_EVERY_DEFAULT);
    let Value::Map(written) = &at.node().value else {
        problems.add(
            at.expected("a contact")
                .help("write {webhook: \"https://…\", every: 1m}"),
        );
        return None;
    };
    let mut rest = at.node().clone();
    if let Some(node) = written.get("every") {
        let at = At::new(node, at.path().key("every"));
        every = at_least(&at, EVERY_MIN, problems);
    }
    if let Value::Map(map) = &mut rest.value {
        map.remove("every");
    }
    let contact = contact::read(
        &At::new(&rest, at.path().clone()),
        Whose::default(),
        problems,
    )?;
    Some(Heartbeat {
        contact,
        every: every?,
    })
}

fn throttle(at: &At<'_>, problems: &mut Problems) -> Option<Span> {
    if at.node().as_str() == Some("none") {
        return Some(Span::ZERO);
    }
    if at.node().as_map().is_none() {
        problems.add(at.expected("{every: 1m} or none"));
        return None;
    }
    let mut map = at.map(problems)?;
    let every = match map.get("every") {
        Some(at) => at_least(&at, EVERY_MIN, problems),
        None => Some(THROTTLE_DEFAULT),
    };
    map.finish(problems);
    every
}
