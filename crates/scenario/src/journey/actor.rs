//! One virtual user at work.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use floodline_core::journey::{Actor, Answered, NothingLeft, Outgoing};
use minijinja::Value;

use super::ask::Said;
use super::scope::{Scope, Seen};
use super::{Parts, What};

/// A user: what it knows, and what it is about to have said.
#[derive(Debug)]
pub(super) struct Performer {
    parts: Arc<Parts>,
    scope: Arc<Scope>,
    /// What it had saved when its setup was over; none until its first iteration begins.
    at_setup: Option<BTreeMap<Arc<str>, Value>>,
    /// What the request under way adds to its conversation.
    saying: Option<(Arc<str>, Said)>,
    /// Names that were saved since it was forked.
    fresh: Vec<Arc<str>>,
}

impl Performer {
    pub(super) fn new(parts: Arc<Parts>, user: u64) -> Performer {
        let env = parts.environment.iter().map(|(name, value)| (name.as_str(), value.expose()));
        let scope = Arc::new(Scope { user, env: Value::from_pairs(env), ..Scope::default() });
        Performer { parts, scope, at_setup: None, saying: None, fresh: Vec::new() }
    }

    fn scope(&mut self) -> &mut Scope {
        Arc::make_mut(&mut self.scope)
    }
}

impl Performer {
    /// The request of a step, for a target.
    fn make(&mut self, step: usize, target: usize) -> Result<Outgoing, String> {
        let parts = self.parts.clone();
        let Some(request) = parts.requests.get(step) else { return Err("there is no such step".into()) };
        let mut outgoing = match &request.what {
            What::Ask(ask) => {
                let (outgoing, said) = ask.make(&self.scope, target)?;
                self.saying = Some((ask.conversation.clone(), said));
                outgoing
            }
            What::Own(own) => {
                self.saying = None;
                own.make(&self.scope, target)?
            }
        };
        let context = self.scope.context();
        for (name, value) in &request.headers {
            let value = value.render(&context)?;
            if value.contains(|c: char| c.is_control() && c != '\t') || !value.is_ascii() {
                return Err(format!("the value of the header `{name}` cannot be sent"));
            }
            let fields = &mut outgoing.head.get_or_insert_default().fields;
            fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            fields.push((name.as_str().into(), value.into()));
        }
        outgoing.target = target;
        Ok(outgoing)
    }
}

impl Actor for Performer {
    fn begin(&mut self, iteration: Option<u64>) -> Result<(), NothingLeft> {
        let parts = self.parts.clone();
        let user = self.scope.user;
        let mut rows = Vec::new();
        for (number, feeder) in parts.feeders.iter().enumerate() {
            // The first iteration goes on with the rows of the setup.
            let again = feeder.is_drawn_again() && !(iteration == Some(0) && self.at_setup.is_none());
            if again || !self.scope.rows.contains_key(&feeder.name) {
                let nth = iteration.unwrap_or(0);
                rows.push((feeder.name.clone(), feeder.draw(parts.seed, number as u64, user, nth)?));
            }
        }
        match (iteration, &self.at_setup) {
            // Whatever an earlier setup has saved is saved anew.
            (None, _) => self.at_setup = None,
            (Some(_), None) => self.at_setup = Some(self.scope.saved.clone()),
            (Some(_), Some(saved)) => {
                let saved = saved.clone();
                self.scope().saved = saved;
            }
        }
        let scope = self.scope();
        scope.iteration = iteration.unwrap_or(0);
        scope.rows.extend(rows);
        scope.conversations.clear();
        scope.last = None;
        Ok(())
    }

    fn request(&mut self, step: usize) -> Result<Outgoing, String> {
        let split = self.parts.split.as_ref();
        // A user keeps to its target: a conversation is known only there.
        let target = split.map_or(0, |split| split.draw(self.parts.seed, self.scope.user));
        let spare = split.and_then(|split| split.fallback).filter(|spare| *spare != target);
        let spare = spare.map(|spare| self.make(step, spare)).transpose()?.map(Box::new);
        Ok(Outgoing { spare, ..self.make(step, target)? })
    }

    fn answered(&mut self, step: usize, answer: &Answered) -> Result<(), String> {
        let parts = self.parts.clone();
        let Some(request) = parts.requests.get(step) else { return Ok(()) };
        let seen = Arc::new(Seen::new(answer.clone()));
        if let Some((name, said)) = self.saying.take() {
            self.scope().conversations.entry(name).or_default().add(said, answer);
        }
        self.scope().last = Some(seen.clone());
        // What fails its checks may still hold what a later step needs.
        let mut failed = None;
        for save in &request.saves {
            match save.value(&self.scope, &seen) {
                Ok(value) => {
                    self.fresh.push(save.name.clone());
                    self.scope().saved.insert(save.name.clone(), value);
                }
                Err(why) => failed = failed.or(Some(why)),
            }
        }
        for check in &request.checks {
            check.judge(&self.scope, &seen)?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn failed(&mut self, _: usize, answer: &Answered) {
        self.saying = None;
        self.scope().last = Some(Arc::new(Seen::new(answer.clone())));
    }

    fn holds(&mut self, condition: usize) -> Result<bool, String> {
        let parts = self.parts.clone();
        let Some(condition) = parts.conditions.get(condition) else { return Ok(false) };
        condition.holds(&self.scope.context()).map_err(|why| format!("`{}`: {why}", condition.text))
    }

    fn fork(&self, lane: u32) -> Box<dyn Actor> {
        let mut scope = Scope::clone(&self.scope);
        scope.lane = Some(lane);
        Box::new(Performer {
            parts: self.parts.clone(),
            scope: Arc::new(scope),
            at_setup: None,
            saying: None,
            fresh: Vec::new(),
        })
    }

    fn join(&mut self, lanes: Vec<Box<dyn Actor>>) {
        let mut saved: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
        for lane in lanes {
            let lane: Box<dyn Any> = lane;
            let Ok(lane) = lane.downcast::<Performer>() else { continue };
            let mut fresh = lane.fresh;
            fresh.sort_unstable();
            fresh.dedup();
            for name in fresh {
                if let Some(value) = lane.scope.saved.get(&name) {
                    saved.entry(name).or_default().push(value.clone());
                }
            }
        }
        for (name, values) in saved {
            self.fresh.push(name.clone());
            self.scope().saved.insert(name, Value::from(values));
        }
    }
}
