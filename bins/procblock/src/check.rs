use std::path::{Path, PathBuf};

use procblock::Block;

use crate::output::{print, tell};
use crate::{DONE, WRONG};

/// Lists what is wrong with files.
pub(crate) async fn check(files: &[PathBuf], python: &Path) -> u8 {
    let mut code = DONE;
    for file in files {
        let block = match Block::load(file) {
            Ok(block) => block,
            Err(problems) => {
                tell(&problems.to_string());
                code = WRONG;
                continue;
            }
        };
        let checked = procblock::check(&block, python).await;
        for warning in checked.warnings.sorted() {
            tell(&format!("warning: {warning}"));
        }
        if checked.problems.is_empty() {
            print(&format!("{}: ok", file.display()));
        } else {
            tell(&checked.problems.to_string());
            code = WRONG;
        }
    }
    code
}
