//! Many seeds of commits, faults, wipes, restarts and crashes; then all is well and complete.

use super::*;

/// A small generator: the runs are the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

async fn happen(world: &mut World, bus: &LocalBus, worker: &mut Worker, dice: &mut Dice) {
    match dice.below(20) {
        0..=7 => {
            let texts = ["1", "s2", "3", "s4"];
            let n = 1 + usize::try_from(dice.below(4)).unwrap();
            let name = ["a", "b", "q"][usize::try_from(dice.below(3)).unwrap()];
            let shard = ShardId(u16::try_from(dice.below(3)).unwrap());
            world.commit(shard, &[(name, &texts[..n]), ("a", &texts[..1])]).await;
            worker.catch_up(world).await;
        }
        8..=12 => {
            let turn = worker.turn().await;
            worker.after(turn).await;
        }
        13 => world.clock.jump(dice.below(300)),
        14 => bus.inject(PublishFault::LostAcks { n_acked: 0 }),
        15 => bus.inject(PublishFault::Cut { n_stored: 1 }),
        16 => bus.inject(PublishFault::Twice),
        17 => bus.set_down(dice.below(2) == 0),
        18 if dice.below(4) == 0 => bus.wipe(),
        18 if dice.below(3) == 0 => bus.cut(1 + u8::try_from(dice.below(50)).unwrap()),
        18 => assert!(worker.save().await),
        19.. => {
            if dice.below(2) == 0 {
                world.store.crash();
            }
            *worker = world.worker().await;
        }
    }
}

async fn run(seed: u64) {
    let (mut world, bus) = World::local();
    let mut worker = world.worker().await;
    let mut dice = Dice(seed);
    for _ in 0..300 {
        happen(&mut world, &bus, &mut worker, &mut dice).await;
    }
    bus.set_down(false);
    worker.run_dry(&world).await;
    let durable = owned(&world.store).await;
    for lane in &worker.lanes {
        assert_eq!(lane.now().commit_no, durable.of(lane.shard), "seed {seed}");
    }
    assert_complete(&stored(&bus), &world.expected().await);
    assert!(world.store.check_marks().is_ok());
}

#[tokio::test]
async fn nothing_is_lost_or_reordered_whatever_happens() {
    for seed in 0..200 {
        run(seed).await;
    }
}
