//! The public application without listeners: requests are handed to it in the process.
//!
//! The simulator and tests run the same routes, layers and handlers as a server does; only
//! sockets are left out. Not for production: a body is read and answered whole, or piece by piece
//! as its caller asks for it ([`Opened`]).

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, http::header};
use bytes::Bytes;

use crate::app;
use crate::route::Route;
use crate::state::EdgeState;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, with their last values.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer whose body is still to come: that of a live stream comes for as long as it is open.
/// Dropping it ends the stream, as a closed connection does.
pub struct Opened {
    /// The status.
    pub status: u16,
    /// Names in lower case, with their last values.
    pub headers: BTreeMap<String, String>,
    body: BoxBody,
}

impl Opened {
    /// The next piece of the body; `None`: there is no more.
    ///
    /// # Panics
    /// When the body breaks off: a server would cut the connection.
    pub async fn next(&mut self) -> Option<Bytes> {
        let piece = poll_fn(|cx| Pin::new(&mut self.body).poll_next(cx)).await?;
        Some(piece.expect("the body does not break off"))
    }

    async fn whole(mut self) -> Answer {
        let mut body = Vec::new();
        while let Some(piece) = self.next().await {
            body.extend_from_slice(&piece);
        }
        Answer { status: self.status, headers: self.headers, body }
    }
}

type Opening = Pin<Box<dyn Future<Output = Opened>>>;

/// An application that is ready. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct InProcess {
    open: Rc<dyn Fn(Request) -> Opening>,
}

impl InProcess {
    /// All public routes of a node.
    pub async fn public(state: EdgeState) -> Self {
        Self::build(app::configure(state)).await
    }

    /// Chosen routes, with every layer around them.
    pub async fn of(state: EdgeState, routes: Vec<Route>) -> Self {
        Self::build(app::configure_routes(state, routes)).await
    }

    async fn build(configure: impl FnOnce(&mut actix_web::web::ServiceConfig)) -> Self {
        let service = Rc::new(init_service(App::new().configure(configure)).await);
        let open = move |request: Request| -> Opening {
            let service = Rc::clone(&service);
            Box::pin(async move {
                let response = call_service(&*service, to_actix(request)).await;
                let status = response.status().as_u16();
                let headers = response
                    .headers()
                    .iter()
                    .map(|(name, value)| {
                        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        (name.as_str().to_owned(), value)
                    })
                    .collect();
                Opened { status, headers, body: response.into_body().boxed() }
            })
        };
        Self { open: Rc::new(open) }
    }

    /// Answers a request. Dropping the future drops the handler, as a lost connection does.
    ///
    /// # Panics
    /// On a method, a path or a header that no HTTP message can carry.
    pub fn call(&self, request: Request) -> impl Future<Output = Answer> + 'static {
        let opening = self.open(request);
        async move { opening.await.whole().await }
    }

    /// Answers a request with a body that is read as it comes.
    ///
    /// # Panics
    /// As [`InProcess::call`].
    pub fn open(&self, request: Request) -> impl Future<Output = Opened> + 'static {
        (self.open)(request)
    }
}

fn to_actix(request: Request) -> actix_http::Request {
    let method: Method = request.method.parse().expect("the caller names a method of HTTP");
    let mut made = TestRequest::default().method(method).uri(&request.uri);
    if request.headers.iter().all(|(name, _)| name != header::HOST.as_str()) {
        made = made.append_header((header::HOST, "127.0.0.1:8080"));
    }
    for (name, value) in &request.headers {
        made = made.append_header((name.as_str(), value.as_str()));
    }
    if let Some(body) = request.body {
        made = made.set_payload(body);
    }
    made.to_request()
}
