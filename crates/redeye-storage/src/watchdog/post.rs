//! Our end of the watchdog's socket.

use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::time::Duration;

use rem_time::Span;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Watchdog;
use super::message::{Answer, Order};
use crate::call::{Call, Said};

/// How long a watchdog may take to be there.
const START: Duration = Duration::from_secs(10);

/// A watchdog at work. When this is dropped it lets go of everything and ends.
pub(crate) struct Post {
    answers: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
    /// Why not everything is held any more.
    gone: Option<String>,
}

impl Post {
    /// Starts a watchdog; when this returns nobody who ends us ends it.
    pub(crate) async fn start(
        watchdog: &Watchdog,
        record: &Path,
        hold_max: Span,
        exits_tried: u32,
    ) -> Result<Self, String> {
        let failed = |why: std::io::Error| format!("no watchdog can be started: {why}");
        if let Some(folder) = record.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let (ours, theirs) = StdStream::pair().map_err(failed)?;
        watchdog.start(theirs).map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let (read, write) = UnixStream::from_std(ours).map_err(failed)?.into_split();
        let mut post = Self {
            answers: BufReader::new(read).lines(),
            write,
            gone: None,
        };
        let start = Order::Start {
            record: record.to_owned(),
            hold_max,
            exits_tried,
        };
        post.order(&start).await?;
        match tokio::time::timeout(START, post.answer()).await {
            Ok(Ok(Answer::Ready)) => Ok(post),
            Ok(Ok(_)) => Err("the watchdog did not say that it is there".into()),
            Ok(Err(why)) => Err(format!("the watchdog ended at its start: {why}")),
            Err(_) => Err("the watchdog was not there within 10 s".into()),
        }
    }

    async fn order(&mut self, order: &Order) -> Result<(), String> {
        let mut line = serde_json::to_vec(order).map_err(|why| why.to_string())?;
        line.push(b'\n');
        let written = self.write.write_all(&line).await;
        written.map_err(|why| format!("the watchdog is gone: {why}"))
    }

    async fn answer(&mut self) -> Result<Answer, String> {
        let line = self.answers.next_line().await;
        let line = line.map_err(|why| format!("the watchdog is gone: {why}"))?;
        let line = line.ok_or("the watchdog is gone")?;
        serde_json::from_str(&line).map_err(|why| format!("the watchdog said {line:?}: {why}"))
    }

    /// The next answer that was asked for.
    async fn asked(&mut self) -> Result<Answer, String> {
        loop {
            match self.answer().await? {
                Answer::Gone(why) => self.gone = Some(why),
                other => return Ok(other),
            }
        }
    }

    /// Stops writing.
    pub(crate) async fn hold(
        &mut self,
        layer: usize,
        entry: Call,
        exit: Call,
    ) -> Result<Said, String> {
        let (entry, exit) = (Box::new(entry), Box::new(exit));
        self.order(&Order::Hold { layer, entry, exit }).await?;
        match self.asked().await? {
            Answer::Held(said) => said,
            other => Err(format!("the watchdog answered {other:?}")),
        }
    }

    /// Whether all is held still; asked after whatever must not have seen a write.
    pub(crate) async fn still(&mut self) -> Result<(), String> {
        if let Some(why) = &self.gone {
            return Err(why.clone());
        }
        self.order(&Order::Ask).await?;
        match self.answer().await? {
            Answer::Still => Ok(()),
            Answer::Gone(why) => {
                self.gone = Some(why.clone());
                Err(why)
            }
            other => Err(format!("the watchdog answered {other:?}")),
        }
    }

    /// Lets go. An outer error: nobody can say whether it was done.
    pub(crate) async fn release(
        &mut self,
        layer: usize,
        exit: Call,
    ) -> Result<Result<(), String>, String> {
        let exit = Box::new(exit);
        self.order(&Order::Release { layer, exit }).await?;
        match self.asked().await? {
            Answer::Released(released) => Ok(released),
            other => Err(format!("the watchdog answered {other:?}")),
        }
    }

    /// Returns when not everything is held any more, and why.
    pub(crate) async fn gone(&mut self) -> String {
        if let Some(why) = &self.gone {
            return why.clone();
        }
        let why = match self.answer().await {
            Ok(Answer::Gone(why)) | Err(why) => why,
            Ok(other) => format!("the watchdog said {other:?}"),
        };
        self.gone = Some(why.clone());
        why
    }

    /// It may end; what it could not let go it goes on trying.
    pub(crate) async fn end(mut self) {
        // Dropping the socket says the same.
        let _ = self.order(&Order::End).await;
    }
}
