//! An order: the saga over one to three stocks. It always ends, completed or failed (I11).
//!
//! ```text
//!            all held              all consumed
//!  Holding ------------> Confirming ------------> Completed
//!     | refused, late         | one is gone
//!     +----------> Cancelling <                    (asks again by its deadline
//!                      | all undone                 until every line has answered)
//!                      +------------> Failed
//! ```

use codec::Stored;
use entity::{
    Answer, Bounce, Context, Decision, Effect, Entity, EntityKey, EventContext, Kind, Publication,
    Source, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::stock::{self, Stock};
use super::{Done, Query, Refused, View, answer};

/// How long all holds together may take.
pub const HOLDING_MS: u64 = 400;
/// After how long a line that has not answered is asked again.
pub const ASK_AGAIN_MS: u64 = 250;

/// Where the saga is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Not begun.
    #[default]
    New,
    /// Waits for holds.
    Holding,
    /// Takes what it holds.
    Confirming,
    /// Gives everything back.
    Cancelling,
    /// Ended well.
    Completed,
    /// Ended, with nothing taken.
    Failed,
}

impl Stage {
    /// Whether nothing more happens.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Completed | Self::Failed => true,
            Self::New | Self::Holding | Self::Confirming | Self::Cancelling => false,
        }
    }
}

/// Goods of one stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which stock.
    pub stock: EntityKey,
    /// How many.
    pub n: u64,
    /// Whether the stock has answered what the present stage asks.
    pub answered: bool,
}

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Where it is.
    pub stage: Stage,
    /// What it wants.
    pub lines: Vec<Line>,
    /// When it does something on its own.
    pub deadline: Option<Timestamp>,
}

/// What a stock answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineAnswer {
    /// The goods are put aside.
    Held,
    /// The goods are the order's.
    Consumed,
    /// There is no hold any more.
    Gone,
    /// There is nothing of the order here any more.
    Undone,
}

/// What an order can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Begins.
    Start {
        /// The caller's number.
        op: u64,
        /// Stocks, and how many goods of each.
        lines: Vec<(EntityKey, u64)>,
        /// How long a hold lasts.
        ttl_ms: u64,
    },
    /// A stock answers.
    Answer(LineAnswer),
}

impl Stored for Command {
    const TYPE: u16 = 60_030;
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It began.
    Started {
        /// The caller's number.
        op: u64,
        /// Stocks, and how many goods of each.
        lines: Vec<(EntityKey, u64)>,
    },
    /// A line has answered what was asked.
    Answered(EntityKey),
    /// The next stage began.
    Entered(Stage),
    /// The lines that had not answered were asked again.
    AskedAgain,
}

impl Stored for Event {
    const TYPE: u16 = 60_031;
}

impl Stored for Order {
    const TYPE: u16 = 60_032;
}

impl Order {
    fn ask(&self, stage: Stage, again: bool) -> Vec<Effect> {
        let command = match stage {
            Stage::Confirming => stock::Command::Commit,
            Stage::Cancelling => stock::Command::Undo,
            Stage::New | Stage::Holding | Stage::Completed | Stage::Failed => return Vec::new(),
        };
        let lines = self.lines.iter().filter(|line| !again || !line.answered);
        lines.map(|line| Effect::tell::<Stock>(line.stock.clone(), &command)).collect()
    }

    fn enter(&self, stage: Stage) -> Decision<Self> {
        Decision::event(Event::Entered(stage)).and_all(self.ask(stage, false))
    }

    /// A line has answered what this stage asks; the last one ends the stage.
    fn answered(&self, stock: &EntityKey, next: Stage) -> Decision<Self> {
        let waits = |line: &&Line| !line.answered && line.stock != *stock;
        if self.lines.iter().any(|line| line.stock == *stock && line.answered) {
            return Decision::nothing();
        }
        let mut decision = Decision::event(Event::Answered(stock.clone()));
        if !self.lines.iter().any(|line| waits(&line)) {
            decision.events.push(Event::Entered(next));
            decision.effects = self.ask(next, false);
        }
        decision
    }

