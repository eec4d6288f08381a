//! One agent against answers written by hand: what it says, and when.

use ports::{Cas, OwnerWrite, Tail};

use super::*;
use crate::ownership::io::{Answer, Peer, ShardStatus};
use crate::wire::FRAMES;

const N_SHARDS: u16 = 4;

fn life(name: &str, incarnation: u64) -> Life {
    Life { node: NodeId::new(name), incarnation }
}

fn lease(name: &str, incarnation: u64, beat: u64) -> LeaseRow {
    LeaseRow { life: life(name, incarnation), beat, ttl_ms: 3_000, frames: FRAMES }
}

/// An agent and what it has asked and not been answered.
struct Rig {
    agent: Agent,
    now: Timestamp,
    calls: BTreeMap<u64, StoreCall>,
    /// All other outputs since they were last looked at.
    said: Vec<Output>,
}

impl Rig {
    fn new() -> Self {
        let (node, timing) = (NodeId::new("me"), Timing::default());
        let config = Config { node, n_shards: N_SHARDS, timing, frames: FRAMES };
        let agent = Agent::new(config);
        Self { agent, now: Timestamp(1_000_000), calls: BTreeMap::new(), said: Vec::new() }
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.agent.handle(input, self.now, &mut out);
        for output in out {
            match output {
                Output::Call { call, what } => drop(self.calls.insert(call, what)),
                other => self.said.push(other),
            }
        }
    }

    /// Lets time pass in ticks, lists answered with these rows.
    fn pass(&mut self, ms: u64, leases: &[LeaseRow], owners: &[OwnerRow]) {
        for _ in 0..ms / 50 {
            self.now = self.now.plus_ms(50);
            self.input(Input::Tick);
            self.answer(|what| match what {
                StoreCall::ReadLeases => Some(Answer::Leases(leases.to_vec())),
                StoreCall::ReadOwners => Some(Answer::Owners(owners.to_vec())),
                _ => None,
            });
        }
    }

    /// Answers calls for which there is an answer.
    fn answer(&mut self, mut with: impl FnMut(&StoreCall) -> Option<Answer>) {
        let calls: Vec<(u64, Answer)> =
            self.calls.iter().filter_map(|(call, what)| Some((*call, with(what)?))).collect();
        for (call, answer) in calls {
            self.calls.remove(&call);
            self.input(Input::Answer { call, answer });
        }
    }

    /// Renews or joins as asked, and lets claims and owner writes succeed.
    fn all_applied(&mut self) {
        for _ in 0..4 {
            self.answer(|what| match what {
                StoreCall::Lease(LeaseWrite::Renew { life, beat }) => {
                    Some(Answer::Lease(Cas::Applied(LeaseRow {
                        life: life.clone(),
                        beat: beat + 1,
                        ttl_ms: 3_000,
                        frames: FRAMES,
                    })))
                }
                StoreCall::Lease(LeaseWrite::Join { seen, .. }) => {
                    let incarnation = seen.map_or(0, |seen| seen.incarnation) + 1;
                    Some(Answer::Lease(Cas::Applied(lease("me", incarnation, 1))))
                }
                StoreCall::Owner(write) => Some(Answer::Owner(Cas::Applied(write.row()))),
                StoreCall::Claim { epoch, .. } => {
                    Some(Answer::Claim(Cas::Applied(Tail { epoch: *epoch, ..Tail::EMPTY })))
                }
                StoreCall::ReadLeases
                | StoreCall::ReadOwners
                | StoreCall::Lease(LeaseWrite::End { .. }) => None,
            });
            self.now = self.now.plus_ms(1);
            self.input(Input::Tick);
        }
    }

    fn opened(&mut self) -> Vec<(u16, u64)> {
        let opens = self.said.iter().filter_map(|output| match output {
            Output::Open { shard, epoch, .. } => Some((*shard, *epoch)),
            _ => None,
        });
        let opens: Vec<_> = opens.collect();
        for (shard, epoch) in &opens {
            let status = ShardStatus::Opened;
            self.input(Input::Shard { shard: *shard, epoch: *epoch, status });
        }
        opens.into_iter().map(|(shard, epoch)| (shard.0, epoch)).collect()
    }

    /// A node alone, which serves all shards.
    fn serving() -> Self {
        let mut rig = Self::new();
        rig.pass(50, &[], &[]);
        rig.all_applied();
        for _ in 0..30 {
            rig.pass(50, &[], &[]);
            rig.all_applied();
        }
        assert_eq!(rig.opened(), [(0, 1), (1, 1), (2, 1), (3, 1)]);
        rig.said.clear();
        rig
    }
}

