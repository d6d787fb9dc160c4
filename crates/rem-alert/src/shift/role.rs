use std::collections::BTreeSet;

use rem_time::Zone;

use super::{NoticeWishes, RoleId, Rotation, UserId};

/// A duty and the rotations that fill it.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub id: RoleId,
    /// Its rotations, the lowest first: where a later one covers an instant, the
    /// earlier ones do not count.
    pub layers: Vec<Rotation>,
    /// Who is on call, all together, where no layer covers an instant. Empty: that
    /// is a gap.
    pub standing: Vec<UserId>,
    /// Who may change the shifts of others.
    pub admins: BTreeSet<UserId>,
}

/// A person who can be on call.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Their name.
    pub id: UserId,
    /// The wall their times are shown on.
    pub zone: Zone,
    /// Which notices they want.
    pub notices: NoticeWishes,
}

impl Role {
    /// A role that nobody fills yet.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            layers: Vec::new(),
            standing: Vec::new(),
            admins: BTreeSet::new(),
        }
    }

    /// With one more rotation, above the others.
    #[must_use]
    pub fn layer(mut self, rotation: Rotation) -> Self {
        self.layers.push(rotation);
        self
    }

    /// With one more person who is on call wherever no layer covers an instant.
    #[must_use]
    pub fn standing(mut self, user: impl Into<UserId>) -> Self {
        self.standing.push(user.into());
        self
    }

    /// With one more person who may change the shifts of others.
    #[must_use]
    pub fn admin(mut self, user: impl Into<UserId>) -> Self {
        self.admins.insert(user.into());
        self
    }

    /// Everybody in any layer, and who stands by, once each, by name.
    pub fn members(&self) -> BTreeSet<&UserId> {
        let layers = self.layers.iter().flat_map(Rotation::users);
        layers.chain(&self.standing).collect()
    }
}

impl User {
    /// A person in UTC with the default notices.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            zone: Zone::utc(),
            notices: NoticeWishes::default(),
        }
    }
}
