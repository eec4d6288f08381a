//! I2: no gaps. Commits, event numbers and checksums form a chain in each shard; versions, and
//! the commits that records name, form one for each entity; shard time never goes back.

use entity::Timestamp;
use ports::Frame;

use super::{Findings, World};

/// Judges every frame and every record.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I2");
    for what in &world.decoded.unreadable {
        found.fail(what.as_str());
    }
    for frames in &world.journals.shards {
        chain(frames, &mut found);
    }
    counts(world, &mut found);
    versions(world, &mut found);
    times(world, &mut found);
    found
}

fn chain(frames: &[Frame], found: &mut Findings) {
    let (mut commit_no, mut first_seq, mut crc) = (1, 1, 0);
    for frame in frames {
        let header = &frame.header;
        let follows = header.commit_no == commit_no
            && header.first_seq == first_seq
            && header.prev_crc == crc;
        found.judge(follows && frame.verify().is_ok(), || {
            let sound = frame.verify().is_ok();
            format!("expected commit {commit_no}, event {first_seq}: {header:?}, sound: {sound}")
        });
        commit_no = header.commit_no + 1;
        first_seq = header.first_seq + u64::from(header.n_events);
        crc = frame.crc;
    }
}

/// Headers count the events that are in their frames.
fn counts(world: &World, found: &mut Findings) {
    for (frames, events) in world.journals.shards.iter().zip(&world.decoded.events) {
        let said: u64 = frames.iter().map(|frame| u64::from(frame.header.n_events)).sum();
        found.judge(said == events.len() as u64, || {
            let shard = frames.first().map(|frame| frame.header.shard);
            format!("frames of {shard:?} count {said} events and hold {}", events.len())
        });
    }
}

fn versions(world: &World, found: &mut Findings) {
    for (key, rows) in &world.decoded.entities {
        let (mut version, mut commit, mut shard) = (0, 0, None);
        for rec in rows.iter().map(|row| &world.decoded.records[*row]) {
            let record = &rec.record;
            let is_home = *shard.get_or_insert(rec.shard) == rec.shard
                && rec.shard == key.shard(world.journals.n_shards());
            found.judge(record.version == version && record.prev == commit && is_home, || {
                let (said, prev) = (record.version, record.prev);
                format!(
                    "{key} at {version} of commit {commit}: record {said} after {prev} in {:?}",
                    rec.shard
                )
            });
            version = record.version_after();
            commit = rec.commit_no;
        }
    }
}

fn times(world: &World, found: &mut Findings) {
    let mut latest = (None, Timestamp::default());
    for rec in world.records() {
        let at = rec.record.at;
        if latest.0 != Some(rec.shard) {
            latest = (Some(rec.shard), at);
        }
        found.judge(at >= latest.1, || {
            let (shard, commit) = (rec.shard.0, rec.commit_no);
            format!("time of shard {shard} goes back to {at:?} in commit {commit}")
        });
        latest.1 = latest.1.max(at);
    }
}
