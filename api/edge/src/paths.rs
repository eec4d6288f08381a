//! Paths: which operations stand at the path of a request.
//!
//! A tree of the segments of all templates, made once and shared by all listeners. The framework's
//! router compiles a regular expression for each template, in each listener and each simulated
//! node: 20 ms a time. Cost of a look: the segments of the path. A literal segment is asked before
//! a parameter, and a parameter is a whole segment that is not empty.

use std::collections::BTreeMap;

use crate::route::Route;

/// The operations of a path.
pub(crate) struct Place {
    /// Its template: `/v1/orders/{id}`.
    pub(crate) template: &'static str,
    /// Its operations, one for each of its methods.
    pub(crate) routes: Vec<Route>,
}

/// All paths of an application.
#[derive(Default)]
pub(crate) struct Paths {
    literals: BTreeMap<&'static str, Self>,
    parameter: Option<Box<Self>>,
    place: Option<Place>,
}

impl Paths {
    /// The paths of some routes.
    ///
    /// # Panics
    /// When templates differ by the names of their parameters alone.
    pub(crate) fn of(routes: Vec<Route>) -> Self {
        let mut root = Self::default();
        for route in routes {
            let template = route.operation.path;
            let end = segments(template).fold(&mut root, |at, segment| match name(segment) {
                Some(_) => at.parameter.get_or_insert_default(),
                None => at.literals.entry(segment).or_default(),
            });
            let place = end.place.get_or_insert_with(|| Place { template, routes: Vec::new() });
            assert_eq!(place.template, template, "one path, one template");
            place.routes.push(route);
        }
        root
    }

    /// What stands at a path; `None`: nothing.
    pub(crate) fn find(&self, path: &str) -> Option<&Place> {
        self.below(Some(path.strip_prefix('/')?))
    }

    /// `rest`: the segments to come; `None`: the path ends here.
    fn below(&self, rest: Option<&str>) -> Option<&Place> {
        let Some(rest) = rest else { return self.place.as_ref() };
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let literal = self.literals.get(segment).and_then(|next| next.below(rest));
        literal.or_else(|| {
            let next = self.parameter.as_ref().filter(|_| !segment.is_empty())?;
            next.below(rest)
        })
    }
}

/// The value of a parameter in a path that its template matches.
pub(crate) fn value<'a>(template: &str, path: &'a str, wanted: &str) -> Option<&'a str> {
    let mut pairs = segments(template).zip(segments(path));
    pairs.find_map(|(segment, value)| (name(segment)? == wanted).then_some(value))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// The name of a parameter; `None`: the segment is a literal.
fn name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests;
