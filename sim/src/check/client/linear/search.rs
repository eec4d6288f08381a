//! The search of Wing and Gong with Lowe's memoisation, for any model.
//!
//! It takes calls one after the other: any call that no other untaken one precedes may be next, if
//! the model can give its answer there. What was taken and the state that came of it are
//! remembered, so each such pair is entered once. A call that was never answered may be taken at
//! any time after it was sent, or never. It gives up honestly after a number of pairs.
//!
//! Sources: Wing and Gong, "Testing and verifying concurrent objects" (1993); Lowe, "Testing for
//! linearizability" (2017).

use std::collections::BTreeSet;

/// The most (taken, state) pairs that are entered for one key: about a second and 100 MB.
pub const STATES_MAX: usize = 500_000;

/// The most calls that are tried for one key, possible or not: each takes a microsecond or two, and
/// of every pair entered hundreds may be tried.
pub const STEPS_MAX: usize = 1_000_000;

/// A sequential entity: what it may do and say.
pub trait Model {
    /// What the entity knows.
    type State: Clone + Ord;
    /// A call with its answer.
    type Op: PartialEq;

    /// How it begins.
    fn begin(&self) -> Self::State;

    /// All states that it may be in after the call was answered as it was; none: it could not have
    /// been. More than one if the entity may also move by itself in a way that nobody saw.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Vec<Self::State>;
}

/// A call and its answer, in time.
#[derive(Debug, Clone)]
pub struct Call<O> {
    /// What was asked and answered.
    pub op: O,
    /// When it was sent: its effect is not before that.
    pub from_us: u64,
    /// When it was answered: its effect is not after that. `None`: it may come at any time or not
    /// at all.
    pub to_us: Option<u64>,
}

/// What the search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order that explains all answers.
    Linearizable,
    /// There is none. `stuck`: the first call to be answered that no attempt got past.
    Impossible {
        /// Its place in the calls given.
        stuck: usize,
    },
    /// Too many possibilities.
    Inconclusive,
}

/// Searches for an order of the calls; at most `states_max` pairs are entered, and at most
/// [`STEPS_MAX`] calls are tried.
#[must_use]
pub fn linearize<M: Model>(model: &M, calls: &[Call<M::Op>], states_max: usize) -> Verdict {
    let mut search = Search::new(calls);
    let mut seen = BTreeSet::new();
    let mut n_steps = 0;
    let begin = vec![model.begin()];
    let mut path = vec![Frame { candidates: search.candidates(), next: 0, states: begin }];
    while let Some(frame) = path.last_mut() {
        if search.n_to_answer == 0 {
            return Verdict::Linearizable;
        }
        let Some(&call) = frame.candidates.get(frame.next) else {
            path.pop();
            // The call that led here is the one before the parent's next.
            if let Some(parent) = path.last() {
                search.untake(parent.candidates[parent.next - 1]);
            }
            continue;
        };
        frame.next += 1;
        n_steps += frame.states.len();
        if n_steps > STEPS_MAX {
            return Verdict::Inconclusive;
        }
        let states = step_all(model, &frame.states, &search.sorted[call].op);
        if states.is_empty() {
            continue;
        }
        search.take(call);
        if !seen.insert((search.taken(), states.clone())) {
            search.untake(call);
            continue;
        }
        if seen.len() > states_max {
            return Verdict::Inconclusive;
        }
        path.push(Frame { candidates: search.candidates(), next: 0, states });
    }
    if search.n_to_answer == 0 {
        return Verdict::Linearizable;
    }
    Verdict::Impossible { stuck: search.stuck(calls) }
}

/// The model's states as a set: what moves by itself does not multiply the search.
fn step_all<M: Model>(model: &M, states: &[M::State], op: &M::Op) -> Vec<M::State> {
    let mut next: Vec<_> = states.iter().flat_map(|state| model.step(state, op)).collect();
    next.sort_unstable();
    next.dedup();
    next
}

struct Frame<S> {
    candidates: Vec<usize>,
    next: usize,
    states: Vec<S>,
}

/// Which calls were taken, without what follows from it: the words of the answered calls from the
/// first that is not full on, and the words of the unanswered ones.
type Taken = (usize, Vec<u64>, Vec<u64>);

const NIL: usize = usize::MAX;

