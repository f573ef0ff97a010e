//! The body of a call, which fails when its client sends nothing of it for too long: half of a call
//! holds memory and its session.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tower::BoxError;

pub(super) struct TimedBody<B> {
    body: Pin<Box<B>>,
    time: Duration,
    /// Until the next frame.
    deadline: Pin<Box<Sleep>>,
}

impl<B> TimedBody<B> {
    pub(super) fn new(body: B, time: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(time));
        Self { body: Box::pin(body), time, deadline }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match this.body.as_mut().poll_frame(context) {
            Poll::Ready(frame) => {
                let next = Instant::now() + this.time;
                this.deadline.as_mut().reset(next);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => this.deadline.as_mut().poll(context).map(|()| {
                let why = "the client sent nothing of its call for too long (`coordinator.flight_sql.body_timeout_s`)";
                Some(Err(Status::deadline_exceeded(why).into()))
            }),
        }
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
    use super::*;
    use futures::stream;

    /// A body of one frame after which nothing comes.
    struct Half(Option<Bytes>);

    impl Body for Half {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            match self.get_mut().0.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test]
    async fn half_of_a_body_ends_as_an_error() {
        let half = Half(Some(Bytes::from_static(b"x")));
        let mut body = Box::pin(TimedBody::new(half, Duration::ZERO));
        let mut frames = stream::poll_fn(|context| body.as_mut().poll_frame(context));
        let first = futures::StreamExt::next(&mut frames).await.expect("a frame").expect("bytes");
        assert_eq!(first.into_data().expect("data"), Bytes::from_static(b"x"));
        let second = futures::StreamExt::next(&mut frames).await.expect("an end");
        assert!(second.is_err());
    }
}
