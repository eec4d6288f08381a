//! What happens to the world, one action at a time.

use super::{Action, Event, Flight, N_SHARDS, Probes, Request, World, name, timing};
use crate::ownership::io::{Answer, Input};
use crate::ownership::model::store::{Append, Appended, Rules};
use crate::ownership::{Agent, Config};

impl World {
    /// Lets it happen. `Err`: an invariant is broken.
    pub(in crate::ownership::model) fn act(
        &mut self,
        action: Action,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        self.n_faults_left -= u8::from(action.is_fault());
        match action {
            Action::Time => self.pass(rules, probes)?,
            Action::HoldRequest(index) => self.flights[index].held = true,
            Action::HoldMessage(index) => self.net[index].0 = true,
            Action::Double(index) => {
                let (_, from, to, message) = self.net[index].clone();
                self.net.push((true, from, to, message));
            }
            Action::Store(index) => {
                let flight = self.flights.remove(index);
                let answer = self.serve(&flight.request, rules, probes)?;
                self.answer(&flight, answer, rules, probes)?;
            }
            Action::LoseRequest(index) => {
                let flight = self.flights.remove(index);
                self.unknown(&flight, rules, probes)?;
            }
            Action::LoseAnswer(index) => {
                let flight = self.flights.remove(index);
                self.serve(&flight.request, rules, probes)?;
                self.unknown(&flight, rules, probes)?;
            }
            Action::MakeLate(index) => {
                let flight = self.flights.remove(index);
                self.late.push(flight.request.clone());
                self.unknown(&flight, rules, probes)?;
            }
            Action::ApplyLate(index) => {
                let request = self.late.remove(index);
                self.serve(&request, rules, probes)?;
            }
            Action::Deliver(index) => {
                let (_, from, to, message) = self.net.remove(index);
                let input = Input::Peer { from: name(from), message };
                self.tell(to, Event::Agent(input), rules, probes)?;
            }
            Action::LoseMessage(index) => drop(self.net.remove(index)),
            Action::Crash(node) => self.crash(node),
            Action::Restart(node) => self.start(node),
            Action::Pause(node) => self.nodes[node].paused = true,
            Action::Resume(node) => self.resume(node, rules, probes)?,
            Action::Stale(node) => self.nodes[node].stale_next = true,
            Action::Append(node, shard) => self.begin_append(node, shard),
            Action::HostFails(node, shard) => self.fail_host(node, shard, rules, probes)?,
        }
        self.flights.sort_unstable();
        self.late.sort_unstable();
        self.net.sort_unstable();
        self.check(rules)
    }

    /// Its caller is told that the outcome is unknown.
    fn unknown(
        &mut self,
        flight: &Flight,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        let unknown = match &flight.request {
            Request::Agent { call, .. } => {
                Event::Agent(Input::Answer { call: *call, answer: Answer::Unknown })
            }
            Request::Append(append) => Event::Appended(*append, Appended::Unknown),
        };
        self.answer(flight, unknown, rules, probes)
    }

    fn pass(&mut self, rules: Rules, probes: &mut Probes) -> Result<(), String> {
        self.now += 1;
        for node in 0..self.nodes.len() {
            if self.nodes[node].agent.is_some() && !self.nodes[node].paused {
                self.tell(node, Event::Agent(Input::Tick), rules, probes)?;
            }
        }
        Ok(())
    }

    /// A process of the node begins, with nothing in memory.
    pub(in crate::ownership::model) fn start(&mut self, node: usize) {
        let (timing, frames) = (timing(), crate::wire::FRAMES);
        let config = Config { node: name(node), n_shards: N_SHARDS, timing, frames };
        let node = &mut self.nodes[node];
        node.process += 1;
        node.agent = Some(Agent::new(config));
    }

    /// The node is told to hand over what it has and to end.
    pub(in crate::ownership::model) fn leave(
        &mut self,
        node: usize,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        self.tell(node, Event::Agent(Input::Leave), rules, probes)
    }

    /// The process ends; what it had under way may still reach the store.
    fn crash(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.agent = None;
        node.inbox.clear();
        node.hosts.clear();
        node.buffers.clear();
        node.serve_until = 0;
        node.stale_next = false;
        let (own, others) =
            std::mem::take(&mut self.flights).into_iter().partition(|flight| flight.node == index);
        self.flights = others;
        let own: Vec<Flight> = own;
        self.late.extend(own.into_iter().map(|flight| flight.request));
    }

    pub(in crate::ownership::model) fn resume(
        &mut self,
        node: usize,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        self.nodes[node].paused = false;
        for event in std::mem::take(&mut self.nodes[node].inbox) {
            self.tell(node, event, rules, probes)?;
        }
        Ok(())
    }

    fn begin_append(&mut self, node: usize, shard: u16) {
        self.n_appends_left -= 1;
        let value = self.n_appends_left;
        let process = self.nodes[node].process;
        let host = self.nodes[node].hosts.get_mut(&shard).expect("actions() saw it");
        host.flying = Some(value);
        let append = Append { shard, epoch: host.epoch, index: host.n_durable, value };
        self.flights.push(Flight { held: false, node, process, request: Request::Append(append) });
    }
}
