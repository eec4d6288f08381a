//! Every answer to every step.

use ports::NodeId;

use super::*;

const SHARD: ShardId = ShardId(7);

fn life(name: &str) -> Life {
    Life { node: NodeId::new(name), incarnation: 3 }
}

fn row(epoch: u64, name: &str) -> OwnerRow {
    OwnerRow { shard: SHARD, epoch, owner: life(name) }
}

const fn tail(epoch: u64) -> Tail {
    Tail { epoch, ..Tail::EMPTY }
}

fn owner() -> Takeover {
    Takeover::begin(SHARD, 4, life("me"))
}

#[test]
fn the_owner_row_first() {
    let write = OwnerWrite { shard: SHARD, epoch: 4, owner: life("me") };
    assert_eq!(owner().call(), StoreCall::Owner(write));
    let claim = || Step::Go(Takeover::Claim(row(5, "me")));
    let lost = |row| Step::Lost(row);
    for (answer, step) in [
        (Answer::Owner(Cas::Applied(row(5, "me"))), claim()),
        // An earlier try was applied, or the owner before wrote it in a handoff.
        (Answer::Owner(Cas::Refused(Some(row(5, "me")))), claim()),
        (Answer::Owner(Cas::Refused(Some(row(5, "you")))), lost(Some(row(5, "you")))),
        (Answer::Owner(Cas::Refused(Some(row(6, "me")))), lost(Some(row(6, "me")))),
        (Answer::Owner(Cas::Refused(None)), lost(None)),
        (Answer::Unknown, Step::Again(owner())),
    ] {
        assert_eq!(owner().answer(answer.clone()), step, "{answer:?}");
    }
}

#[test]
fn then_the_journal() {
    let claim = || Takeover::Claim(row(5, "me"));
    assert_eq!(claim().call(), StoreCall::Claim { shard: SHARD, epoch: 5 });
    let higher = Takeover::begin(SHARD, 5, life("me"));
    for (answer, step) in [
        (Answer::Claim(Cas::Applied(tail(5))), Step::Open(row(5, "me"), tail(5))),
        // The owner row has to be asked: it may be another's, or behind the journal.
        (Answer::Claim(Cas::Refused(Some(tail(9)))), Step::Go(higher)),
        (Answer::Unknown, Step::Again(claim())),
    ] {
        assert_eq!(claim().answer(answer.clone()), step, "{answer:?}");
    }
}

#[test]
#[should_panic(expected = "I1")]
fn a_claim_at_another_epoch_is_a_bug_of_the_store() {
    let _ = Takeover::Claim(row(5, "me")).answer(Answer::Claim(Cas::Applied(tail(6))));
}
