use rem_yaml::{At, Located, MapReader, Problem, Problems};

use crate::check::{Check, DnsAssertion, DnsCheck};
use crate::template::Template;

use super::{Fill, Look, Scene, maybe_text, number, template, text_to_find, texts};

const KINDS: [(&str, &str); 10] = [
    ("A", "A"),
    ("AAAA", "AAAA"),
    ("CNAME", "CNAME"),
    ("MX", "MX"),
    ("NS", "NS"),
    ("TXT", "TXT"),
    ("SOA", "SOA"),
    ("PTR", "PTR"),
    ("SRV", "SRV"),
    ("CAA", "CAA"),
];
const RCODES: [(&str, &str); 6] = [
    ("NOERROR", "NOERROR"),
    ("FORMERR", "FORMERR"),
    ("SERVFAIL", "SERVFAIL"),
    ("NXDOMAIN", "NXDOMAIN"),
    ("NOTIMP", "NOTIMP"),
    ("REFUSED", "REFUSED"),
];
const RECORDS_MAX: i64 = 100_000;

/// An assertion before it is filled in.
enum Draft {
    Exactly(Vec<Located<Template>>),
    Contains(Located<Template>),
    Lacks(Located<Template>),
    Same(DnsAssertion),
}

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let name = match map.get("name") {
        Some(at) => {
            text_to_find(&at, problems).and_then(|_| template(&at, scene.interfaces, problems))
        }
        None => {
            problems.add(map.missing("name").help("add `name: www.example.com`"));
            None
        }
    };
    let kind = match map.get("type") {
        Some(at) => at.one_of(&KINDS, problems),
        None => Some("A"),
    };
    let server = maybe_text(map, "server", scene, problems);
    let recursion = map.with_default("recursion", true, problems);
    let tcp = map.with_default("tcp", false, problems);
    let rcode = match map.get("rcode") {
        Some(at) => at.one_of(&RCODES, problems),
        None => Some("NOERROR"),
    };
    let authoritative = map.optional("authoritative", problems);
    let tries = number(map, "tries", 1..=10, 3, problems);
    let drafts = match map.get("expect") {
        Some(at) => expect(&at, scene, problems),
        None => Some(Vec::new()),
    };
    let (name, server, drafts) = (name?, server?, drafts?);
    let example = DnsCheck {
        name: String::new(),
        kind: kind?,
        server: None,
        recursion,
        tcp,
        rcode: rcode?,
        assertions: Vec::new(),
        authoritative,
        tries: u8::try_from(tries?).ok()?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Dns(example), move |fill| {
        let assertions: Result<_, Problem> = drafts.iter().map(|one| one.fill(fill)).collect();
        Ok(Check::Dns(DnsCheck {
            name: fill.text(&name)?,
            server: fill.maybe(server.as_ref())?,
            assertions: assertions?,
            ..made.clone()
        }))
    }))
}

impl Draft {
    fn fill(&self, fill: &Fill<'_>) -> Result<DnsAssertion, Problem> {
        Ok(match self {
            Self::Exactly(records) => DnsAssertion::Exactly(fill.texts(records)?),
            Self::Contains(record) => DnsAssertion::Contains(fill.text(record)?),
            Self::Lacks(record) => DnsAssertion::Lacks(fill.text(record)?),
            Self::Same(assertion) => assertion.clone(),
        })
    }
}

fn expect(at: &At<'_>, scene: Scene<'_>, problems: &mut Problems) -> Option<Vec<Draft>> {
    let mut map = at.map(problems)?;
    let mut drafts = Vec::new();
    if map.has("exactly") {
        drafts.push(texts(&mut map, "exactly", scene, problems).map(Draft::Exactly));
    } else {
        map.know("exactly");
    }
    let contains = texts(&mut map, "contains", scene, problems);
    drafts.extend(
        contains
            .into_iter()
            .flatten()
            .map(Draft::Contains)
            .map(Some),
    );
    let lacks = texts(&mut map, "lacks", scene, problems);
    drafts.extend(lacks.into_iter().flatten().map(Draft::Lacks).map(Some));
    if let Some(at) = map.get("matches") {
        let pattern = text_to_find(&at, problems);
        drafts.push(pattern.map(|pattern| Draft::Same(DnsAssertion::Matches(pattern))));
    }
    let mut count = |key: &'static str, problems: &mut Problems| {
        let at = map.get(key)?;
        let count = at.whole_number(0..=RECORDS_MAX, problems)?;
        usize::try_from(count).ok()
    };
    let (least, most) = (count("at_least", problems), count("at_most", problems));
    map.finish(problems);
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        problems.add(at.problem(format!("at least {least} and at most {most} cannot be")));
    }
    drafts.extend(least.map(|least| Some(Draft::Same(DnsAssertion::AtLeast(least)))));
    drafts.extend(most.map(|most| Some(Draft::Same(DnsAssertion::AtMost(most)))));
    drafts.into_iter().collect()
}
