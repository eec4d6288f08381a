//! The quota of a minute.

use super::*;

const START: u64 = 1_795_162_530_000;

#[test]
fn a_quota_can_be_spent_at_once_and_comes_back_evenly() {
    let limiter = RateLimiter::default();
    let take = |at_ms: u64| limiter.take("a", 300, Timestamp(START + at_ms));
    for left in (0..300).rev() {
        assert_eq!(take(0).unwrap().unwrap().remaining, left);
    }
    let refused = take(0).unwrap_err();
    assert_eq!((refused.remaining, refused.retry_after_ms), (0, 200));
    assert!(take(199).is_err(), "one more every 200 ms");
    assert!(take(200).is_ok());
    assert!(take(200).is_err());
    // A minute later all of it is back, and not more.
    let mut n_passed = 0;
    while take(60_200).is_ok() {
        n_passed += 1;
    }
    assert_eq!(n_passed, 300);
}

#[test]
fn no_window_lets_twice_the_quota_through() {
    let limiter = RateLimiter::default();
    let mut n_passed = 0;
    // Half a minute before and after a full minute, as fast as it goes.
    for at_ms in (30_000..90_000).step_by(10) {
        n_passed += u32::from(limiter.take("a", 300, Timestamp(START + at_ms)).is_ok());
    }
    assert!((598..=601).contains(&n_passed), "the burst of 300 and one per 200 ms: {n_passed}");
}

#[test]
fn principals_do_not_share() {
    let limiter = RateLimiter::default();
    for _ in 0..10 {
        limiter.take("a", 10, Timestamp(START)).unwrap();
    }
    assert!(limiter.take("a", 10, Timestamp(START)).is_err());
    assert!(limiter.take("b", 10, Timestamp(START)).is_ok());
    assert_eq!(limiter.take("a", 0, Timestamp(START)), Ok(None), "0 is no limit");
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let limiter = RateLimiter::default();
    let two_hours_ms = 2 * 60 * 60 * 1000;
    for _ in 0..10 {
        limiter.take("a", 10, Timestamp(START + two_hours_ms)).unwrap();
    }
    let mut n_passed = 0;
    while limiter.take("a", 10, Timestamp(START)).is_ok() {
        n_passed += 1;
    }
    assert_eq!(n_passed, 10, "the quota of a minute, and not more");
}

#[test]
fn a_request_that_was_overtaken_brings_no_new_quota() {
    let limiter = RateLimiter::default();
    for _ in 0..10 {
        limiter.take("a", 10, Timestamp(START + 3_000)).unwrap();
    }
    for at_ms in [0, 2_000, 2_999] {
        assert!(limiter.take("a", 10, Timestamp(START + at_ms)).is_err());
    }
}

#[test]
fn headers_say_it_in_the_form_of_the_draft() {
    let limiter = RateLimiter::default();
    let quota = limiter.take("a", 300, Timestamp(START)).unwrap().unwrap();
    assert_eq!(quota.policy_header(), "\"default\";q=300;w=60");
    assert_eq!(quota.limit_header(), "\"default\";r=299;t=1");
}

#[test]
fn a_full_table_refuses_nobody() {
    let limiter = RateLimiter::default();
    for n in 0..crate::limits::RATE_KEYS_MAX + 10 {
        assert!(limiter.take(&n.to_string(), 1, Timestamp(START)).is_ok());
    }
}
