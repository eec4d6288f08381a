//! Balance, agreement, minimal disruption; a frozen table, since nodes of two builds must agree.

use proptest::prelude::*;

use super::*;

fn life(name: &str, incarnation: u64) -> Life {
    Life { node: NodeId::new(name), incarnation }
}

fn members(n: usize) -> Vec<Life> {
    (0..n).map(|n| life(&format!("node-{n}"), 1)).collect()
}

fn owners(view: &View, n_shards: u16) -> Vec<String> {
    (0..n_shards).map(|shard| view.wanted(ShardId(shard)).unwrap().node.to_string()).collect()
}

fn loads(view: &View, n_shards: u16) -> Vec<usize> {
    let owners = owners(view, n_shards);
    let load = |life: &Life| owners.iter().filter(|owner| **owner == *life.node.0).count();
    view.members().iter().map(load).collect()
}

#[test]
fn nobody_owns_anything_without_members() {
    let view = View::new([], 8);
    assert_eq!(view.wanted(ShardId(0)), None);
    assert_eq!(View::new(members(1), 8).wanted(ShardId(8)), None, "no such shard");
    assert_eq!(loads(&View::new(members(1), 8), 8), [8]);
}

/// Another table would be another protocol: two builds in one cluster would push shards back
/// and forth.
#[test]
fn placement_is_frozen() {
    let view = View::new([life("ada", 1), life("bob", 4), life("eve", 1)], 16);
    let letters: String = owners(&view, 16).iter().map(|name| &name[..1]).collect();
    assert_eq!(letters, "bebabaaeebababaa");
    assert_eq!(format!("{:016x}", view.number()), "0461755339057fa1");
}

#[test]
fn the_number_tells_lives_apart() {
    let of = |lives: &[Life]| View::new(lives.iter().cloned(), 4).number();
    let all = [life("a", 1), life("b", 1)];
    assert_ne!(of(&all), of(&all[..1]));
    assert_ne!(of(&all), of(&[life("a", 2), life("b", 1)]));
    assert_ne!(of(&all), of(&[life("a", 1), life("c", 1)]));
    let restarted = View::new([life("a", 2), life("b", 1)], 64);
    let before = View::new(all, 64);
    assert_eq!(owners(&before, 64), owners(&restarted, 64), "a restart moves nothing");
}

#[test]
#[should_panic(expected = "one life at a time")]
fn two_lives_of_one_node_are_a_mistake() {
    let _ = View::new([life("a", 1), life("a", 2)], 4);
}

#[test]
fn a_node_more_or_less_moves_about_its_share() {
    for n in [2, 3, 5, 10, 20] {
        let before = View::new(members(n), 1024);
        let after = View::new(members(n + 1), 1024);
        let pairs = owners(&before, 1024).into_iter().zip(owners(&after, 1024));
        let moved = pairs.filter(|(before, after)| before != after).count();
        let share = 1024 / (n + 1);
        assert!(moved <= share * 2, "{n} nodes and one more: {moved} moves, a share is {share}");
        assert!(moved >= share / 2, "{n} nodes and one more: {moved} moves, a share is {share}");
    }
}

proptest! {
    #[test]
    fn loads_are_bounded_and_order_is_nothing(
        names in proptest::collection::btree_set("[a-z]{1,8}", 1..12),
        n_shards in 1_u16..300,
        turn in 0_usize..12,
    ) {
        let mut lives: Vec<Life> = names.iter().map(|name| life(name, 1)).collect();
        let view = View::new(lives.clone(), n_shards);
        let room = (usize::from(n_shards) * 125).div_ceil(100 * lives.len());
        prop_assert!(loads(&view, n_shards).into_iter().all(|load| load <= room));
        let n = lives.len();
        lives.rotate_left(turn % n);
        prop_assert_eq!(&view, &View::new(lives, n_shards));
    }

    #[test]
    fn without_is_the_view_of_the_others(n in 2_usize..8, gone in 0_usize..8) {
        let mut lives = members(n);
        let view = View::new(lives.clone(), 64);
        let gone = lives.remove(gone % n);
        prop_assert_eq!(view.without(&gone.node), View::new(lives, 64));
        prop_assert!(view.has(&gone) && !view.without(&gone.node).has(&gone));
    }
}
