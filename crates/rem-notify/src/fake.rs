//! A post for tests: it keeps what it gets and refuses what it is told to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Contact, Outgoing, Post, SendError, Sending, Sent};

/// Keeps messages instead of sending them.
#[derive(Debug, Default)]
pub struct FakePost {
    state: Mutex<State>,
}

/// A message the fake took over.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// The message.
    pub message: Outgoing,
    /// For whom.
    pub contact: Contact,
}

#[derive(Debug, Default)]
struct State {
    delivered: Vec<Delivered>,
    next: VecDeque<SendError>,
    broken: Vec<(Contact, SendError)>,
    attempts: usize,
}

impl FakePost {
    /// A post that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next attempt, whoever it is for, fails with `error`; called twice,
    /// the next two.
    pub fn refuse_next(&self, error: SendError) {
        self.lock().next.push_back(error);
    }

    /// Every attempt to reach `contact` fails with `error` from now on.
    pub fn refuse(&self, contact: Contact, error: SendError) {
        self.repair(&contact);
        self.lock().broken.push((contact, error));
    }

    /// `contact` works again.
    pub fn repair(&self, contact: &Contact) {
        self.lock().broken.retain(|(broken, _)| broken != contact);
    }

    /// What was taken over so far, in order.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.lock().delivered.clone()
    }

    /// The same, and forgets it.
    pub fn take_delivered(&self) -> Vec<Delivered> {
        std::mem::take(&mut self.lock().delivered)
    }

    /// How often anything was tried, refused or not.
    pub fn attempts(&self) -> usize {
        self.lock().attempts
    }

    fn answer(&self, message: &Outgoing, contact: &Contact) -> Result<Sent, SendError> {
        let mut state = self.lock();
        state.attempts += 1;
        if let Some(error) = state.next.pop_front() {
            return Err(error);
        }
        if let Some((_, error)) = state.broken.iter().find(|(broken, _)| broken == contact) {
            return Err(error.clone());
        }
        state.delivered.push(Delivered {
            message: message.clone(),
            contact: contact.clone(),
        });
        Ok(Sent {
            provider_id: None,
            detail: "kept by the fake".into(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post for FakePost {
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        contact: &'a Contact,
        _deadline: Duration,
    ) -> Sending<'a> {
        Box::pin(async move { self.answer(message, contact) })
    }
}