    fn line(&self, stock: &EntityKey, answer: LineAnswer) -> Decision<Self> {
        match (self.stage, answer) {
            (Stage::Holding, LineAnswer::Held) => self.answered(stock, Stage::Confirming),
            (Stage::Confirming, LineAnswer::Consumed) => self.answered(stock, Stage::Completed),
            (Stage::Cancelling, LineAnswer::Undone) => self.answered(stock, Stage::Failed),
            (Stage::Confirming, LineAnswer::Gone) => self.enter(Stage::Cancelling),
            // Answers to what an earlier stage asked.
            (
                _,
                LineAnswer::Held | LineAnswer::Consumed | LineAnswer::Gone | LineAnswer::Undone,
            ) => Decision::nothing(),
        }
    }
}

impl Entity for Order {
    const KIND: Kind = Kind(903);
    const NAME: &'static str = "toy_order";
    type Command = Command;
    type Event = Event;
    type Reply = Done;
    type Rejection = Refused;
    type Query = Query;
    type View = View;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Refused> {
        let refused = |reason: &str| Refused { version: ctx.version, reason: reason.into() };
        match command {
            Command::Start { .. } if self.stage != Stage::New => Err(refused("begun before")),
            Command::Start { op, lines, ttl_ms } => {
                let hold = |(stock, n): &(EntityKey, u64)| {
                    let hold = stock::Command::Hold { n: *n, ttl_ms };
                    Effect::tell::<Stock>(stock.clone(), &hold).within_ms(HOLDING_MS)
                };
                let effects: Vec<_> = lines.iter().map(hold).collect();
                let amount = i64::try_from(lines.len()).unwrap_or(i64::MAX);
                let started = Event::Started { op, lines };
                Ok(Decision::event(started).and_all(effects).replying(Done { op, amount }))
            }
            Command::Answer(answer) => match ctx.source {
                Source::Entity(stock) => Ok(self.line(stock, answer)),
                Source::Caller | Source::Timer => Err(refused("only for stocks")),
            },
        }
    }

    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        match self.stage {
            Stage::Holding => self.enter(Stage::Cancelling),
            Stage::Confirming | Stage::Cancelling => {
                Decision::event(Event::AskedAgain).and_all(self.ask(self.stage, true))
            }
            Stage::New | Stage::Completed | Stage::Failed => Decision::nothing(),
        }
    }

    fn bounced(&self, _ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        match (codec::unpack(bounce.command), self.stage) {
            (Ok(stock::Command::Hold { .. }), Stage::Holding) => self.enter(Stage::Cancelling),
            // A commit or undo that was not taken is asked again by the deadline.
            (Ok(_) | Err(_), _) => Decision::nothing(),
        }
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match event {
            Event::Started { lines, .. } => {
                let line = |(stock, n): &(EntityKey, u64)| Line {
                    stock: stock.clone(),
                    n: *n,
                    answered: false,
                };
                self.stage = Stage::Holding;
                self.lines = lines.iter().map(line).collect();
                self.deadline = Some(ctx.at.plus_ms(HOLDING_MS));
            }
            Event::Answered(stock) => {
                self.lines
                    .iter_mut()
                    .filter(|line| line.stock == *stock)
                    .for_each(|line| line.answered = true);
            }
            Event::Entered(stage) => {
                self.stage = *stage;
                self.lines.iter_mut().for_each(|line| line.answered = false);
                self.deadline = (!stage.has_ended()).then(|| ctx.at.plus_ms(ASK_AGAIN_MS));
            }
            Event::AskedAgain => self.deadline = Some(ctx.at.plus_ms(ASK_AGAIN_MS)),
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Refused> {
        answer(self, ctx.version, query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }
}
