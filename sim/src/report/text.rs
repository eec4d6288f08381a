//! Numbers and strings for people: escaping, counts, rates, durations, shares.
//!
//! [`escape`] is the only way by which text from a record gets into the page. Formats are short
//! (three digits and a unit), so that a label never needs more room than its axis has.

/// `text` as character data or as an attribute value of HTML and XML. Control characters, which
/// XML cannot hold, become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(char),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            char if char.is_control() => out.push('\u{FFFD}'),
            char => out.push(char),
        }
    }
    out
}

/// JSON that may stand in a `<script>` element: nothing in it can end the element.
pub(super) fn script_json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A whole number with its thousands apart: `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `text`, at most `max` characters of it, with an ellipsis if it was longer.
pub(super) fn clipped(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// A number of things in three digits and a unit: `950`, `1.2 k`, `34 M`, `0.25`.
pub(super) fn amount(value: f64) -> String {
    let units = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    // 999.6 would be printed as "1000": what rounds up to the next unit belongs to it.
    match units.into_iter().find(|(unit, _)| value.abs() >= unit * 0.9995) {
        Some((unit, name)) => format!("{}{name}", three_digits(value / unit)),
        None => three_digits(value),
    }
}

/// A rate: `1.2 k/s`.
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", amount(per_second))
}

/// A latency in us: `350 µs`, `12 ms`, `1.5 s`.
pub(super) fn latency(us: f64) -> String {
    if us < 999.5 {
        format!("{} µs", three_digits(us))
    } else if us < 999_500.0 {
        format!("{} ms", three_digits(us / 1e3))
    } else if us < 120_000_000.0 {
        format!("{} s", three_digits(us / 1e6))
    } else {
        format!("{} min", three_digits(us / 60e6))
    }
}

/// A length of time in ms: `0 s`, `250 ms`, `12.5 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let two = |big: u64, big_name: &str, small: u64, small_name: &str| {
        if small == 0 {
            format!("{big} {big_name}")
        } else {
            format!("{big} {big_name} {small} {small_name}")
        }
    };
    match ms {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", three_digits(ms as f64 / 1e3)),
        120_000..7_200_000 => two(seconds / 60, "min", seconds % 60, "s"),
        7_200_000..172_800_000 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// A share in percent: `0 %`, `0.02 %`, `12 %`.
pub(super) fn percent(part: f64, whole: f64) -> String {
    if whole <= 0.0 || part <= 0.0 {
        return "0 %".to_owned();
    }
    let percent = part / whole * 100.0;
    if percent < 0.01 { "< 0.01 %".to_owned() } else { format!("{} %", three_digits(percent)) }
}

/// At most three digits that say something, no trailing zeros.
fn three_digits(value: f64) -> String {
    let size = value.abs();
    let digits = if !(0.0005..99.95).contains(&size) {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    if text == "-0" { "0".to_owned() } else { text }
}
