//! What goes over the socket: frames of a length (u32, little-endian) and that
//! many bytes. The first frame each way is the greeting.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ack::Ack;
use crate::ack::{Durability, Revision};
use crate::core::{Command, Op, Reply};
use crate::error::Refusal;
use crate::live::{BucketKey, Wait};
use crate::wire::{Wire, wire};

/// Both ends have to speak the same.
pub(super) const GREETING: &[u8] = b"unidist 1";

/// A longer frame is a fault of the other end, and ends the connection.
const FRAME_BYTES_MAX: usize = 64 << 20;

#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub number: u64,
    pub key: BucketKey,
    pub op: Option<Op>,
    pub wait: Wait,
    pub command: Command,
}

#[derive(Debug, PartialEq)]
pub(super) struct Response {
    pub number: u64,
    pub result: Result<Answer, Refusal>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub reply: Reply,
    pub durability: Durability,
    pub rev: Revision,
}

wire!(struct Request { number, key, op, wait, command });
wire!(struct Response { number, result });
wire!(struct Answer { reply, durability, rev });

impl Answer {
    pub(super) fn new((reply, ack): (Reply, Ack)) -> Self {
        Self {
            reply,
            durability: ack.durability,
            rev: ack.rev,
        }
    }

    pub(super) fn into_parts(self) -> (Reply, Ack) {
        let ack = Ack {
            durability: self.durability,
            rev: self.rev,
        };
        (self.reply, ack)
    }
}

/// Puts a frame at the end of `out`.
pub(super) fn put(out: &mut Vec<u8>, body: &[u8]) {
    // Bodies are limited far below 4 GiB.
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(body);
}

pub(super) fn of(message: &impl Wire) -> Vec<u8> {
    let mut out = vec![0; 4];
    message.put(&mut out);
    let length = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&length.to_le_bytes());
    out
}

pub(super) async fn read(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_u32_le().await? as usize;
    if FRAME_BYTES_MAX < length {
        return Err(invalid("a frame is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(body)
}

pub(super) async fn greet<R, W>(from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncReadExt + Unpin,
    W: AsyncWriteExt + Unpin,
{
    let mut hello = Vec::new();
    put(&mut hello, GREETING);
    to.write_all(&hello).await?;
    if read(from).await? == GREETING {
        Ok(())
    } else {
        Err(invalid("the other end speaks another version"))
    }
}

pub(super) fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Writes what comes through the channel, as much as is there at a time.
pub(super) async fn write_all_from(
    mut frames: tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>,
    mut to: impl AsyncWriteExt + Unpin,
) -> io::Result<()> {
    while let Some(mut batch) = frames.recv().await {
        while let Ok(more) = frames.try_recv() {
            batch.extend_from_slice(&more);
        }
        to.write_all(&batch).await?;
    }
    Ok(())
}
