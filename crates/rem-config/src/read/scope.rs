use rem_yaml::{At, Located, Problems};

use crate::name::ObserverName;
use crate::scope::{Observer, Scope, Scopes};

const SCOPES: [(&str, Scope); 3] = [
    ("local", Scope::Local),
    ("near", Scope::Near),
    ("far", Scope::Far),
];

/// Characters of a network namespace's name, which is a file's name.
const NETNS_CHARS_MAX: usize = 255;

pub(super) fn observer(
    name: &Located<ObserverName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Observer> {
    let mut map = at.map(problems)?;
    let location = map.required("location", problems);
    let netns = map.get("netns").and_then(|at| {
        at.parse_with(problems, |text| {
            let fits = (1..=NETNS_CHARS_MAX).contains(&text.len())
                && !text.contains(['/', '\0'])
                && !matches!(text, "." | "..");
            match fits {
                true => Ok(text.to_owned()),
                false => Err(format!("not the name of a network namespace: {text}")),
            }
        })
    });
    map.finish(problems);
    Some(Observer {
        name: name.value.clone(),
        location: location?,
        netns,
        place: name.place.clone(),
    })
}

/// `near`, or a list; empty where nothing is written.
pub(super) fn scopes(at: Option<At<'_>>, problems: &mut Problems) -> Option<Scopes> {
    let Some(at) = at else {
        return Some(Vec::new());
    };
    let items = match at.node().as_seq() {
        Some([]) => {
            problems.add(
                at.problem("no scope")
                    .help("write near, far or [near, far]"),
            );
            return None;
        }
        Some(_) => at.items(problems)?,
        None => vec![at],
    };
    let mut scopes: Scopes = Vec::new();
    for item in &items {
        let scope = item.one_of(&SCOPES, problems)?;
        if let Some(first) = scopes.iter().find(|other| other.value == scope) {
            let message = format!("{scope} is listed twice, first at {}", first.place);
            problems.add(item.problem(message).help("remove one of the two"));
            continue;
        }
        scopes.push(item.located(scope));
    }
    Some(scopes)
}