#[test]
fn a_node_alone_joins_waits_for_others_and_takes_all() {
    let mut rig = Rig::new();
    rig.pass(50, &[lease("me", 4, 9)], &[]);
    let join = LeaseWrite::Join {
        node: NodeId::new("me"),
        seen: Some(lease("me", 4, 9).seen()),
        ttl_ms: 3_000,
        frames: FRAMES,
    };
    let calls: Vec<_> = rig.calls.values().cloned().collect();
    assert_eq!(calls, [StoreCall::Lease(join)], "over what an earlier process left");
    rig.all_applied();
    assert_eq!(rig.agent.life(), Some(&life("me", 5)));
    assert_eq!(rig.said[0], Output::Life(Some(life("me", 5))));
    assert!(matches!(rig.said[1], Output::ServeUntil(until) if until > rig.now));
    rig.pass(900, &[], &[]);
    assert_eq!(rig.agent.hosted().count(), 0, "others may be about to join");
    rig.pass(100, &[], &[]);
    rig.all_applied();
    assert_eq!(rig.opened(), [(0, 1), (1, 1), (2, 1), (3, 1)]);
}

#[test]
fn a_build_that_shares_no_version_with_a_member_joins_when_that_is_silent() {
    let mut rig = Rig::new();
    let frames = ports::Versions { lowest: FRAMES.highest + 1, highest: FRAMES.highest + 1 };
    let stranger = LeaseRow { frames, ..lease("you", 1, 3) };
    rig.pass(1_000, std::slice::from_ref(&stranger), &[]);
    assert!(rig.said.contains(&Output::Unfit { member: stranger.clone() }));
    let joins = |rig: &Rig| rig.calls.values().any(|call| matches!(call, StoreCall::Lease(_)));
    rig.pass(2_500, std::slice::from_ref(&stranger), &[]);
    assert!(!joins(&rig), "its lease may last");
    rig.pass(600, &[stranger], &[]);
    assert!(joins(&rig), "its life may be ended, so it hinders nobody");
}

#[test]
fn a_join_whose_outcome_is_unknown_gives_no_life() {
    let mut rig = Rig::new();
    rig.pass(50, &[], &[]);
    rig.answer(|_| Some(Answer::Unknown));
    rig.pass(100, &[], &[]);
    // The first try was applied after all; whether by this process is not known.
    rig.answer(|_| Some(Answer::Lease(Cas::Refused(Some(lease("me", 1, 1))))));
    assert_eq!(rig.agent.life(), None);
    rig.all_applied();
    assert_eq!(rig.agent.life(), Some(&life("me", 2)));
}

#[test]
fn a_refused_renewal_drops_everything() {
    let mut rig = Rig::serving();
    while !rig.calls.values().any(|what| matches!(what, StoreCall::Lease(_))) {
        rig.pass(50, &[], &[]);
    }
    rig.answer(|_| Some(Answer::Lease(Cas::Refused(Some(lease("me", 2, 0))))));
    let dropped = rig.said.iter().filter(|output| matches!(output, Output::DropShard { .. }));
    assert_eq!(dropped.count(), 4);
    assert_eq!(rig.said[0], Output::ServeUntil(Timestamp(0)), "reads stop first");
    assert!(rig.said.contains(&Output::Life(None)));
    assert_eq!(rig.agent.hosted().count(), 0);
    rig.all_applied();
    assert_eq!(rig.agent.life(), Some(&life("me", 3)), "and joins anew");
}

#[test]
fn a_host_that_failed_is_taken_anew_at_a_higher_epoch() {
    let mut rig = Rig::serving();
    let failed = |epoch| Input::Shard { shard: ShardId(2), epoch, status: ShardStatus::Failed };
    rig.input(failed(7));
    assert_eq!(rig.agent.hosted().count(), 4, "of another epoch: nothing");
    rig.input(failed(1));
    assert_eq!(rig.agent.hosted().count(), 3);
    rig.pass(100, &[], &[]);
    let write = OwnerWrite { shard: ShardId(2), epoch: 1, owner: life("me", 1) };
    assert!(rig.calls.values().any(|what| *what == StoreCall::Owner(write.clone())));
    rig.all_applied();
    assert_eq!(rig.opened(), [(2, 2)]);
}

