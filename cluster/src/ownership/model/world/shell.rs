//! The shell of the model: does what agents say, tells them what came of it.

use std::collections::VecDeque;

use entity::{ShardId, Timestamp};
use ports::LeaseWrite;

use super::{Event, Flight, Host, NAMES, Probes, Request, World, name};
use crate::ownership::io::{Input, Output, Peer, ShardStatus, StoreCall};
use crate::ownership::model::store::{Append, Appended, Rules};

impl World {
    pub(super) fn serve(
        &mut self,
        request: &Request,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<Event, String> {
        Ok(match request {
            Request::Agent { call, what } => {
                let answer = self.store.call(what, false, rules);
                Event::Agent(Input::Answer { call: *call, answer })
            }
            Request::Append(append) => {
                let appended = self.store.append(*append, rules)?;
                probes.n_fenced += u32::from(appended == Appended::Fenced);
                Event::Appended(*append, appended)
            }
        })
    }

    pub(super) fn answer(
        &mut self,
        flight: &Flight,
        event: Event,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        if self.nodes[flight.node].process == flight.process {
            self.tell(flight.node, event, rules, probes)?;
        }
        Ok(())
    }

    pub(super) fn fail_host(
        &mut self,
        node: usize,
        shard: u16,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        let Some(host) = self.nodes[node].hosts.remove(&shard) else { return Ok(()) };
        let status = ShardStatus::Failed;
        let input = Input::Shard { shard: ShardId(shard), epoch: host.epoch, status };
        self.tell(node, Event::Agent(input), rules, probes)
    }

    /// A process takes an event, and its shell does what comes of it.
    pub(super) fn tell(
        &mut self,
        index: usize,
        event: Event,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        if self.nodes[index].paused {
            self.nodes[index].inbox.push(event);
            return Ok(());
        }
        let mut inputs = VecDeque::new();
        match event {
            Event::Agent(input) => inputs.push_back(input),
            Event::Appended(append, appended) => {
                return self.appended(index, append, appended, rules, probes);
            }
        }
        while let Some(input) = inputs.pop_front() {
            let mut outputs = Vec::new();
            let now = Timestamp(self.now);
            let Some(agent) = &mut self.nodes[index].agent else { return Ok(()) };
            agent.handle(input, now, &mut outputs);
            for output in outputs {
                self.perform(index, output, rules, probes, &mut inputs)?;
            }
        }
        Ok(())
    }

    fn appended(
        &mut self,
        node: usize,
        append: Append,
        appended: Appended,
        rules: Rules,
        probes: &mut Probes,
    ) -> Result<(), String> {
        let process = self.nodes[node].process;
        let Some(host) = self.nodes[node].hosts.get_mut(&append.shard) else { return Ok(()) };
        if host.epoch != append.epoch || host.flying != Some(append.value) {
            return Ok(());
        }
        match appended {
            Appended::Applied => {
                host.flying = None;
                host.n_durable += 1;
                self.acked.push(append);
                probes.n_acked += 1;
                if host.closed {
                    let (shard, epoch) = (ShardId(append.shard), host.epoch);
                    let status = ShardStatus::Drained;
                    let input = Input::Shard { shard, epoch, status };
                    return self.tell(node, Event::Agent(input), rules, probes);
                }
            }
            Appended::Unknown if rules.identical_retry => {
                let request = Request::Append(append);
                self.flights.push(Flight { held: false, node, process, request });
            }
            Appended::Unknown => {
                host.flying = Some(append.value + 100);
                let request = Request::Append(Append { value: append.value + 100, ..append });
                self.flights.push(Flight { held: false, node, process, request });
            }
            // A shell that takes an unknown outcome for a failure believes the number is its own.
            Appended::Broken if !rules.identical_retry => {
                host.flying = None;
                host.n_durable += 1;
                self.acked.push(append);
            }
            Appended::Broken => return Err(format!("I2: {append:?} does not continue")),
            Appended::Fenced => self.fail_host(node, append.shard, rules, probes)?,
        }
        Ok(())
    }

    fn perform(
        &mut self,
        index: usize,
        output: Output,
        rules: Rules,
        probes: &mut Probes,
        inputs: &mut VecDeque<Input>,
    ) -> Result<(), String> {
        let node = &mut self.nodes[index];
        match output {
            Output::Call { call, what } => match what {
                StoreCall::ReadLeases | StoreCall::ReadOwners => {
                    let stale = node.stale_next;
                    node.stale_next = stale && what == StoreCall::ReadLeases;
                    let answer = self.store.call(&what, stale, rules);
                    inputs.push_back(Input::Answer { call, answer });
                }
                StoreCall::Lease(_) | StoreCall::Owner(_) | StoreCall::Claim { .. } => {
                    let own =
                        matches!(&what, StoreCall::Lease(write) if write.node() == &name(index));
                    probes.n_ended += u32::from(
                        matches!(&what, StoreCall::Lease(LeaseWrite::End { .. })) && !own,
                    );
                    let request = Request::Agent { call, what };
                    self.flights.push(Flight {
                        held: false,
                        node: index,
                        process: node.process,
                        request,
                    });
                }
            },
            Output::Send { to, message } => {
                probes.n_released += u32::from(matches!(message, Peer::Released { .. }));
                let to = NAMES.iter().position(|name| to.0 == *name).expect("a node of the model");
                self.net.push((false, index, to, message));
            }
            Output::ServeUntil(until) => node.serve_until = until.0,
            Output::Unfit { member } => return Err(format!("one build, and {member:?} is unfit")),
            Output::Life(life) => probes.n_lives_lost += u32::from(life.is_none()),
            Output::Open { .. }
            | Output::PreSnapshot { .. }
            | Output::Close { .. }
            | Output::Reopen { .. }
            | Output::DropShard { .. } => {
                return self.perform_host(index, output, rules, probes, inputs);
            }
            Output::Buffer { shard } => node.buffers.push(shard.0),
            Output::Unbuffer { shard } => node.buffers.retain(|buffer| *buffer != shard.0),
            Output::Route { .. } => {}
            Output::Left => node.agent = None,
        }
        Ok(())
    }

    fn perform_host(
        &mut self,
        index: usize,
        output: Output,
        rules: Rules,
        probes: &mut Probes,
        inputs: &mut VecDeque<Input>,
    ) -> Result<(), String> {
        let node = &mut self.nodes[index];
        let status = |shard, epoch, status| Input::Shard { shard, epoch, status };
        match output {
            Output::Open { shard, epoch, tail } => {
                probes.n_opened += 1;
                let me = (index, node.process);
                let first = *self.opened.entry((shard.0, epoch)).or_insert(me);
                if first != me {
                    return Err(format!("I1: {shard:?} at {epoch} opened by {first:?}, {me:?}"));
                }
                let n_durable = usize::try_from(tail.next_commit - 1).expect("small");
                let host = Host { epoch, n_durable, flying: None, closed: false };
                if node.hosts.insert(shard.0, host).is_some() {
                    return Err(format!("{shard:?} opened at {epoch} while it is hosted"));
                }
                node.buffers.retain(|buffer| *buffer != shard.0);
                inputs.push_back(status(shard, epoch, ShardStatus::Opened));
            }
            Output::PreSnapshot { shard, epoch } => {
                inputs.push_back(status(shard, epoch, ShardStatus::Snapshotted));
            }
            Output::Close { shard, epoch, .. } => {
                probes.n_closed += 1;
                if let Some(host) = node.hosts.get_mut(&shard.0) {
                    host.closed = true;
                    if host.flying.is_none() {
                        inputs.push_back(status(shard, epoch, ShardStatus::Drained));
                    }
                }
            }
            Output::Reopen { shard, .. } => {
                probes.n_reopened += 1;
                if let Some(host) = node.hosts.get_mut(&shard.0) {
                    host.closed = false;
                }
            }
            Output::DropShard { shard, .. } => {
                // A shell that goes on reading after Close does so until it is fenced.
                if rules.close_stops_reads {
                    node.hosts.remove(&shard.0);
                }
            }
            Output::Call { .. }
            | Output::Send { .. }
            | Output::Life(_)
            | Output::ServeUntil(_)
            | Output::Unfit { .. }
            | Output::Buffer { .. }
            | Output::Unbuffer { .. }
            | Output::Route { .. }
            | Output::Left => unreachable!("not of a host"),
        }
        Ok(())
    }
}
