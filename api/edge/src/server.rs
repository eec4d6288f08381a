//! The listeners of a node and their end.
//!
//! Two listeners: the public one, and the admin one with probes, metrics and operator routes.
//! A drain goes in an order that loses nothing: readiness says 503, time passes so that load
//! balancers see it, streams are told to go, then the listeners close and requests in flight end.

use std::future::{Future, Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle as ActixHandle;
use actix_web::http::header;
use actix_web::{App, HttpResponse, HttpServer, guard, web};
use serde_json::json;
use tokio::net::TcpSocket;

use crate::health::Phase;
use crate::route::Route;
use crate::state::EdgeState;
use crate::{app, limits, push};

/// Tells every open stream to go, over the given time; ends when they are gone.
pub type Bye = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where and how to listen.
#[derive(Clone)]
pub struct ServerOptions {
    /// The public listener; port 0 takes a free one.
    pub http: SocketAddr,
    /// The admin listener; loopback unless an operator says otherwise.
    pub admin: SocketAddr,
    /// Threads of the public listener.
    pub workers: usize,
    /// How long readiness says 503 before anything closes, in ms.
    pub notice_ms: u64,
    /// How long streams may take to go, in ms.
    pub bye_ms: u64,
    /// How long requests in flight may take to end, in ms.
    pub finish_ms: u64,
    /// Tells streams to go.
    pub bye: Bye,
    /// Operator routes of the admin listener.
    pub admin_routes: Vec<Route>,
}

impl ServerOptions {
    /// Options for two addresses, with short times and no streams.
    #[must_use]
    pub fn new(http: SocketAddr, admin: SocketAddr) -> Self {
        Self {
            http,
            admin,
            workers: 2,
            notice_ms: 0,
            bye_ms: 5_000,
            finish_ms: 10_000,
            bye: Arc::new(|_| Box::pin(ready(()))),
            admin_routes: Vec::new(),
        }
    }
}

/// Listeners that are bound and serve.
pub struct Server {
    http: SocketAddr,
    admin: SocketAddr,
    handle: ServerHandle,
    running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

/// Ends a server.
#[derive(Clone)]
pub struct ServerHandle {
    state: EdgeState,
    public: ActixHandle,
    admin: ActixHandle,
    options: Arc<ServerOptions>,
}

impl Server {
    /// Binds both listeners and begins to serve. Needs a tokio runtime.
    pub fn bind(state: EdgeState, options: ServerOptions) -> io::Result<Self> {
        let configure = app::configure(state.clone());
        let public = HttpServer::new(move || App::new().configure(configure.clone()))
            .workers(options.workers)
            .disable_signals()
            .shutdown_timeout(options.finish_ms.div_ceil(1000))
            .on_connect(push::keep_connection)
            .listen(
                listener(options.http).map_err(|error| unbound("http", options.http, &error))?,
            )?;
        let admin_app = admin(state.clone(), options.admin_routes.clone());
        let admin = HttpServer::new(move || App::new().configure(admin_app.clone()))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(options.admin)
            .map_err(|error| unbound("admin", options.admin, &error))?;
        let first = |addresses: Vec<SocketAddr>| {
            addresses.first().copied().expect("a bound listener has an address")
        };
        let (http, admin_address) = (first(public.addrs()), first(admin.addrs()));
        let (public, admin) = (public.run(), admin.run());
        let handle = ServerHandle {
            state: state.clone(),
            public: public.handle(),
            admin: admin.handle(),
            options: Arc::new(options),
        };
        let running = Box::pin(async move {
            tokio::select! {
                biased;
                ended = futures_util::future::try_join(public, admin) => ended.map(|_| ()),
                () = sync_revocations(state) => Ok(()),
            }
        });
        Ok(Self { http, admin: admin_address, handle, running })
    }

    /// Where the public listener listens.
    #[must_use]
    pub const fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where the admin listener listens.
    #[must_use]
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// What ends the server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until [`ServerHandle::drain`] has ended both listeners.
    pub async fn run(self) -> io::Result<()> {
        self.running.await
    }
}

/// Which of the two addresses it was: a port that is taken names neither.
fn unbound(key: &str, address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{key} = \"{address}\": {error}"))
}

