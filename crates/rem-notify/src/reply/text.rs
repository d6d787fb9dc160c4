//! A mail's own words: without markup, quotes and signature.

use mailparse::{DispositionType, ParsedMail};

use crate::wire;

/// How much of a mail's text is looked at.
const TEXT_MAX: usize = 64 * 1024;
/// How much is kept as a comment.
const COMMENT_MAX: usize = 4000;

/// How mail programs begin the copied head of the mail they answer.
const FROM: &[&str] = &[
    "from:",
    "von:",
    "de:",
    "da:",
    "van:",
    "fr\u{e5}n:",
    "fra:",
    "od:",
    "от:",
    "差出人:",
    "发件人:",
];

/// The text of `mail`: its first plain text, otherwise its first HTML.
pub(super) fn of(mail: &ParsedMail<'_>) -> String {
    let find = |kind: &str| {
        mail.parts().find(|part| {
            part.ctype.mimetype == kind
                && part.subparts.is_empty()
                && part.get_content_disposition().disposition != DispositionType::Attachment
        })
    };
    if let Some(part) = find("text/plain") {
        let text = part.get_body().unwrap_or_default();
        let text = unflowed(&text, part);
        return wire::cut(&wire::lines(&text), TEXT_MAX);
    }
    match find("text/html") {
        Some(part) => {
            let html = part.get_body().unwrap_or_default();
            without_tags(&wire::cut(&html, 4 * TEXT_MAX))
        }
        None => String::new(),
    }
}

/// What the person wrote: quotes, who wrote them, and the signature are left out.
pub(super) fn own_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut own: Vec<&str> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        if *line == "-- " || *line == "--" || begins_copy(trimmed, &lines[at + 1..]) {
            break;
        }
        if trimmed.starts_with('>') {
            // "On Monday Ann wrote:", in whatever language, on up to two lines.
            drop_attribution(&mut own);
            continue;
        }
        own.push(line);
    }
    wire::cut(own.join("\n").trim(), COMMENT_MAX)
}

/// `-----Original Message-----`, `From: …` with other headers below, a line
/// of underscores before it.
fn begins_copy(line: &str, next: &[&str]) -> bool {
    let line = line.trim_end();
    if line.len() >= 20 && line.bytes().all(|byte| byte == b'_') {
        return true;
    }
    if line.starts_with("-----") && line.ends_with("-----") && line.len() > 12 {
        return true;
    }
    let bare = line.trim_matches('*').to_lowercase().replace("*", "");
    if !FROM.iter().any(|from| bare.starts_with(from)) {
        return false;
    }
    // A person may begin a line with "from:"; nobody writes three headers.
    let headers = next.iter().take(4).filter(|line| {
        let name = line.trim_matches([' ', '*']).split_once(':');
        name.is_some_and(|(name, _)| !name.is_empty() && name.chars().count() <= 16)
    });
    headers.count() >= 2
}

fn drop_attribution(own: &mut Vec<&str>) {
    while own.last().is_some_and(|line| line.trim().is_empty()) {
        own.pop();
    }
    let [.., before, last] = [&[""][..], own.as_slice()].concat()[..] else {
        return;
    };
    if !last.trim_end().ends_with([':', '\u{ff1a}']) {
        return;
    }
    let two_lines = has_date(before) && !has_date(last);
    if two_lines || has_date(last) || last.contains('@') {
        own.truncate(own.len() - if two_lines { 2 } else { 1 });
    }
}

/// Whether a line tells a date or a time, in whatever form.
fn has_date(line: &str) -> bool {
    line.chars().filter(char::is_ascii_digit).count() >= 4
}

/// Lines of `format=flowed` that end with a space go on in the next line.
fn unflowed(text: &str, part: &ParsedMail<'_>) -> String {
    let flowed = part.ctype.params.get("format");
    if !flowed.is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
        return text.to_owned();
    }
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        joined.push_str(line);
        if !line.ends_with(' ') || line == "-- " || line.starts_with('>') {
            joined.push('\n');
        }
    }
    joined
}

/// The text of HTML: blocks begin a line, quotes begin with `>`.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut quoted = 0_usize;
    let mut hidden: Option<&str> = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if hidden.is_none() {
            push(&mut text, &rest[..at], quoted);
        }
        let after = &rest[at + 1..];
        let Some(end) = after.find('>') else {
            return text;
        };
        let tag = &after[..end];
        rest = &after[end + 1..];
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/');
        let name = name
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .next();
        let name = name.unwrap_or("").to_ascii_lowercase();
        match (name.as_str(), closes) {
            ("script", false) => hidden = Some("script"),
            ("style", false) => hidden = Some("style"),
            ("head", false) => hidden = Some("head"),
            (name, true) if hidden == Some(name) => hidden = None,
            ("blockquote", false) => {
                quoted += 1;
                new_line(&mut text);
            }
            ("blockquote", true) => {
                quoted = quoted.saturating_sub(1);
                new_line(&mut text);
            }
            ("br" | "p" | "div" | "tr" | "li" | "hr" | "pre" | "h1" | "h2" | "h3", _) => {
                new_line(&mut text);
            }
            _ => {}
        }
    }
    if hidden.is_none() {
        push(&mut text, rest, quoted);
    }
    text
}

fn push(text: &mut String, piece: &str, quoted: usize) {
    let piece = piece.split_whitespace().collect::<Vec<_>>().join(" ");
    if piece.is_empty() {
        return;
    }
    if text.is_empty() || text.ends_with('\n') {
        text.push_str(&">".repeat(quoted.min(8)));
    } else {
        text.push(' ');
    }
    // `&amp;` last: `&amp;lt;` is the text `&lt;`.
    let piece = piece
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    text.push_str(piece.trim());
}

fn new_line(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}
