//! Where two runs part: the first message that differs.

use std::io::Write;

use super::{DiffArgs, Ended, Error, files};
use crate::kernel::Moment;
use crate::run::run;

/// Messages shown before the one that differs.
const BEFORE: usize = 5;

pub(super) fn diff(args: &DiffArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let (one, other) = (files::plan(&args.one)?, files::plan(&args.other)?);
    let (one, other) = (run(&one, &mut |_| {}), run(&other, &mut |_| {}));
    if one.record.trace_hash == other.record.trace_hash {
        let text = format!("the same: {} events, {}\n", one.record.events, one.record.trace_hash);
        files::say(out, &text)?;
        return Ok(Ended::Fine);
    }
    let (left, right) = (Moment::read(&one.trace), Moment::read(&other.trace));
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let mut text = format!("they part at event {}\n", same + 1);
    for moment in &left[same.saturating_sub(BEFORE)..same] {
        text.push_str(&format!("      {moment}\n"));
    }
    for (mark, side) in [("one", &left), ("two", &right)] {
        let shown = side.get(same).map_or_else(|| "ended".to_owned(), ToString::to_string);
        text.push_str(&format!("  {mark} {shown}\n"));
    }
    if same == left.len().min(right.len()) && left.len() == right.len() {
        text.push_str("times and places are the same; the messages differ in what they carry\n");
    }
    files::say(out, &text)?;
    Ok(Ended::Wrong)
}
