//! How far a client has come, in the streams of the organizations that it hears of.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use platform::db::events::EventId;
use schema::ids::OrgId;
use uuid::Uuid;

/// How far a client has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// In one organization.
    In(OrgId, EventId),
    /// In all that a person belongs to.
    OfPerson(Places),
}

/// Places in the streams of several organizations. The text form is what clients give back as `Last-Event-ID`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places(BTreeMap<OrgId, EventId>);

/// The text names no places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPlaces;

impl Position {
    /// The place in an organization, if it says one.
    pub(super) fn named(&self, org: OrgId) -> Option<EventId> {
        match self {
            Self::In(of, id) => (*of == org).then_some(*id),
            Self::OfPerson(Places(places)) => places.get(&org).copied(),
        }
    }

    /// The place in an organization.
    pub(super) fn of(&self, org: OrgId) -> EventId {
        self.named(org).unwrap_or(EventId::NONE)
    }

    /// Says another place in an organization.
    pub(super) fn set(&mut self, org: OrgId, to: EventId) {
        match self {
            Self::In(_, id) => *id = to,
            Self::OfPerson(Places(places)) => {
                places.insert(org, to);
            }
        }
    }

    /// The client has come so far, or further.
    pub(super) fn advance(&mut self, org: OrgId, to: EventId) {
        self.set(org, self.of(org).max(to));
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(_, id) => id.fmt(formatter),
            Self::OfPerson(places) => places.fmt(formatter),
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (org, id)) in self.0.iter().enumerate() {
            let parting = if index == 0 { "" } else { "." };
            write!(formatter, "{parting}{}-{id}", org.as_uuid().as_simple())?;
        }
        Ok(())
    }
}

impl FromStr for Places {
    type Err = NoPlaces;

    fn from_str(text: &str) -> Result<Self, NoPlaces> {
        let place = |part: &str| {
            let (org, id) = part.split_once('-')?;
            Some((OrgId::new(Uuid::try_parse(org).ok()?), id.parse().ok()?))
        };
        text.split('.').map(place).collect::<Option<_>>().map(Self).ok_or(NoPlaces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_after_their_text_form() {
        let (one, two) = (OrgId::new(Uuid::from_u128(1)), OrgId::new(Uuid::from_u128(2)));
        let mut position = Position::OfPerson(Places::default());
        position.set(two, EventId::new(7));
        position.advance(one, EventId::new(5));
        position.advance(one, EventId::new(4));
        let text = position.to_string();
        assert_eq!(text, "00000000000000000000000000000001-5.00000000000000000000000000000002-7");
        assert_eq!(text.parse().map(Position::OfPerson), Ok(position));
        for text in ["", "7", "x-7", "00000000000000000000000000000001-", "00000000000000000000000000000001-5."] {
            assert_eq!(text.parse::<Places>(), Err(NoPlaces), "{text}");
        }
        assert_eq!(Position::In(one, EventId::new(7)).to_string(), "7");
    }
}
