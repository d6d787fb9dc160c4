use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::{TcpError, TcpExpect, TcpOptions, TcpStep};
use crate::local::bytes;
use crate::pattern::Pattern;
use crate::reason;

/// How long to wait for more before a pattern is tried again on a long text
/// that grew by little: a peer that drips would else make us search anew for
/// every byte.
const PAUSE: Duration = Duration::from_millis(10);

/// Texts up to this length are searched after every read.
const SHORT_BYTES: usize = 4096;

/// A step that is ready to be taken.
#[derive(Debug)]
pub(super) struct Step {
    send: Option<Vec<u8>>,
    expect: Option<Wanted>,
}

#[derive(Debug)]
enum Wanted {
    Text(Vec<u8>),
    Pattern(Pattern),
}

impl Step {
    pub(super) fn all(options: &TcpOptions) -> Result<Vec<Self>, TcpError> {
        let first = TcpStep {
            send: options.send.clone(),
            expect: options.expect.clone().map(TcpExpect::Text),
        };
        let has_first = first.send.is_some() || first.expect.is_some();
        let steps = has_first.then_some(&first).into_iter();
        steps.chain(&options.steps).map(Self::new).collect()
    }

    fn new(step: &TcpStep) -> Result<Self, TcpError> {
        let expect = match &step.expect {
            Some(TcpExpect::Text(text)) if text.is_empty() => return Err(TcpError::EmptyExpect),
            Some(TcpExpect::Text(text)) => Some(Wanted::Text(text.clone())),
            Some(TcpExpect::Pattern(pattern)) => Some(Wanted::Pattern(Pattern::new(pattern)?)),
            None => None,
        };
        Ok(Self {
            send: step.send.clone(),
            expect,
        })
    }

    pub(super) fn expects(&self) -> bool {
        self.expect.is_some()
    }
}

/// Takes one step after the other. `doing` says what is being waited for.
pub(super) async fn take<S>(
    steps: &[Step],
    stream: &mut S,
    read_max: usize,
    doing: &mut &'static str,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut said = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        // One step needs no number.
        let place = match steps.len() {
            1 => String::new(),
            all => format!("step {} of {all}: ", index + 1),
        };
        if let Some(text) = &step.send {
            *doing = "what was sent was not taken by";
            let sent = async {
                stream.write_all(text).await?;
                stream.flush().await
            };
            let sent = sent.await;
            sent.map_err(|error| format!("{place}{}", reason::io(&error)))?;
        }
        if let Some(wanted) = &step.expect {
            *doing = "the expected text did not come from";
            let found = find(stream, wanted, read_max, &mut said).await;
            found.map_err(|reason| format!("{place}{reason}"))?;
        }
    }
    Ok(())
}

/// Reads until what is wanted was said, and leaves what came behind it.
async fn find<S>(
    stream: &mut S,
    wanted: &Wanted,
    read_max: usize,
    said: &mut Vec<u8>,
) -> Result<(), String>
where
    S: AsyncRead + Unpin,
{
    let mut buffer = [0; 4096];
    let mut searched = 0;
    loop {
        if let Some(end) = wanted.end(said, searched) {
            said.drain(..end);
            return Ok(());
        }
        searched = said.len();
        loop {
            let room = buffer.len().min(read_max.saturating_sub(said.len()));
            if room == 0 {
                let limit = bytes(read_max as u64);
                return Err(format!("the expected text is not in the first {limit}"));
            }
            let grown = said.len() - searched;
            let reading = stream.read(&mut buffer[..room]);
            let read = match grown {
                0 => reading.await,
                _ => match timeout(PAUSE, reading).await {
                    Ok(read) => read,
                    Err(_) => break,
                },
            };
            match read {
                // What came last was not searched yet.
                Ok(0) if grown > 0 && wanted.end(said, searched).is_some() => break,
                Ok(0) => {
                    let said = excerpt(said);
                    return Err(format!("closed without the expected text, {said}"));
                }
                Ok(read) => said.extend_from_slice(&buffer[..read]),
                Err(error) => {
                    return Err(format!("{} before the expected text", reason::io(&error)));
                }
            }
            let grown = said.len() - searched;
            if wanted.is_cheap() || said.len() <= SHORT_BYTES || grown >= said.len() / 16 {
                break;
            }
        }
    }
}

impl Wanted {
    /// Where it ends in what was said, of which the beginning was searched.
    fn end(&self, said: &[u8], searched: usize) -> Option<usize> {
        match self {
            Self::Text(text) => {
                // What came before can hold the beginning of the text at its end.
                let from = searched.saturating_sub(text.len() - 1);
                let found = said[from..]
                    .windows(text.len())
                    .position(|part| part == text);
                found.map(|at| from + at + text.len())
            }
            Self::Pattern(pattern) => pattern.end(said),
        }
    }

    /// Whether a search looks only at what is new.
    fn is_cheap(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Pattern(_) => false,
        }
    }
}

/// The beginning of what a peer said, for messages.
fn excerpt(said: &[u8]) -> String {
    const EXCERPT_MAX: usize = 60;
    if said.is_empty() {
        return "it said nothing".into();
    }
    let start = String::from_utf8_lossy(&said[..said.len().min(EXCERPT_MAX)]).into_owned();
    format!("it said: {}", start.trim_end().escape_debug())
}
