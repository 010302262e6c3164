//! Principals: those who act.

use std::fmt;
use std::str::FromStr;

use schema::ids::{RunId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Colours of cursors and avatars, as far from one another as so many can be. Each has a contrast of at least 4.5 to 1
/// against white, so that white text reads on it, and of 3 to 1 against the studio's dark ground (WCAG 2.2, 1.4.3, 1.4.11).
const PALETTE: [&str; 32] = [
    "#9a6573", "#de024a", "#b35149", "#ea001a", "#d73b00", "#94644f", "#b65c03", "#986500", "#766f5c", "#7c7004",
    "#557a18", "#5e7c54", "#1d8701", "#00864e", "#027e6e", "#417c92", "#0275b3", "#006ed6", "#0063fc", "#4f6cbc",
    "#606e99", "#5957fe", "#7d52fe", "#7568bf", "#973fe9", "#7c7082", "#b538d7", "#99579f", "#c929b9", "#d00c98",
    "#b4557a", "#e20078",
];

/// What sort of principal acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A run of an agent, on behalf of a person.
    Agent,
    /// An integration's key.
    ApiKey,
    /// Somebody without a token; on scratch documents only.
    Anonymous,
    /// The server itself.
    System,
}

impl PrincipalKind {
    const ALL: [Self; 5] = [Self::User, Self::Agent, Self::ApiKey, Self::Anonymous, Self::System];

    /// The number that stands for the kind wherever one is stored. Part of the stored formats: never change one.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Agent => 2,
            Self::ApiKey => 3,
            Self::Anonymous => 4,
            Self::System => 5,
        }
    }

    /// The kind that a number stands for, if it stands for one.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind's name in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::ApiKey => "api_key",
            Self::Anonymous => "anonymous",
            Self::System => "system",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for PrincipalKind {
    type Err = ParsePrincipalError;

    fn from_str(text: &str) -> Result<Self, ParsePrincipalError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(ParsePrincipalError)
    }
}

/// The text is no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a principal is written as <kind>:<uuid>, such as user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
pub struct ParsePrincipalError;

/// A principal as the log stores it. Its text form is `user:<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalRef {
    /// What sort.
    pub kind: PrincipalKind,
    /// Which one: the user's, run's or key's id.
    pub id: Uuid,
}

impl PrincipalRef {
    /// The server itself.
    pub const SYSTEM: Self = Self { kind: PrincipalKind::System, id: Uuid::nil() };
}

impl fmt::Display for PrincipalRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind, self.id)
    }
}

impl FromStr for PrincipalRef {
    type Err = ParsePrincipalError;

    fn from_str(text: &str) -> Result<Self, ParsePrincipalError> {
        let (kind, id) = text.split_once(':').ok_or(ParsePrincipalError)?;
        // `UserId` reads the one accepted spelling of uuids.
        let id: UserId = id.parse().map_err(|_| ParsePrincipalError)?;
        Ok(Self { kind: kind.parse()?, id: id.as_uuid() })
    }
}

/// Who acts, with what others see of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// What sort.
    pub kind: PrincipalKind,
    /// Which one: the user's, run's or key's id.
    pub id: Uuid,
    /// The person whose rights hold: the user, or the one on whose behalf an agent or a key acts.
    pub user: Option<UserId>,
    /// The name that others see.
    pub name: String,
    /// Which lease of its run a worker acts by: each time that one takes the run, it is a greater one. Of agents only,
    /// and for this instance alone.
    #[serde(skip)]
    pub lease: Option<i64>,
}

impl Principal {
    /// A person.
    #[must_use]
    pub fn user(id: UserId, name: impl Into<String>) -> Self {
        Self { kind: PrincipalKind::User, id: id.as_uuid(), user: Some(id), name: name.into(), lease: None }
    }

    /// A run of an agent, on behalf of a person, by the worker that holds this lease of it.
    #[must_use]
    pub fn run(id: RunId, lease: i64, user: UserId, name: impl Into<String>) -> Self {
        Self { kind: PrincipalKind::Agent, id: id.as_uuid(), user: Some(user), name: name.into(), lease: Some(lease) }
    }

    /// Somebody without a token, under an id that is drawn anew each time.
    #[must_use]
    pub fn anonymous(id: Uuid) -> Self {
        Self { kind: PrincipalKind::Anonymous, id, user: None, name: "Anonymous".to_owned(), lease: None }
    }

    /// The server itself.
    #[must_use]
    pub fn system() -> Self {
        let PrincipalRef { kind, id } = PrincipalRef::SYSTEM;
        Self { kind, id, user: None, name: "GlassBox".to_owned(), lease: None }
    }

    /// The principal as the log stores it.
    #[must_use]
    pub const fn reference(&self) -> PrincipalRef {
        PrincipalRef { kind: self.kind, id: self.id }
    }

    /// The principal's colour for ever, as `#rrggbb`.
    #[must_use]
    pub fn color(&self) -> &'static str {
        let bytes = self.id.as_bytes();
        let sum: usize = bytes.iter().enumerate().map(|(index, byte)| (index + 1) * usize::from(*byte)).sum();
        PALETTE[sum % PALETTE.len()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::Random;

    #[test]
    fn a_reference_is_the_same_after_its_text_form() {
        let id = Random::from_seed(1).uuid_v4();
        for kind in ["user", "agent", "api_key", "anonymous", "system"] {
            let text = format!("{kind}:{id}");
            assert_eq!(text.parse::<PrincipalRef>().unwrap().to_string(), text);
        }
        for text in ["", "user", "user:", "admin:00000000-0000-0000-0000-000000000000", &format!("USER:{id}")] {
            assert_eq!(text.parse::<PrincipalRef>(), Err(ParsePrincipalError), "{text}");
        }
    }

    #[test]
    fn kinds_keep_the_numbers_that_are_stored() {
        assert_eq!(PrincipalKind::ALL.map(PrincipalKind::number), [1, 2, 3, 4, 5]);
        for kind in PrincipalKind::ALL {
            assert_eq!(PrincipalKind::of_number(kind.number()), Some(kind));
        }
        assert_eq!([0, 6].map(PrincipalKind::of_number), [None, None]);
    }

    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn colours_are_legible_under_white_text_and_stand_out_from_light_and_dark() {
        let dark_ground = luminance("#23262b");
        for color in PALETTE {
            let on_white = 1.05 / (luminance(color) + 0.05);
            let on_dark = (luminance(color) + 0.05) / (dark_ground + 0.05);
            assert!(on_white >= 4.5 && on_dark >= 3.0, "{color}: {on_white:.2}, {on_dark:.2}");
        }
    }

    #[test]
    fn a_colour_follows_from_the_id_and_the_whole_palette_is_used() {
        let random = Random::from_seed(2);
        let principal = Principal::anonymous(random.uuid_v4());
        assert_eq!(principal.color(), principal.clone().color());
        let used: HashSet<_> = (0..1000).map(|_| Principal::anonymous(random.uuid_v4()).color()).collect();
        assert_eq!(used.len(), PALETTE.len());
    }
}