struct Search<'a, O> {
    /// The calls by the time at which they were sent.
    sorted: Vec<&'a Call<O>>,
    /// The untaken calls as a list in that order; the last place is its head.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Place of each call among the answered or the unanswered ones.
    bit: Vec<usize>,
    answered: Vec<u64>,
    /// Words of `answered` before this one are full.
    n_full: usize,
    unanswered: Vec<u64>,
    n_to_answer: usize,
    /// The most answered calls that were taken at once, and the first answer that was missing.
    best: (usize, u64, usize),
    n_answered: usize,
}

impl<'a, O: PartialEq> Search<'a, O> {
    fn new(calls: &'a [Call<O>]) -> Self {
        let n = calls.len();
        let mut sorted: Vec<_> = calls.iter().collect();
        sorted.sort_by_key(|call| (call.from_us, call.to_us.unwrap_or(u64::MAX)));
        let (mut n_answered, mut n_open) = (0, 0);
        let bit = sorted
            .iter()
            .map(|call| {
                let count = if call.to_us.is_some() { &mut n_answered } else { &mut n_open };
                *count += 1;
                *count - 1
            })
            .collect();
        let next = (0..=n).map(|index| if index == n { 0 } else { index + 1 }).collect();
        let previous = (0..=n).map(|index| if index == 0 { n } else { index - 1 }).collect();
        Self {
            sorted,
            next,
            previous,
            bit,
            answered: vec![0; n_answered.div_ceil(64)],
            n_full: 0,
            unanswered: vec![0; n_open.div_ceil(64)],
            n_to_answer: n_answered,
            best: (0, 0, NIL),
            n_answered,
        }
    }

    /// The untaken calls that no untaken one precedes: first those that were answered, by time of
    /// the answer, then those that never were, since most histories need few of them.
    fn candidates(&mut self) -> Vec<usize> {
        let head = self.sorted.len();
        let (mut found, mut first_answer, mut first) = (Vec::new(), u64::MAX, NIL);
        let mut call = self.next[head];
        while call != head && self.sorted[call].from_us <= first_answer {
            let same = |other: &&usize| {
                let other = self.sorted[**other];
                other.to_us.is_none() && other.op == self.sorted[call].op
            };
            // Of equal calls that were never answered the earliest can stand for all.
            if self.sorted[call].to_us.is_some() || !found.iter().any(|other| same(&other)) {
                found.push(call);
            }
            if let Some(to_us) = self.sorted[call].to_us.filter(|to_us| *to_us < first_answer) {
                (first_answer, first) = (to_us, call);
            }
            call = self.next[call];
        }
        found.sort_by_key(|call| (self.sorted[*call].to_us.unwrap_or(u64::MAX), *call));
        let n_taken = self.n_answered - self.n_to_answer;
        if first != NIL && (self.best.2 == NIL || n_taken > self.best.0) {
            self.best = (n_taken, first_answer, first);
        }
        found
    }

    fn take(&mut self, call: usize) {
        let (before, after) = (self.previous[call], self.next[call]);
        self.next[before] = after;
        self.previous[after] = before;
        self.flip(call);
    }

    /// Undoes the newest `take`: the call still knows its neighbours.
    fn untake(&mut self, call: usize) {
        let (before, after) = (self.previous[call], self.next[call]);
        self.next[before] = call;
        self.previous[after] = call;
        self.flip(call);
    }

    fn flip(&mut self, call: usize) {
        let (word, mask) = (self.bit[call] / 64, 1 << (self.bit[call] % 64));
        if self.sorted[call].to_us.is_none() {
            self.unanswered[word] ^= mask;
            return;
        }
        self.answered[word] ^= mask;
        if self.answered[word] & mask == 0 {
            self.n_to_answer += 1;
            self.n_full = self.n_full.min(word);
        } else {
            self.n_to_answer -= 1;
            while self.answered.get(self.n_full) == Some(&u64::MAX) {
                self.n_full += 1;
            }
        }
    }

    fn taken(&self) -> Taken {
        let end = self.answered.iter().skip(self.n_full).take_while(|word| **word != 0).count();
        // A word without a taken call may stand before one with some: then all are kept.
        let rest = &self.answered[self.n_full..];
        let end = if rest[end..].iter().all(|word| *word == 0) { end } else { rest.len() };
        (self.n_full, rest[..end].to_vec(), self.unanswered.clone())
    }

    fn stuck(&self, calls: &[Call<O>]) -> usize {
        let call = self.sorted[self.best.2];
        calls.iter().position(|other| std::ptr::eq(other, call)).expect("it is one of the calls")
    }
}
