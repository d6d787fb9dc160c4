use std::process::ExitCode;

/// How a command ended: the same number for the same end, for ever. Scripts rely
/// on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exit {
    /// 0: it is done, also when a signal ended it.
    Done,
    /// 1: it failed, or it found problems.
    Failed,
    /// 2: a file or an argument is wrong; nothing was started or changed.
    Mistake,
    /// 3: whoever was to be asked does not answer.
    NoAnswer,
    /// 75: not now. A mail server keeps the mail and comes again.
    TryLater,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Mistake => 2,
            Self::NoAnswer => 3,
            Self::TryLater => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs something asynchronous to its end. A thread that hangs in a system call does
/// not keep the program.
///
/// # Errors
/// If the system gives no threads.
pub fn run<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}
