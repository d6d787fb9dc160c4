use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::sync::mpsc;

use crate::Subscription;
use crate::metrics::Open;

const FILE_PIECE_BYTES: usize = 64 << 10;

/// What goes out after the head.
pub(super) enum OutBody {
    Whole(Option<Bytes>),
    Events {
        subscription: Box<Subscription>,
        closing: Pin<Box<dyn Future<Output = ()> + Send>>,
        _open: Open,
    },
    Pieces(mpsc::Receiver<Bytes>),
    File {
        file: tokio::fs::File,
        left: u64,
    },
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events {
                subscription,
                closing,
                ..
            } => {
                if closing.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                let frame = ready!(Pin::new(&mut **subscription).poll_next(context));
                Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Pieces(pieces) => {
                let piece = ready!(pieces.poll_recv(context));
                Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::File { file, left } => {
                if *left == 0 {
                    return Poll::Ready(None);
                }
                let wanted = usize::try_from(*left)
                    .map_or(FILE_PIECE_BYTES, |left| left.min(FILE_PIECE_BYTES));
                let mut piece = vec![0; wanted];
                let mut buffer = ReadBuf::new(&mut piece);
                ready!(Pin::new(file).poll_read(context, &mut buffer))?;
                let got = buffer.filled().len();
                if got == 0 {
                    // Cut short meanwhile: the length was promised, so this is an error.
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                *left -= got as u64;
                piece.truncate(got);
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Events { .. } | Self::Pieces(_) => false,
            Self::File { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Events { .. } | Self::Pieces(_) => SizeHint::default(),
            Self::File { left, .. } => SizeHint::with_exact(*left),
        }
    }
}

/// A body that keeps something alive until it has been sent or given up.
pub(super) struct Keeping<K> {
    pub(super) body: OutBody,
    pub(super) _kept: K,
}

impl<K: Unpin> Body for Keeping<K> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
