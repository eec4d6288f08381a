//! A small reader of SVG for tests: that tags are closed in order, that attributes are quoted,
//! and where everything lies.

/// A start tag with its attributes and the width and height of the view box that holds it.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// The nearest view box above (or the tag's own), if there is one.
    pub(super) view_box: Option<(f64, f64)>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The outermost SVG elements of a page.
pub(super) fn svgs(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find("<svg") {
        let (mut depth, mut at) = (0_i32, start);
        loop {
            let next = at + rest[at..].find(['<']).expect("an svg that does not end");
            if rest[next..].starts_with("<svg") {
                depth += 1;
            } else if rest[next..].starts_with("</svg>") {
                depth -= 1;
            }
            at = next + 1;
            if depth == 0 {
                break;
            }
        }
        let end = at + rest[at..].find('>').unwrap() + 1;
        found.push(&rest[start..end]);
        rest = &rest[end..];
    }
    found
}

/// The start tags of well-formed XML; panics at what is not.
pub(super) fn tags(xml: &str) -> Vec<Tag> {
    let mut open: Vec<(String, Option<(f64, f64)>)> = Vec::new();
    let mut tags = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        text(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag that does not end");
        let inside = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let (opened, _) = open.pop().expect("a tag is closed that was not opened");
            assert_eq!(opened, name);
            continue;
        }
        let (inside, is_empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        assert!(name.chars().all(|char| char.is_ascii_alphanumeric()), "{name:?}");
        let attributes = pairs(attributes);
        let own = attributes.iter().find(|(key, _)| key == "viewBox").map(|(_, value)| {
            let sizes: Vec<f64> = value.split(' ').map(|n| n.parse().unwrap()).collect();
            (sizes[2], sizes[3])
        });
        let above = open.last().and_then(|(_, view_box)| *view_box);
        let view_box = own.or(if name == "svg" { None } else { above });
        if !is_empty {
            open.push((name.to_owned(), view_box));
        }
        tags.push(Tag { name: name.to_owned(), attributes, view_box });
    }
    text(rest);
    assert!(open.is_empty(), "not closed: {open:?}");
    tags
}

fn pairs(mut text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some((name, rest)) = text.trim_start().split_once("=\"") {
        let (value, rest) = rest.split_once('"').expect("a value without an end");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name:?}");
        assert!(found.iter().all(|(other, _)| other != name), "{name} stands twice");
        self::text(value);
        found.push((name.to_owned(), value.to_owned()));
        text = rest;
    }
    assert_eq!(text.trim(), "");
    found
}

/// Every ampersand begins an entity.
fn text(text: &str) {
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        assert!(known.iter().any(|entity| text[at..].starts_with(entity)), "{}", &text[at..]);
    }
}

/// The commands of a path: letter and numbers.
pub(super) fn commands(d: &str) -> Vec<(char, Vec<f64>)> {
    let starts: Vec<usize> =
        d.char_indices().filter(|(_, char)| char.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    assert_eq!(starts.first(), Some(&0));
    let ends = starts.iter().skip(1).copied().chain([d.len()]);
    let command = |(start, end): (&usize, usize)| {
        let numbers = d[start + 1..end].split_whitespace().map(|n| n.parse().unwrap());
        (d[*start..].chars().next().unwrap(), numbers.collect())
    };
    starts.iter().zip(ends).map(command).collect()
}
