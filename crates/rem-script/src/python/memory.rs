//! A look at a worker from outside: its memory, and who else is in its group.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use rustix::param::page_size;
use rustix::process::Pid;

#[derive(Debug)]
pub(super) struct Memory {
    leader: Pid,
    statm: File,
}

impl Memory {
    pub(super) fn of(leader: Pid) -> io::Result<Self> {
        let statm = File::open(format!("/proc/{leader}/statm"))?;
        Ok(Self { leader, statm })
    }

    /// Resident bytes; 0 for a process that has ended, which shows elsewhere.
    pub(super) fn resident(&self) -> u64 {
        let mut text = [0; 128];
        let length = self.statm.read_at(&mut text, 0).unwrap_or(0);
        let text = std::str::from_utf8(&text[..length]).unwrap_or("");
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or(0) * page_size() as u64
    }

    /// Whether a process other than the leader lives in its group.
    pub(super) fn others_in_group(&self) -> bool {
        let leader = self.leader.as_raw_nonzero().get();
        let Ok(processes) = fs::read_dir("/proc") else {
            return false;
        };
        processes.flatten().any(|process| {
            let name = process.file_name();
            let pid = name.to_str().and_then(|name| name.parse::<i32>().ok());
            pid.is_some_and(|pid| pid != leader && is_alive_in(pid, leader))
        })
    }
}

fn is_alive_in(pid: i32, group: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which may hold anything: state, parent, group.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let mut fields = after_name.split(' ');
    let state = fields.next();
    let its_group = fields.nth(1).and_then(|group| group.parse::<i32>().ok());
    state != Some("Z") && its_group == Some(group)
}
