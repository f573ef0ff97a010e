//! A call's bytes on their way in. They end when the client says nothing more for too long, when what the
//! call belongs to has ended, and when too much of them is held: a call that is never sent to its end
//! holds nothing for ever.

use super::held_limit::HeldPlace;
use super::status::{limit_exceeded, status};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use mooring_spi::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

/// What a call may send.
#[derive(Debug)]
pub(super) enum Allowance {
    /// Its user's share of the door's.
    OfUser(HeldPlace),
    /// So many bytes, of a call without a user; it is one of the few of its connection.
    Few { left: usize, _place: OwnedSemaphorePermit },
}

impl Allowance {
    fn take(&mut self, bytes: usize) -> Result<()> {
        match self {
            Self::OfUser(place) => place.grow(bytes),
            Self::Few { left, .. } => {
                *left = left.checked_sub(bytes).ok_or_else(|| {
                    limit_exceeded("a call without a login sends more than such calls need")
                })?;
                Ok(())
            }
        }
    }
}

/// The body of a call.
pub(super) struct Coming<B> {
    body: B,
    allowance: Allowance,
    silence_max: Duration,
    /// Runs while bytes are waited for.
    silence: Option<Pin<Box<Sleep>>>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<B> Coming<B> {
    /// `end`: cancelled when what the call belongs to has ended.
    pub(super) fn new(
        body: B,
        allowance: Allowance,
        silence_max: Duration,
        end: CancellationToken,
    ) -> Self {
        let ended = Box::pin(end.cancelled_owned());
        Self { body, allowance, silence_max, silence: None, ended }
    }

    fn too_silent(&self) -> Error {
        Error::new(
            ErrorKind::TimedOut,
            format!(
                "the client sent nothing of its call for {} seconds (`coordinator.flight_sql.body_timeout_s`)",
                self.silence_max.as_secs()
            ),
        )
    }
}

impl<B> Body for Coming<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.ended.as_mut().poll(context).is_ready() {
            let over = Error::new(ErrorKind::Cancelled, "the call ends with its session");
            return Poll::Ready(Some(Err(status(&over))));
        }
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let silence_max = this.silence_max;
            let silence =
                this.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence_max)));
            ready!(silence.as_mut().poll(context));
            return Poll::Ready(Some(Err(status(&this.too_silent()))));
        };
        this.silence = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(|error| Status::from_error(error.into())).and_then(|frame| {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            this.allowance.take(bytes).map_err(|error| status(&error))?;
            Ok(frame)
        });
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::held_limit::HeldLimit;
    use super::*;
    use std::future::poll_fn;
    use std::sync::Arc;
    use tokio::sync::{Semaphore, mpsc};
    use tonic::Code;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A body whose bytes come when they are sent.
    struct Sent(mpsc::UnboundedReceiver<Bytes>);

    impl Body for Sent {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<std::result::Result<Frame<Bytes>, Status>>> {
            self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    async fn next(body: &mut Coming<Sent>) -> Option<std::result::Result<usize, Code>> {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        let bytes = frame.map(|frame| frame.data_ref().map_or(0, Bytes::len));
        Some(bytes.map_err(|status| status.code()))
    }

    fn body(
        silence_max: Duration,
        end: &CancellationToken,
        limit: &Arc<HeldLimit>,
    ) -> (mpsc::UnboundedSender<Bytes>, Coming<Sent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let allowance = Allowance::OfUser(limit.place("ana"));
        (sender, Coming::new(Sent(receiver), allowance, silence_max, end.clone()))
    }

    #[tokio::test]
    async fn one_that_falls_silent_ends_and_one_that_speaks_does_not() {
        let (limit, end) = (HeldLimit::of_calls(1 << 10), CancellationToken::new());
        let (sender, mut coming) = body(Duration::ZERO, &end, &limit);
        for _ in 0..3 {
            // What is there already was sent in time, whenever it is asked for.
            sender.send(Bytes::from_static(b"abc")).expect("sent");
            assert_eq!(next(&mut coming).await, Some(Ok(3)));
        }
        assert_eq!(next(&mut coming).await, Some(Err(Code::DeadlineExceeded)));
        let (sender, mut coming) = body(HOUR, &end, &limit);
        let sending = async { sender.send(Bytes::from_static(b"abc")).expect("sent") };
        assert_eq!(tokio::join!(next(&mut coming), sending).0, Some(Ok(3)));
        assert!(coming.silence.is_none(), "it waits for nothing");
    }

    #[tokio::test]
    async fn one_whose_session_has_ended_ends() {
        let (limit, end) = (HeldLimit::of_calls(1 << 10), CancellationToken::new());
        let (_sender, mut coming) = body(HOUR, &end, &limit);
        let ending = async { end.cancel() };
        assert_eq!(tokio::join!(next(&mut coming), ending).0, Some(Err(Code::Cancelled)));
    }

    #[tokio::test]
    async fn a_user_holds_no_more_than_its_share_in_all_its_calls() {
        let (limit, end) = (HeldLimit::of_calls(1 << 10), CancellationToken::new());
        let mut open: Vec<_> = (0..3).map(|_| body(HOUR, &end, &limit)).collect();
        let mut found = Vec::new();
        for (sender, coming) in &mut open {
            sender.send(Bytes::from(vec![0; 1 << 10])).expect("sent");
            found.push(next(coming).await);
        }
        let refused = Some(Err(Code::ResourceExhausted));
        assert_eq!(found, [Some(Ok(1 << 10)), Some(Ok(1 << 10)), refused]);
        drop(open);
        let (sender, mut coming) = body(HOUR, &end, &limit);
        sender.send(Bytes::from(vec![0; 1 << 10])).expect("sent");
        assert_eq!(next(&mut coming).await, Some(Ok(1 << 10)));
        drop(sender);
        assert_eq!(next(&mut coming).await, None);
    }

    #[tokio::test]
    async fn a_stranger_sends_little() {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().expect("a place");
        let (sender, receiver) = mpsc::unbounded_channel();
        let allowance = Allowance::Few { left: 4, _place: place };
        let mut coming = Coming::new(Sent(receiver), allowance, HOUR, CancellationToken::new());
        for _ in 0..2 {
            sender.send(Bytes::from_static(b"abc")).expect("sent");
        }
        assert_eq!(next(&mut coming).await, Some(Ok(3)));
        assert_eq!(next(&mut coming).await, Some(Err(Code::ResourceExhausted)));
        drop(coming);
        assert_eq!(places.available_permits(), 1);
    }
}
