//! Mails that no person wrote.

use mailparse::{MailHeaderMap, ParsedMail};

use super::{Ignored, header, sender, text, tokens};
use crate::wire;

/// Names programs write under.
const PROGRAMS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "donotreply",
];
/// Headers that only programs set.
const MARKS: &[&str] = &[
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponse",
    "X-Auto-Reply-From",
];

/// An error if a program wrote `mail`: an absence note must not silence a page.
pub(super) fn refuse(mail: &ParsedMail<'_>) -> Result<(), Ignored> {
    if mail.ctype.mimetype == "multipart/report" {
        return Err(report(mail));
    }
    if let Some(id) = header(mail, "X-REM-Id") {
        let tokens = tokens(mail, &text::of(mail));
        return Err(Ignored::Own { id, tokens });
    }
    let because = |why: String| Err(Ignored::Automatic(wire::cut(&why, 200)));
    if let Some(value) = header(mail, "Auto-Submitted")
        && !value
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .eq_ignore_ascii_case("no")
    {
        return because(format!("Auto-Submitted: {value}"));
    }
    for name in MARKS {
        if mail.headers.get_first_header(name).is_some() {
            return because((*name).into());
        }
    }
    if let Some(value) = header(mail, "Precedence") {
        let value = value.to_ascii_lowercase();
        if ["bulk", "junk", "list", "auto_reply", "auto-reply"].contains(&value.as_str()) {
            return because(format!("Precedence: {value}"));
        }
    }
    if let Some(path) = mail.headers.get_first_value("Return-Path")
        && matches!(path.trim(), "" | "<>")
    {
        return because("an empty Return-Path".into());
    }
    if let Some(sender) = sender(mail)
        && let Some((local, _)) = sender.split_once('@')
        && PROGRAMS.contains(&local)
    {
        return because(format!("from {sender}"));
    }
    Ok(())
}

/// A delivery report of RFC 3464, or a receipt, which says nothing.
fn report(mail: &ParsedMail<'_>) -> Ignored {
    let kind = mail.ctype.params.get("report-type");
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("delivery-status")) {
        return Ignored::Automatic("a report".into());
    }
    let (mut id, mut recipient, mut action, mut text) = (None, String::new(), None, String::new());
    for part in mail.parts() {
        let body = || part.get_body_raw().unwrap_or_default();
        match part.ctype.mimetype.as_str() {
            "message/delivery-status" => {
                let body = String::from_utf8_lossy(&body()).replace("\r\n", "\n");
                for fields in body.split("\n\n") {
                    let field = |name| field(fields, name);
                    if let Some(address) = field("Final-Recipient") {
                        recipient = after_type(&address).to_lowercase();
                        action = field("Action");
                        let said = field("Diagnostic-Code").or_else(|| field("Status"));
                        text = said.map(|said| after_type(&said)).unwrap_or_default();
                    }
                }
            }
            "message/rfc822" | "text/rfc822-headers" | "message/rfc822-headers" => {
                let body = body();
                if let Ok((headers, _)) = mailparse::parse_headers(&body) {
                    id = headers.get_first_value("X-REM-Id").or(id);
                }
            }
            _ => {}
        }
    }
    let Some(action) = action else {
        return Ignored::Automatic("a delivery report that says nothing".into());
    };
    let action = action.to_ascii_lowercase();
    match action.as_str() {
        "failed" | "delayed" => Ignored::Bounced {
            id: id.map(|id| wire::one_line(&id, 200)),
            recipient: wire::cut(&recipient, 320),
            permanent: action == "failed",
            text: wire::one_line(&text, 300),
        },
        _ => Ignored::Automatic(format!(
            "a delivery report: {}",
            wire::one_line(&action, 40)
        )),
    }
}

/// A field of a group of fields, its continuation lines joined.
fn field(fields: &str, name: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in fields.lines() {
        if let Some(value) = &mut value {
            if !line.starts_with([' ', '\t']) {
                break;
            }
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((key, rest)) = line.split_once(':')
            && key.trim().eq_ignore_ascii_case(name)
        {
            value = Some(rest.trim().to_owned());
        }
    }
    value
}

/// `rfc822; ann@example.com` → `ann@example.com`.
fn after_type(value: &str) -> String {
    let text = value.split_once(';').map_or(value, |(_, text)| text);
    text.trim().to_owned()
}
