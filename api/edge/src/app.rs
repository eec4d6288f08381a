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
        for (prefix, paths) in by_prefix(&routes) {
            let Some(prefix) = prefix else {
                scope = paths
                    .iter()
                    .fold(scope, |scope, (path, routes)| scope.service(resource(path, routes)));
                continue;
            };
            let nested = paths.iter().fold(web::scope(prefix), |nested, (path, routes)| {
                nested.service(resource(&path[prefix.len()..], routes))
            });
            scope = scope.service(nested.default_service(web::to(not_found)));
        }
        config.app_data(data.clone()).service(scope.default_service(web::to(not_found)));
    }
}

/// The routes of a path; other methods are refused.
fn resource(path: &str, routes: &[&Route]) -> actix_web::Resource {
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
    resource.default_service(web::to(move |http: HttpRequest| {
        ready(method_not_allowed(&http, &allowed))
    }))
}

/// Routes of a path, by its template.
type Paths<'a> = BTreeMap<&'static str, Vec<&'a Route>>;

/// Templates by their first two segments, so that a request is matched against the few that
/// share them and not against every pattern of the application; `None`: there are no two, or a
/// parameter is among them. Within a prefix a literal segment is asked before a parameter, since
/// `{` sorts last.
fn by_prefix(routes: &[Route]) -> BTreeMap<Option<&'static str>, Paths<'_>> {
    let mut prefixes: BTreeMap<Option<&'static str>, Paths<'_>> = BTreeMap::new();
    for route in routes {
        let path = route.operation.path;
        let paths = prefixes.entry(prefix(path)).or_default();
        paths.entry(path).or_default().push(route);
    }
    prefixes
}

fn prefix(path: &'static str) -> Option<&'static str> {
    let (second, _) = path.match_indices('/').nth(1)?;
    let end = path[second + 1..].find('/').map_or(path.len(), |at| second + 1 + at);
    Some(&path[..end]).filter(|prefix| !prefix.contains('{') && !prefix.ends_with('/'))
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

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn a_prefix_is_two_segments_without_parameters() {
        for (path, expected) in [
            ("/v1/orders/{id}/lines", Some("/v1/orders")),
            ("/v1/orders/{id}", Some("/v1/orders")),
            ("/v1/orders", Some("/v1/orders")),
            ("/.well-known/jwks.json", Some("/.well-known/jwks.json")),
            ("/v1/{any}", None),
            ("/{any}/orders", None),
            ("/board", None),
            ("/v1/", None),
            ("/", None),
        ] {
            assert_eq!(prefix(path), expected, "{path}");
        }
    }
}
