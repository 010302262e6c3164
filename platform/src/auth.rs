//! Who acts: principals, and the tokens by which they prove who they are.

mod api_key;
mod authenticator;
mod directory;
mod error;
mod jwks;
mod oidc;
mod own_token;
mod principal;
mod token_secret;

pub use api_key::FreshApiKey;
pub use authenticator::{
    Authenticated, Authenticator, DirectoryError, IssuedToken, KeyAuthority, KeyHolder, OidcIdentity, SubjectDirectory,
};
pub use directory::UserDirectory;
pub use error::{AuthError, AuthSetupError, InvalidToken};
pub use principal::{ParsePrincipalError, Principal, PrincipalKind, PrincipalRef};
pub use token_secret::token_secret;

#[cfg(test)]
mod tests;
