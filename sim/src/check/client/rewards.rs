//! A day is granted once, whatever the retries (domain.md 11), and the points that a customer has
//! are those of the days that were granted to him.
//!
//! - Of all sign-ins of a customer and a day one is told that it gave the points; all are told the
//!   same ones.
//! - What is there are the points of the days that are known to be granted, and no more than all
//!   that may be; it never goes back, and a day that was granted is shown as such.
//! - Nobody is told that there is no such customer: only who is registered signs in.
//!
//! Nothing spends points yet. `looked_at`: answers to sign-ins and looks.

use std::collections::BTreeMap;

use commerce::customer::REWARDS;

use super::facts::{Effect, effect};
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Ask, History, Look, Op, Points};

const NAME: &str = "rewards";

/// What a customer asked for.
#[derive(Default)]
struct Customer<'a> {
    sign_ins: Vec<&'a Op>,
    looks: Vec<&'a Op>,
}

/// A day that was granted.
struct Day {
    points: u64,
    /// Not before this, in us.
    from_us: u64,
    /// By this, in us.
    by_us: u64,
    /// Sign-ins that were told that they gave the points.
    n_grants: u32,
}

/// Judges every sign-in and every look at points.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut customers: BTreeMap<&str, Customer<'_>> = BTreeMap::new();
    for op in by_sent(history) {
        match &op.ask {
            Ask::SignIn { user } => customers.entry(user).or_default().sign_ins.push(op),
            Ask::Look(Look::Points { user }) => customers.entry(user).or_default().looks.push(op),
            _ => {}
        }
    }
    for (user, customer) in &customers {
        let days = customer.days(user, &mut findings);
        customer.judge_looks(user, &days, &mut findings);
    }
    findings
}

impl<'a> Customer<'a> {
    /// The days that answers tell of.
    fn days(&self, user: &str, findings: &mut Findings) -> BTreeMap<&'a str, Day> {
        let mut days: BTreeMap<&str, Day> = BTreeMap::new();
        let first_us = self.sign_ins.first().map_or(0, |op| op.sent_us);
        for op in &self.sign_ins {
            let (Some(answer), Some(answered_us)) = (&op.answer, op.answered_us) else { continue };
            findings.looked_at += 1;
            if answer.status == 404 {
                let what = format!("{user} signs in, and is not known");
                findings.report(NAME, answered_us, what);
            }
            let Some(Points { date, points, is_granted }) = &answer.points else { continue };
            let first =
                || Day { points: *points, from_us: first_us, by_us: answered_us, n_grants: 0 };
            let day = days.entry(date).or_insert_with(first);
            day.by_us = day.by_us.min(answered_us);
            day.n_grants += u32::from(*is_granted);
            if *is_granted && day.n_grants == 2 {
                findings.report(NAME, answered_us, format!("{user}: {date} is granted twice"));
            }
            if day.points != *points {
                let what = format!("{user}: {date} gave {} points, and {points}", day.points);
                findings.report(NAME, answered_us, what);
            }
        }
        days
    }

    fn judge_looks(&self, user: &str, days: &BTreeMap<&str, Day>, findings: &mut Findings) {
        let looks = self.looks.iter().filter_map(|op| {
            let points = op.answer.as_ref()?.points.as_ref()?;
            Some((op.sent_us, op.answered_us?, points))
        });
        let looks: Vec<_> = looks.collect();
        for (sent_us, answered_us, shown) in &looks {
            findings.looked_at += 1;
            let sum = |is: &dyn Fn(&Day) -> bool| -> u64 {
                days.values().filter(|day| is(day)).map(|day| day.points).sum()
            };
            let earlier = looks.iter().filter(|(_, earlier_us, _)| earlier_us < sent_us);
            let before = earlier.map(|(_, _, earlier)| earlier.points).max().unwrap_or(0);
            let least = sum(&|day| day.by_us < *sent_us).max(before);
            let most = sum(&|day| day.from_us <= *answered_us) + self.unknown(*answered_us);
            if !(least..=most).contains(&shown.points) {
                let points = shown.points;
                let what = format!("{user} has {points} points, and should have {least} to {most}");
                findings.report(NAME, *answered_us, what);
            }
            let day = days.get(shown.date.as_str());
            if day.is_some_and(|day| day.by_us < *sent_us) && !shown.is_granted {
                let what = format!("{user}: {} was granted, and is shown as open", shown.date);
                findings.report(NAME, *answered_us, what);
            }
        }
    }

    /// What sign-ins of which nobody knows what they came to may have given by then: none that was
    /// sent later tells of their day.
    fn unknown(&self, at_us: u64) -> u64 {
        let told = self
            .sign_ins
            .iter()
            .filter(|op| op.answer.as_ref().is_some_and(|answer| answer.points.is_some()));
        let told_us = told.map(|op| op.sent_us).max().unwrap_or(0);
        let is_open =
            |op: &&&Op| effect(op) == Effect::Open && op.sent_us <= at_us && op.sent_us >= told_us;
        let is_any = self.sign_ins.iter().any(|op| is_open(&op));
        if is_any { u64::from(REWARDS.iter().copied().max().unwrap_or(0)) } else { 0 }
    }
}
