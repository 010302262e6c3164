//! What an instance serves.

use std::fmt;
use std::str::FromStr;

/// One part of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sockets.
    Sync,
    /// REST, signing in, and the studio.
    Api,
    /// Runs of agents.
    Agent,
}

impl Role {
    const EVERY: [Self; 3] = [Self::Sync, Self::Api, Self::Agent];

    /// Its name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Api => "api",
            Self::Agent => "agent",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Sync => 1,
            Self::Api => 2,
            Self::Agent => 4,
        }
    }
}

/// The roles of an instance: at least one. The text form is a list with commas; `all` stands for every role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Every role that there is.
    pub const ALL: Self = Self(Role::Sync.bit() | Role::Api.bit() | Role::Agent.bit());

    /// Whether the instance has a role.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Role::EVERY.into_iter().filter(|role| self.has(*role)).map(Role::as_str).collect();
        formatter.write_str(&names.join(","))
    }
}

/// The text names no roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRolesError {
    /// One of the names is none.
    #[error("{0} is no role; roles are sync, api, agent or all")]
    Unknown(String),
    /// There is no name.
    #[error("an instance needs a role: sync, api, agent or all")]
    None,
}

impl FromStr for Roles {
    type Err = ParseRolesError;

    fn from_str(text: &str) -> Result<Self, ParseRolesError> {
        let mut roles = 0;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            roles |= match Role::EVERY.into_iter().find(|role| role.as_str() == name) {
                Some(role) => role.bit(),
                None if name == "all" => Self::ALL.0,
                None => return Err(ParseRolesError::Unknown(name.to_owned())),
            };
        }
        if roles == 0 { Err(ParseRolesError::None) } else { Ok(Self(roles)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_from_a_list_and_an_instance_has_at_least_one() {
        let of = |text: &str| text.parse::<Roles>();
        assert_eq!(of("all"), Ok(Roles::ALL));
        assert_eq!(of("api, agent,sync,api"), Ok(Roles::ALL));
        let api = of("api").unwrap();
        assert!(api.has(Role::Api) && !api.has(Role::Sync));
        assert_eq!((api.to_string(), Roles::ALL.to_string()), ("api".to_owned(), "sync,api,agent".to_owned()));
        assert_eq!(of("sync,gui"), Err(ParseRolesError::Unknown("gui".to_owned())));
        assert_eq!(of(" , "), Err(ParseRolesError::None));
    }
}
