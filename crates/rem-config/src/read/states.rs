//! States that levels set and read: circles and slips of the pen.

use std::collections::{HashMap, HashSet};

use rem_alert::level::find_cycle;
use rem_yaml::{Located, Problems, suggest};

use super::{Draft, LevelDraft};

/// A level with the states it sets and reads.
struct Use<'d> {
    name: String,
    draft: &'d LevelDraft,
    sets: Vec<&'d str>,
    reads: Vec<&'d str>,
}

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let mut all_sets: HashSet<&str> = HashSet::new();
    let mut all_reads: Vec<(&str, &LevelDraft)> = Vec::new();
    for (_, package) in draft.packages.values() {
        let Some(package) = package else { continue };
        let mut uses: Vec<Use<'_>> = Vec::new();
        for definition in package.monitors.values() {
            for level in &definition.levels.drafts {
                let sets: Vec<&str> = level.sets.iter().map(|set| &*set.state.value).collect();
                let reads: Vec<&str> = level.reads().collect();
                all_sets.extend(&sets);
                all_reads.extend(reads.iter().map(|state| (*state, level)));
                uses.push(Use {
                    name: format!("{}/{}", definition.name, level.name.value),
                    draft: level,
                    sets,
                    reads,
                });
            }
        }
        let edges = uses
            .iter()
            .map(|one| (one.name.as_str(), one.sets.clone(), one.reads.clone()));
        let Some(cycle) = find_cycle(edges) else {
            continue;
        };
        let first = cycle.steps.first().map(|(level, _)| level.as_str());
        if let Some(one) = uses.iter().find(|one| Some(one.name.as_str()) == first) {
            let message = format!("levels feed each other in a circle: {cycle}");
            let help = "let one of them look at readings instead of a state";
            problems.add(one.draft.name.problem(message).help(help));
        }
    }
    let read: HashSet<&str> = all_reads.iter().map(|(state, _)| *state).collect();
    let mut said: HashMap<&str, ()> = HashMap::new();
    for (state, level) in all_reads {
        if all_sets.contains(state) || said.insert(state, ()).is_some() {
            continue;
        }
        let unread = all_sets.iter().copied().filter(|set| !read.contains(set));
        let mut unread: Vec<&str> = unread.collect();
        unread.sort_unstable();
        if let Some(near) = suggest(state, unread) {
            let at: &Located<_> = &level.name;
            let message = format!("no level sets the state {state}");
            let help = format!("did you mean {near}? It is set, and nothing reads it");
            problems.add(at.problem(message).help(help));
        }
    }
}
