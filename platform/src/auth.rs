//! Who acts: principals, and the tokens by which they prove who they are.

mod principal;

pub use principal::{ParsePrincipalError, Principal, PrincipalKind, PrincipalRef};
