use std::fs;
use std::path::{Path, PathBuf};

use rem_yaml::Sought;

use super::{Files, Look};

struct Watched {
    folder: tempfile::TempDir,
    files: Files,
}

impl Watched {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("monitor.yaml");
        fs::write(&file, "site: a\n").unwrap();
        let watched = Sought {
            files: [file, folder.path().join("later.yaml")].into(),
            patterns: [
                (folder.path().to_owned(), "*.yaml".into()),
                (folder.path().to_owned(), "conf.d/*/*.conf".into()),
            ]
            .into(),
        };
        let files = Files {
            seen: Look::at(&watched),
            watched,
            changing: None,
            ticks: tokio::time::interval(super::EVERY),
        };
        Self { folder, files }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn look(&mut self) -> bool {
        let look = Look::at(&self.files.watched);
        self.files.saw(look)
    }

    #[track_caller]
    fn notices(&mut self, change: impl FnOnce(&Path)) {
        change(self.folder.path());
        let looks: Vec<bool> = (0..4).map(|_| self.look()).collect();
        assert_eq!(looks, [false, true, false, false]);
    }
}

#[tokio::test]
async fn a_file_that_is_written_replaced_or_gone_is_noticed_once() {
    let mut watched = Watched::new();
    assert!(!watched.look());
    watched.notices(|folder| fs::write(folder.join("monitor.yaml"), "site: abc\n").unwrap());
    watched.notices(|folder| {
        // As editors do it; size and time may be the same.
        fs::write(folder.join("new"), "site: xyz\n").unwrap();
        fs::rename(folder.join("new"), folder.join("monitor.yaml")).unwrap();
    });
    watched.notices(|folder| fs::remove_file(folder.join("monitor.yaml")).unwrap());
}

#[tokio::test]
async fn a_file_that_a_pattern_may_take_in_is_noticed_and_others_are_not() {
    let mut watched = Watched::new();
    watched.notices(|folder| fs::write(folder.join("more.yaml"), "").unwrap());
    watched.notices(|folder| fs::write(folder.join("later.yaml"), "").unwrap());
    // Not even the folder was there.
    fs::create_dir_all(watched.path("conf.d/web")).unwrap();
    watched.notices(|folder| fs::write(folder.join("conf.d/web/a.conf"), "").unwrap());
    fs::write(watched.path("conf.d/web/a.yaml"), "").unwrap();
    fs::write(watched.path("notes.txt"), "").unwrap();
    fs::create_dir(watched.path("data")).unwrap();
    assert!(!watched.look() && !watched.look());
}

#[tokio::test]
async fn a_file_in_the_midst_of_being_written_is_left_alone() {
    let mut watched = Watched::new();
    for size in 1..5 {
        fs::write(watched.path("monitor.yaml"), "x".repeat(100 + size)).unwrap();
        assert!(!watched.look(), "it still grows");
    }
    assert!(watched.look());
}
