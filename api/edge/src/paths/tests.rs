//! What a path finds, against a list of templates.

use super::{Paths, value};
use crate::input::NoBody;
use crate::operation::Operation;
use crate::reply::{Empty, Reply};
use crate::route::{Call, Route, route};
use crate::routes;

fn routes_of(operations: &'static [Operation]) -> Vec<Route> {
    let done = |_: Call<NoBody>| async { Ok(Reply::new(204, Empty)) };
    operations.iter().map(|operation| route(operation, done)).collect()
}

const THINGS: &[Operation] = &[
    Operation::get("root", "/"),
    Operation::get("board", "/board"),
    Operation::get("list", "/v1/things"),
    Operation::post("make", "/v1/things"),
    Operation::get("export", "/v1/things/export"),
    Operation::get("one", "/v1/things/{id}"),
    Operation::get("parts", "/v1/things/{id}/parts"),
    Operation::get("part", "/v1/things/{id}/parts/{part}"),
    Operation::get("keys", "/.well-known/jwks.json"),
];

#[test]
fn a_path_finds_its_template() {
    let paths = Paths::of(routes_of(THINGS));
    for (path, expected) in [
        ("/", Some("/")),
        ("/board", Some("/board")),
        ("/board/", None),
        ("//board", None),
        ("board", None),
        ("", None),
        ("/v1", None),
        ("/v1/things", Some("/v1/things")),
        ("/v1/things/", None),
        ("/V1/things", None),
        ("/v1/things/a", Some("/v1/things/{id}")),
        ("/v1/things/a b%2Fc", Some("/v1/things/{id}")),
        // A literal goes before a parameter, and is one where nothing stands below it.
        ("/v1/things/export", Some("/v1/things/export")),
        ("/v1/things/export/parts", Some("/v1/things/{id}/parts")),
        ("/v1/things//parts", None),
        ("/v1/things/a/parts/b", Some("/v1/things/{id}/parts/{part}")),
        ("/v1/things/a/parts/", None),
        ("/v1/things/a/parts/b/c", None),
        ("/.well-known/jwks.json", Some("/.well-known/jwks.json")),
        ("/.well-known/jwks_json", None),
        // A template is no path.
        ("/v1/{any}", None),
    ] {
        assert_eq!(paths.find(path).map(|place| place.template), expected, "{path:?}");
    }
    let both = paths.find("/v1/things").expect("it was found above");
    assert_eq!(both.routes.len(), 2, "one for each method");
}

#[test]
fn parameters_have_the_values_of_their_segments() {
    let template = "/v1/things/{id}/parts/{part}";
    let path = "/v1/things/a%2Fb/parts/c d";
    assert_eq!(value(template, path, "id"), Some("a%2Fb"));
    assert_eq!(value(template, path, "part"), Some("c d"));
    assert_eq!(value(template, path, "things"), None);
    assert_eq!(value(template, path, "other"), None);
}

#[test]
fn each_declared_parameter_stands_in_its_template_as_a_whole_segment() {
    for route in routes::all().into_iter().chain(routes::later::routes()) {
        let template = route.operation.path;
        for param in route.operation.params {
            let segment = value(template, template, param.name);
            assert_eq!(segment, Some(&*format!("{{{}}}", param.name)), "{template}");
        }
        let n_braces = template.matches(['{', '}']).count();
        assert_eq!(n_braces, 2 * route.operation.params.len(), "{template}");
    }
}

#[test]
#[should_panic(expected = "one path, one template")]
fn names_of_parameters_alone_make_no_other_path() {
    const TWO: &[Operation] =
        &[Operation::get("one", "/v1/things/{id}"), Operation::post("two", "/v1/things/{name}")];
    drop(Paths::of(routes_of(TWO)));
}
