//! The application: routes, layers, and answers for paths and methods that do not exist.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::layers;
use crate::operation::Method;
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
    move |config: &mut web::ServiceConfig| {
        // The last one wrapped is the first one asked: CORS goes around everything.
        let mut scope = web::scope("")
            .app_data(data.clone())
            .wrap(from_fn(layers::context))
            .wrap(from_fn(layers::cors));
        for (path, routes) in by_path(&routes) {
            let mut allowed: Vec<&str> =
                routes.iter().map(|route| route.operation.method.as_str()).collect();
            if allowed.contains(&Method::Get.as_str()) {
                allowed.push("HEAD");
            }
            allowed.push("OPTIONS");
            let allowed = allowed.join(", ");
            let mut resource = web::resource(path);
            for route in routes {
                resource = resource.route(route.bind());
            }
            scope = scope.service(resource.default_service(web::to(move |http: HttpRequest| {
                ready(method_not_allowed(&http, &allowed))
            })));
        }
        config.app_data(data.clone()).service(scope.default_service(web::to(not_found)));
    }
}

/// Templates in an order in which a literal segment is asked before a parameter: `{` sorts last.
fn by_path(routes: &[Route]) -> BTreeMap<&'static str, Vec<&Route>> {
    let mut paths: BTreeMap<&'static str, Vec<&Route>> = BTreeMap::new();
    for route in routes {
        paths.entry(route.operation.path).or_default().push(route);
    }
    paths
}

fn not_found(http: HttpRequest) -> Ready<HttpResponse> {
    let origin = context_of(&http).origin(http.path());
    ready(Problem::new(Code::NotFound).detail("no such path").respond(&origin))
}

fn method_not_allowed(http: &HttpRequest, allowed: &str) -> HttpResponse {
    if http.method() == actix_web::http::Method::OPTIONS {
        HttpResponse::NoContent().insert_header((header::ALLOW, allowed)).finish()
    } else {
        let origin = context_of(http).origin(http.path());
        Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allowed).respond(&origin)
    }
}
