use std::path::{Path, PathBuf};

use procblock::Block;
use rem_command::{Exit, say, tell};

/// Lists what is wrong with files.
pub(crate) async fn check(files: &[PathBuf], python: &Path) -> Exit {
    let mut code = Exit::Done;
    for file in files {
        let block = match Block::load(file) {
            Ok(block) => block,
            Err(problems) => {
                tell(&problems.to_string());
                code = Exit::Mistake;
                continue;
            }
        };
        let checked = procblock::check(&block, python).await;
        for warning in checked.warnings.sorted() {
            tell(&format!("warning: {warning}"));
        }
        if checked.problems.is_empty() {
            // A full disk is told by the exit code alone.
            if say(&format!("{}: ok\n", file.display())).is_err() {
                code = Exit::Failed;
            }
        } else {
            tell(&checked.problems.to_string());
            code = Exit::Mistake;
        }
    }
    code
}
