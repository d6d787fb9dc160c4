use std::sync::Arc;

use rem_yaml::{At, Loader, Problems};

use crate::check::RunCheck;

use super::{existing_file, folder_of};

/// A run list: its items are procblock's business, that its scripts exist is ours.
pub(super) fn read(at: &At<'_>, loader: &Loader, problems: &mut Problems) -> Option<RunCheck> {
    let items = at.items(problems)?;
    if items.is_empty() {
        problems.add(
            at.problem("nothing to run")
                .help("write [{script: scripts/name.py}]"),
        );
    }
    for item in &items {
        if item.node().as_map().is_none() {
            let problem = item.expected("something to run");
            problems.add(problem.help("write {script: path} or {shell: command}"));
            continue;
        }
        if let Some(script) = item.node().get("script") {
            let at = At::new(script, item.path().key("script"));
            existing_file(&at, "script", loader, problems);
        }
    }
    Some(RunCheck {
        run: Arc::new(at.node().clone()),
        folder: folder_of(at.place()),
    })
}
