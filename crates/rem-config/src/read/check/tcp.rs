use rem_yaml::{At, Located, MapReader, Problem, Problems};

use crate::check::{Check, Encryption, TcpCheck, TcpExpect, TcpStep, TlsSide};
use crate::host::Host;
use crate::template::Template;

use super::{Fill, Look, Scene, address, bytes, maybe_text, port, template, text_to_find, tls};

/// Steps of one conversation.
const STEPS_MAX: usize = 100;

/// A step before it is filled in.
struct Step {
    send: Option<Located<Template>>,
    expect: Option<Located<Template>>,
    matches: Option<String>,
}

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let address = address(map, scene, problems);
    let port = port(map, None, scene, problems);
    let send = maybe_text(map, "send", scene, problems);
    let expect = maybe_text(map, "expect", scene, problems);
    let steps = steps(map.get("steps"), scene, problems);
    let read_max = bytes(map, "read_max", problems);
    let encryption = encryption(map, problems);
    let side = tls::side(map, scene, problems);
    let server_name = maybe_text(map, "server_name", scene, problems);
    let (address, server_name) = (address?, server_name?);
    let (send, expect, steps) = (send?, expect?, steps?);
    let example = TcpCheck {
        address: Host::example(),
        port: port?,
        send: None,
        expect: None,
        steps: Vec::new(),
        read_max,
        encryption: encryption?,
        tls: side?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Tcp(Box::new(example)), move |fill| {
        let filled: Result<_, Problem> = steps.iter().map(|step| step.fill(fill)).collect();
        Ok(Check::Tcp(Box::new(TcpCheck {
            address: fill.address(address.as_ref())?,
            send: fill.maybe(send.as_ref())?,
            expect: fill.maybe(expect.as_ref())?,
            steps: filled?,
            tls: TlsSide {
                server_name: fill.maybe(server_name.as_ref())?,
                ..made.tls.clone()
            },
            ..made.clone()
        })))
    }))
}

impl Step {
    fn fill(&self, fill: &Fill<'_>) -> Result<TcpStep, Problem> {
        let text = fill.maybe(self.expect.as_ref())?.map(TcpExpect::Text);
        Ok(TcpStep {
            send: fill.maybe(self.send.as_ref())?,
            expect: text.or_else(|| self.matches.clone().map(TcpExpect::Matches)),
        })
    }
}

/// `[{send: "…", expect: "…"}, {matches: "…"}]`
fn steps(at: Option<At<'_>>, scene: Scene<'_>, problems: &mut Problems) -> Option<Vec<Step>> {
    let items = super::super::items(at.clone(), problems);
    if items.len() > STEPS_MAX
        && let Some(at) = at
    {
        let message = format!("{} steps, at most {STEPS_MAX} are allowed", items.len());
        problems.add(at.problem(message));
    }
    let steps: Vec<Option<Step>> = items
        .iter()
        .map(|item| step(item, scene, problems))
        .collect();
    steps.into_iter().collect()
}

fn step(at: &At<'_>, scene: Scene<'_>, problems: &mut Problems) -> Option<Step> {
    let mut map = at.map(problems)?;
    let send = map.get("send").map(|at| {
        text_to_find(&at, problems)?;
        template(&at, scene.interfaces, problems)
    });
    let expect = map.get("expect").map(|at| {
        text_to_find(&at, problems)?;
        template(&at, scene.interfaces, problems)
    });
    let matches = map.get("matches").map(|at| text_to_find(&at, problems));
    map.finish(problems);
    if expect.is_some() && matches.is_some() {
        let problem = at.problem("both expect and matches");
        problems.add(problem.help("make two steps"));
        return None;
    }
    if send.is_none() && expect.is_none() && matches.is_none() {
        let problem = at.problem("a step that says and expects nothing");
        problems.add(problem.help("write {send: \"…\", expect: \"…\"}"));
        return None;
    }
    Some(Step {
        send: send.map_or(Some(None), |send| send.map(Some))?,
        expect: expect.map_or(Some(None), |expect| expect.map(Some))?,
        matches: matches.map_or(Some(None), |matches| matches.map(Some))?,
    })
}

fn encryption(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Encryption> {
    let at_once = map.with_default("tls", false, problems);
    let has_both = at_once && map.has("starttls");
    let starttls = tls::starttls(map, problems)?;
    if has_both {
        let problem = map.at().problem("both tls and starttls");
        problems.add(problem.help("keep tls where encryption begins at once"));
        return None;
    }
    Some(match (at_once, starttls) {
        (true, _) => Encryption::AtOnce,
        (false, Some(protocol)) => Encryption::After(protocol),
        (false, None) => Encryption::Never,
    })
}
