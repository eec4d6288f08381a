//! The application: routes, layers, and answers for paths and methods that do not exist.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::layers::{self, Template};
use crate::operation::Method;
use crate::paths::Paths;
use crate::problem::{Code, Problem};
use crate::route::{Route, context_of};
use crate::routes;
use crate::state::EdgeState;

/// The public application of a node. Operations of `--demo` are left out without an issuer.
pub fn configure(state: EdgeState) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let is_demo = state.issuer().is_some();
    let all = routes::all().into_iter().chain(routes::later::routes());
    let served = all.filter(|route| is_demo || !route.operation.demo);
    configure_routes(state, served.collect())
}

/// An application of chosen routes, with every layer around them.
pub fn configure_routes(
    state: EdgeState,
    routes: Vec<Route>,
) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let data = web::Data::new(state);
    let paths = Arc::new(Paths::of(routes));
    move |config: &mut web::ServiceConfig| {
        let paths = Arc::clone(&paths);
        let answer = move |edge: web::Data<EdgeState>, http: HttpRequest, body: web::Payload| {
            let paths = Arc::clone(&paths);
            async move { answer(&paths, edge, http, body).await }
        };
        // The last one wrapped is the first one asked: CORS goes around everything.
        let scope = web::scope("")
            .app_data(data.clone())
            .wrap(from_fn(layers::context))
            .wrap(from_fn(layers::cors))
            .default_service(web::to(answer));
        config.app_data(data.clone()).service(scope);
    }
}

/// Answers a request with the operation of its path and method.
async fn answer(
    paths: &Paths,
    edge: web::Data<EdgeState>,
    http: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let Some(place) = paths.find(http.match_info().as_str()) else { return not_found(&http) };
    http.extensions_mut().insert(Template(place.template));
    // HEAD is GET without the body.
    let asked = match http.method().as_str() {
        "HEAD" => Method::Get.as_str(),
        asked => asked,
    };
    let is_asked = |route: &&Route| route.operation.method.as_str() == asked;
    match place.routes.iter().find(is_asked) {
        Some(route) => route.answer(edge.get_ref().clone(), http, body.into_inner()).await,
        None => method_not_allowed(&http, &place.routes),
    }
}

fn not_found(http: &HttpRequest) -> HttpResponse {
    let origin = context_of(http).origin(http.path());
    Problem::new(Code::NotFound).detail("no such path").respond(&origin)
}

/// Other methods than those of a path are refused.
fn method_not_allowed(http: &HttpRequest, routes: &[Route]) -> HttpResponse {
    let mut allowed: Vec<&str> =
        routes.iter().map(|route| route.operation.method.as_str()).collect();
    if allowed.contains(&Method::Get.as_str()) {
        allowed.push("HEAD");
    }
    allowed.push("OPTIONS");
    let allowed = allowed.join(", ");
    if http.method() == actix_web::http::Method::OPTIONS {
        HttpResponse::NoContent().insert_header((header::ALLOW, allowed)).finish()
    } else {
        let origin = context_of(http).origin(http.path());
        Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allowed).respond(&origin)
    }
}
