//! From a token to an open document.

use std::sync::Arc;
use std::time::Duration;

use documents::room::{Mode, Receipts};
use documents::{Newcomer, Session};
use platform::ingress::ClientAddress;
use schema::ids::DocumentName;
use web_protocol::close;
use web_protocol::hocuspocus::Address;

use super::sink::{DocumentSink, Voice};
use crate::principals::{Place, What};
use crate::server::{Authority, Shared};
use crate::upgrade::document_authority;

/// The pause between two tries while the database or the issuer of tokens does not answer. A provider does not come back
/// by itself after it was denied, so it is not: its messages wait until the document is open, or the socket closed.
const UNAVAILABLE_PAUSE: Duration = Duration::from_secs(1);

/// Why a token does not open a document, for applications to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The address begins with no name of a document.
    InvalidName,
    /// The token is missing, wrong or has run out.
    InvalidToken,
    /// There is no such document, or it is not for this principal. Which of them, nobody learns.
    PermissionDenied,
    /// The document is open for somebody else already.
    PrincipalMismatch,
    /// The socket, or the principal, has as many documents as it may have.
    TooManyDocuments,
}

impl Denial {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid-document-name",
            Self::InvalidToken => "invalid-token",
            Self::PermissionDenied => "permission-denied",
            Self::PrincipalMismatch => "principal-mismatch",
            Self::TooManyDocuments => "too-many-documents",
        }
    }
}

/// An open document, and who opened it.
pub(super) struct Opened {
    pub(super) name: DocumentName,
    pub(super) session: Session,
    pub(super) sink: Arc<DocumentSink>,
    pub(super) authority: Authority,
    pub(super) place: Place,
}

enum Failure {
    Denied(Denial),
    Unavailable,
}

/// Checks a token, decides access and attaches. Tries again for as long as that cannot be told.
pub(super) async fn open(shared: &Shared, voice: &Voice, client: ClientAddress, token: &str) -> Result<Opened, Denial> {
    let name = Address::new(&voice.address).document();
    let name: DocumentName = name.parse().map_err(|_| Denial::InvalidName)?;
    loop {
        match try_to_open(shared, &name, voice, client, token).await {
            Ok(opened) => return Ok(opened),
            Err(Failure::Denied(denial)) => return Err(denial),
            Err(Failure::Unavailable) => tokio::time::sleep(UNAVAILABLE_PAUSE).await,
        }
    }
}

/// Finds out whose token it is. Tries again for as long as that cannot be told.
pub(super) async fn identify(shared: &Shared, name: &DocumentName, token: &str) -> Result<Authority, Denial> {
    loop {
        match try_to_identify(shared, name, token).await {
            Ok(authority) => return Ok(authority),
            Err(Failure::Denied(denial)) => return Err(denial),
            Err(Failure::Unavailable) => tokio::time::sleep(UNAVAILABLE_PAUSE).await,
        }
    }
}

async fn try_to_open(
    shared: &Shared,
    name: &DocumentName,
    voice: &Voice,
    client: ClientAddress,
    token: &str,
) -> Result<Opened, Failure> {
    let authority = try_to_identify(shared, name, token).await?;
    let granted = shared.access_once_known(&authority.principal, name).await.map_err(|_| Failure::Unavailable)?;
    let granted = granted.ok_or(Failure::Denied(Denial::PermissionDenied))?;
    let place = shared.principals.place(&authority.principal, client, What::Document);
    let place = place.ok_or(Failure::Denied(Denial::TooManyDocuments))?;
    let sink = Arc::new(DocumentSink::new(voice.clone()));
    let newcomer = Newcomer {
        principal: Arc::clone(&authority.principal),
        access: granted.access,
        mode: Mode::Sync { receipts: Receipts::Sent },
        replica_epoch: None,
        sink: Arc::clone(&sink) as Arc<dyn documents::delivery::Sink>,
    };
    let attached = shared.documents.attach(&granted.document, newcomer).await;
    let session = attached.map_err(|_| Failure::Unavailable)?;
    Ok(Opened { name: name.clone(), session, sink, authority, place })
}

async fn try_to_identify(shared: &Shared, name: &DocumentName, token: &str) -> Result<Authority, Failure> {
    let token = (!token.is_empty()).then_some(token);
    document_authority(shared, name, token).await.map_err(|(code, _)| match code {
        close::TRY_LATER => Failure::Unavailable,
        _ => Failure::Denied(Denial::InvalidToken),
    })
}
