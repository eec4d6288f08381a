//! The body of a live stream: what the actor hands over, one piece at a time.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::reply::VARY;

/// Pieces of a stream. The channel behind it holds one piece: a second one waits at the actor.
pub(crate) struct LiveBody {
    pieces: mpsc::Receiver<Bytes>,
    /// Dropped with this one: ends the reading half of a WebSocket.
    _beside: Option<BoxBody>,
}

impl LiveBody {
    pub(crate) const fn new(pieces: mpsc::Receiver<Bytes>, beside: Option<BoxBody>) -> Self {
        Self { pieces, _beside: beside }
    }
}

impl MessageBody for LiveBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().pieces.poll_recv(cx).map(|piece| piece.map(Ok))
    }
}

/// The response of a stream of events. Not compressed: a window of 256 KB per stream is too much.
pub(crate) fn response(body: impl MessageBody + 'static) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((header::VARY, VARY))
        .insert_header(("X-Accel-Buffering", "no"));
    response.body(body)
}