#[test]
fn a_silent_member_is_ended_before_its_shards_are_taken() {
    let mut rig = Rig::serving();
    let you = [lease("you", 6, 3)];
    let row = OwnerRow { shard: ShardId(1), epoch: 5, owner: life("you", 6) };
    for _ in 0..71 {
        rig.pass(50, &you, std::slice::from_ref(&row));
        rig.all_applied();
    }
    assert!(rig.said.contains(&Output::DropShard { shard: ShardId(1), epoch: 1 }), "superseded");
    let end = StoreCall::Lease(LeaseWrite::End { life: life("you", 6), beat: 3 });
    assert!(!rig.calls.values().any(|what| *what == end), "not yet silent for long enough");
    rig.pass(1_000, &you, std::slice::from_ref(&row));
    assert!(rig.calls.values().any(|what| *what == end));
    assert_eq!(rig.opened(), [], "expiry alone is no permission");
    rig.answer(|what| (*what == end).then(|| Answer::Lease(Cas::Applied(lease("you", 7, 0)))));
    rig.all_applied();
    assert_eq!(rig.opened(), [(1, 6)]);
}

#[test]
fn messages_alone_give_nothing_away() {
    let mut rig = Rig::serving();
    let from = NodeId::new("you");
    let offer = Peer::Offer {
        handoff: 1,
        shard: ShardId(0),
        view: rig.agent.view().number(),
        leaving: false,
    };
    let others_life = life("me", 9);
    let released = Peer::Released { shard: ShardId(0), epoch: 2, life: others_life };
    let accept = Peer::Accept { handoff: 1, shard: ShardId(0), life: life("you", 1) };
    for message in [offer, released, accept, Peer::Abort { handoff: 1, shard: ShardId(99) }] {
        rig.input(Input::Peer { from: from.clone(), message });
    }
    let declined = Peer::Decline { handoff: 1, shard: ShardId(0) };
    assert_eq!(rig.said, [Output::Send { to: from, message: declined }], "it is here already");
    assert_eq!(rig.agent.hosted().count(), 4);
}

#[test]
fn a_node_alone_that_leaves_drops_all_and_gives_its_life_back() {
    let mut rig = Rig::serving();
    rig.input(Input::Leave);
    assert_eq!(rig.agent.hosted().count(), 0);
    let mut calls = rig.calls.values().filter(|what| matches!(what, StoreCall::Lease(_)));
    let Some(StoreCall::Lease(LeaseWrite::End { life: ended, beat })) = calls.next_back() else {
        panic!("its life is ended: {:?}", rig.calls);
    };
    assert_eq!(*ended, life("me", 1));
    let beat = *beat;
    assert!(!rig.said.contains(&Output::Left), "not before it is written");
    // A renewal that was under way came first: its row is expected then.
    let ended = |what: &StoreCall, row| {
        let end = matches!(what, StoreCall::Lease(LeaseWrite::End { .. }));
        end.then(|| Answer::Lease(row))
    };
    rig.answer(|what| ended(what, Cas::Refused(Some(lease("me", 1, beat + 1)))));
    assert!(!rig.said.contains(&Output::Left));
    rig.answer(|what| ended(what, Cas::Applied(lease("me", 2, 0))));
    assert_eq!(rig.said.last(), Some(&Output::Left));
    rig.said.clear();
    rig.pass(5_000, &[], &[]);
    assert_eq!(rig.said, [], "nothing more comes");
}

#[test]
fn a_shard_that_came_back_to_its_node_is_told_again() {
    let mut rig = Rig::serving();
    let others = [lease("a", 1, 1)];
    let row = |epoch| OwnerRow { shard: ShardId(2), epoch, owner: life("a", 1) };
    let routes = |rig: &mut Rig, epoch| {
        rig.said.clear();
        rig.pass(500, &others, &[row(epoch)]);
        let of = |output: &Output| matches!(output, Output::Route { shard: ShardId(2), .. });
        rig.said.iter().filter(|output| of(output)).cloned().collect::<Vec<_>>()
    };
    let told = [Output::Route { shard: ShardId(2), to: Some(NodeId::new("a")) }];
    assert_eq!(routes(&mut rig, 2), told);
    assert_eq!(routes(&mut rig, 2), [], "the same row says nothing new");
    // It was another's at epoch 3, and whoever was told so would ask there for ever.
    assert_eq!(routes(&mut rig, 4), told);
}
