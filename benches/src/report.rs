//! What was measured: one line of JSON each for programs, one table for people.

use serde_json::{Value, json};

/// A measured number, beside its peer and its goal where it has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// `bench/phase/what`.
    pub name: String,
    /// The number, or a hash.
    pub value: Value,
    /// Its unit.
    pub unit: &'static str,
    /// Beside whom.
    pub peer: Option<String>,
    /// The peer's number.
    pub peer_value: Option<Value>,
    /// What is aimed at: of the ratio when there is a peer, else of the value.
    pub goal: Option<Goal>,
    /// What has to be known to read the number.
    pub conditions: String,
}

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// The peer's value.
    Equal,
}

impl Row {
    /// A number without a peer.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, conditions: &str) -> Self {
        Self {
            name: name.into(),
            value: number(value),
            unit,
            peer: None,
            peer_value: None,
            goal: None,
            conditions: conditions.to_owned(),
        }
    }

    /// Beside a peer.
    #[must_use]
    pub fn beside(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.peer = Some(peer.into());
        self.peer_value = Some(number(value));
        self
    }

    /// With a goal.
    #[must_use]
    pub const fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// A hash beside that of the reference.
    #[must_use]
    pub fn hash(name: impl Into<String>, value: &str, reference: &str, conditions: &str) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            unit: "fnv1a64",
            peer: Some("single-threaded reference".to_owned()),
            peer_value: Some(reference.into()),
            goal: Some(Goal::Equal),
            conditions: conditions.to_owned(),
        }
    }

    /// The value divided by the peer's.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (value, peer) = (self.value.as_f64()?, self.peer_value.as_ref()?.as_f64()?);
        (peer != 0.0).then(|| value / peer)
    }

    /// Whether the goal is reached; `None` without one.
    #[must_use]
    pub fn is_reached(&self) -> Option<bool> {
        let measured = self.ratio().or_else(|| self.value.as_f64());
        Some(match self.goal? {
            Goal::AtLeast(least) => measured? >= least,
            Goal::AtMost(most) => measured? <= most,
            Goal::Equal => Some(&self.value) == self.peer_value.as_ref(),
        })
    }

    /// The line for programs.
    #[must_use]
    pub fn json(&self) -> String {
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio().map(number),
            "goal": self.goal.map(|goal| self.goal_text(goal)),
            "conditions": self.conditions,
        })
        .to_string()
    }

    fn goal_text(&self, goal: Goal) -> String {
        let of = if self.peer.is_some() { "ratio" } else { "value" };
        match goal {
            Goal::AtLeast(least) => format!("{of} >= {least}"),
            Goal::AtMost(most) => format!("{of} <= {most}"),
            Goal::Equal => "equal".to_owned(),
        }
    }
}

/// Four significant digits are more than any of this is worth.
fn number(value: f64) -> Value {
    if !value.is_finite() || value == 0.0 {
        return json!(0.0);
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let scale = 10f64.powi(digits);
    json!((value * scale).round() / scale)
}

/// The table for people.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let head = ["name", "value", "unit", "peer", "peer value", "ratio", "goal", ""];
    let mut lines: Vec<[String; 8]> = vec![head.map(str::to_owned)];
    for row in rows {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push([
            row.name.clone(),
            shown(&row.value),
            row.unit.to_owned(),
            row.peer.clone().unwrap_or_default(),
            row.peer_value.as_ref().map(shown).unwrap_or_default(),
            row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            row.goal.map(|goal| row.goal_text(goal)).unwrap_or_default(),
            match row.is_reached() {
                Some(true) => "reached".to_owned(),
                Some(false) => "MISSED".to_owned(),
                None => String::new(),
            },
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    for line in &lines {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
