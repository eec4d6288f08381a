//! Links between shards: parcels in order, but some are lost, repeated or overtaken.
//!
//! A link that lost something is reset later, and a reset asks the sender to send again: the
//! promise under which a transport may lose.

use cluster::ctx::Parcel;
use cluster::shard::Input;
use entity::ShardId;

use super::plan::Canary;
use super::world::World;
use crate::random::{Stream, percent};

impl World {
    pub(super) fn send(&mut self, from: ShardId, to: ShardId, mut parcel: Parcel) {
        if self.canary(Canary::NoResend)
            && let Parcel::Stream { sends, .. } = &mut parcel
        {
            // Shards also send again by time; the canary is that nothing ever goes twice.
            let newest = self.newest.entry((from, to)).or_insert(0);
            sends.retain(|send| send.number > *newest);
            let Some(last) = sends.last() else { return };
            *newest = last.number;
        }
        self.links.entry((from, to)).or_default().push_back(parcel);
    }

    pub(super) fn deliver(&mut self, from: ShardId, to: ShardId) {
        let bits = self.draw(Stream::Fault, u64::from(from.0) * 16 + u64::from(to.0));
        let faulty = self.faulty();
        let link = self.links.get_mut(&(from, to)).expect("listed when it has parcels");
        let mut parcel = link.pop_front().expect("listed when it has parcels");
        if faulty {
            if percent(bits, 3) {
                self.broken.push((from, to));
                self.probes.hit("parcel lost");
                return;
            }
            if percent(bits.rotate_left(16), 5) {
                link.push_front(parcel.clone());
                self.probes.hit("parcel repeated");
            } else if percent(bits.rotate_left(32), 5)
                && let Some(next) = link.front_mut()
            {
                std::mem::swap(next, &mut parcel);
                self.probes.hit("parcel overtaken");
            }
        }
        self.host(to).inbox.push_back(match parcel {
            Parcel::Stream { from, sends } => Input::Stream { from, sends },
            Parcel::Acked { by, through } => Input::Acked { by, through },
            Parcel::Resend { to } => Input::Resend { to },
        });
    }

    /// The link is new: both ends send again what the other has not acknowledged.
    pub(super) fn reset(&mut self, index: usize) {
        let (from, to) = self.broken.swap_remove(index);
        self.host(from).inbox.push_back(Input::Resend { to });
        self.host(to).inbox.push_back(Input::Resend { to: from });
    }
}
