//! Who acts: principals, and the tokens by which they prove who they are.

mod authenticator;
mod directory;
mod error;
mod jwks;
mod oidc;
mod own_token;
mod principal;
mod token_secret;

pub use authenticator::{Authenticated, Authenticator, DirectoryError, IssuedToken, OidcIdentity, SubjectDirectory};
pub use directory::UserDirectory;
pub use error::{AuthError, AuthSetupError, InvalidToken};
pub use principal::{ParsePrincipalError, Principal, PrincipalKind, PrincipalRef};
pub use token_secret::token_secret;

#[cfg(test)]
mod tests;