/// A listener whose connections hold few bytes for a client that does not read: accepted sockets
/// have the buffer size of their listener.
fn listener(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(limits::SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(limits::BACKLOG)?.into_std()
}

impl ServerHandle {
    /// Drains the node: see the head of this file. Ends when both listeners have.
    pub async fn drain(&self) {
        let options = &self.options;
        self.state.health().enter(Phase::Draining);
        tokio::time::sleep(Duration::from_millis(options.notice_ms)).await;
        let over = Duration::from_millis(options.bye_ms);
        let bye = futures_util::future::join((options.bye)(over), self.state.streams().drain(over));
        let patience = Duration::from_millis(options.bye_ms.saturating_add(1_000));
        if tokio::time::timeout(patience, bye).await.is_err() {
            tracing::warn!("streams were still open when the listeners closed");
        }
        self.public.stop(true).await;
        self.admin.stop(true).await;
    }

    /// Ends both listeners at once.
    pub async fn stop(&self) {
        self.state.health().enter(Phase::Draining);
        futures_util::future::join(self.public.stop(false), self.admin.stop(false)).await;
    }
}

/// Revocations of other nodes arrive here within 5 s.
async fn sync_revocations(state: EdgeState) {
    let mut ticks = tokio::time::interval(Duration::from_millis(limits::REVOCATION_SYNC_MS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = state.authority().revocations().sync(state.wall()).await {
            metrics::counter!("mercato_revocation_sync_failures_total").increment(1);
            tracing::warn!(%error, "revocations were not compared with the store");
        }
    }
}

/// The admin application: probes and metrics without a credential, operator routes with one.
pub fn admin(state: EdgeState, routes: Vec<Route>) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let operator = app::configure_routes(state.clone(), routes);
    let data = web::Data::new(state);
    move |config: &mut web::ServiceConfig| {
        config
            .app_data(data.clone())
            .service(probe("/livez", || look().to(live)))
            .service(probe("/readyz", || look().to(ready_to_serve)))
            .service(probe("/startupz", || look().to(started)))
            .service(probe("/metrics", || look().to(scrape)));
        operator(config);
    }
}

/// What is only looked at: HEAD is GET without the body, all else is refused.
fn look() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn probe(path: &str, route: impl Fn() -> actix_web::Route) -> actix_web::Resource {
    let refused = || ready(HttpResponse::MethodNotAllowed().insert_header(ALLOWED).finish());
    web::resource(path).route(route()).default_service(web::to(refused))
}

const ALLOWED: (header::HeaderName, &str) = (header::ALLOW, "GET, HEAD");

fn live() -> Ready<HttpResponse> {
    ready(HttpResponse::Ok().json(json!({"status": "live"})))
}

fn ready_to_serve(state: web::Data<EdgeState>) -> Ready<HttpResponse> {
    let (is_ready, readiness) = state.health().readiness();
    let mut response =
        if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    ready(response.insert_header((header::CACHE_CONTROL, "no-store")).json(readiness))
}

fn started(state: web::Data<EdgeState>) -> Ready<HttpResponse> {
    ready(match state.health().phase() {
        Phase::Starting => HttpResponse::ServiceUnavailable().json(json!({"status": "starting"})),
        Phase::Serving | Phase::Draining => HttpResponse::Ok().json(json!({"status": "started"})),
    })
}

fn scrape(state: web::Data<EdgeState>) -> Ready<HttpResponse> {
    let n_in_flight = u32::try_from(state.n_in_flight()).map_or(f64::MAX, f64::from);
    metrics::gauge!("mercato_http_requests_in_flight").set(n_in_flight);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    ready(HttpResponse::Ok().content_type(media_type).body(state.scrape()))
}
